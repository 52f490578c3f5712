#ifndef KMYRIAD_COMMON_RPC_ROLE_H_
#define KMYRIAD_COMMON_RPC_ROLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// Who a process is to its peers. Its certificate says so, by one URI of the
// form kmyriad://role/NAME in the subject alternative name.
enum class Role { kActor, kLearner, kEntropy, kOperator };
inline constexpr Role kRoles[] = {Role::kActor, Role::kLearner, Role::kEntropy,
                                  Role::kOperator};

// "actor", "learner", "entropy" or "operator".
absl::string_view RoleName(Role role);
// "kmyriad://role/actor", ...
std::string RoleUri(Role role);

// The role that the URIs of a certificate name; URIs of others are passed over.
// PERMISSION_DENIED unless it is exactly one of the known ones.
absl::StatusOr<Role> RoleOfUris(const std::vector<std::string>& uris);

// Whether `role` may call `method`, e.g. "/kmyriad.v1.Control/Pause": OK or
// PERMISSION_DENIED, naming who may. Methods that are not listed are nobody's.
absl::Status CheckAccess(Role role, absl::string_view method);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_ROLE_H_
