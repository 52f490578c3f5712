// Addresses of flags and files.
#include "common/rpc/address.h"

#include "common/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  const absl::StatusOr<Address> address = ParseAddress(std::string(input));
  if (!address.ok()) return;
  const absl::StatusOr<Address> again = ParseAddress(address->ToString());
  KMYRIAD_CHECK(again.ok());
  KMYRIAD_CHECK(again->ToString() == address->ToString());
  KMYRIAD_CHECK(again->IsLocal() == address->IsLocal());
}

std::vector<std::string> Seeds() {
  return {"127.0.0.1:9464", "[::1]:0", "unix:/tmp/socket", "host.name:65535"};
}

}  // namespace kmyriad
