#include "common/rpc/role.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kmyriad {
namespace {

constexpr char kRolePrefix[] = "kmyriad://role/";

// A method, or all methods under a prefix that ends with '/', and one role that
// may call it.
struct Access {
  absl::string_view method;
  Role role;
};
constexpr Access kAccess[] = {
    {"/kmyriad.v1.Learner/Collect", Role::kActor},
    {"/kmyriad.v1.Control/", Role::kOperator},
    {"/kmyriad.v1.EntropyService/ScoreEpoch", Role::kLearner},
    {"/kmyriad.v1.EntropyService/Evaluate", Role::kLearner},
    {"/kmyriad.v1.EntropyService/GetCoverage", Role::kLearner},
    {"/kmyriad.v1.EntropyService/GetCoverage", Role::kOperator},
    {"/kmyriad.v1.EntropyService/GetInfo", Role::kLearner},
    {"/kmyriad.v1.EntropyService/GetInfo", Role::kOperator},
    {"/grpc.reflection.v1alpha.ServerReflection/", Role::kOperator},
};

bool Covers(absl::string_view entry, absl::string_view method) {
  return entry.back() == '/' ? absl::StartsWith(method, entry)
                             : entry == method;
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kActor:
      return "actor";
    case Role::kLearner:
      return "learner";
    case Role::kEntropy:
      return "entropy";
    case Role::kOperator:
      break;
  }
  return "operator";
}

std::string RoleUri(Role role) {
  return absl::StrCat(kRolePrefix, RoleName(role));
}

absl::StatusOr<Role> RoleOfUris(const std::vector<std::string>& uris) {
  std::vector<std::string> ours;
  std::copy_if(uris.begin(), uris.end(), std::back_inserter(ours),
               [](const std::string& uri) {
                 return absl::StartsWith(uri, kRolePrefix);
               });
  for (const Role role : kRoles) {
    if (ours.size() == 1 && ours[0] == RoleUri(role)) return role;
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate names ",
                   ours.empty() ? "no role" : absl::StrJoin(ours, " and "),
                   "; it needs one ", "of ", kRolePrefix,
                   "{actor,learner,entropy,operator} as URI in its ",
                   "subject alternative name"));
}

absl::Status CheckAccess(Role role, absl::string_view method) {
  std::vector<absl::string_view> allowed;
  for (const Access& access : kAccess) {
    if (!Covers(access.method, method)) continue;
    if (access.role == role) return absl::OkStatus();
    allowed.push_back(RoleName(access.role));
  }
  // What a stranger calls itself does not belong into messages at full length.
  constexpr size_t kMaxMethod = 128;
  return absl::PermissionDeniedError(absl::StrCat(
      "a certificate of role ", RoleName(role), " may not call ",
      method.substr(0, kMaxMethod),
      allowed.empty() ? "; nobody may"
                      : absl::StrCat("; use one of role ",
                                     absl::StrJoin(allowed, " or "))));
}

}  // namespace kmyriad
