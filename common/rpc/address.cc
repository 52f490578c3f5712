#include "common/rpc/address.h"

#include <sys/un.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kmyriad {
namespace {

constexpr char kUnixPrefix[] = "unix:";
// The kernel's limit, without the terminating zero.
constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Malformed(const std::string& text, const std::string& reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("address \"", text, "\": ", reason,
                   "; write HOST:PORT, e.g. 127.0.0.1:50051, or unix:PATH"));
}

}  // namespace

bool Address::IsLocal() const {
  return is_unix || host == "localhost" || host == "::1" ||
         (absl::StartsWith(host, "127.") &&
          host.find_first_not_of("0123456789.") == std::string::npos);
}

std::string Address::ToString() const {
  if (is_unix) return absl::StrCat(kUnixPrefix, path);
  if (host.find(':') != std::string::npos) {
    return absl::StrCat("[", host, "]:", port);
  }
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  Address address;
  if (text.find('\0') != std::string::npos) {
    return Malformed("", "it contains a zero byte");
  }
  if (absl::StartsWith(text, kUnixPrefix)) {
    address.is_unix = true;
    address.path = text.substr(sizeof(kUnixPrefix) - 1);
    if (address.path.empty()) return Malformed(text, "the path is empty");
    if (address.path.size() > kMaxUnixPath) {
      return Malformed(
          text, absl::StrCat("the path has ", address.path.size(),
                             " bytes, a socket's path at most ", kMaxUnixPath));
    }
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return Malformed(text, "it has no port");
  address.host = text.substr(0, colon);
  if (absl::StartsWith(address.host, "[") &&
      absl::EndsWith(address.host, "]")) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return Malformed(text, "an IPv6 host needs square brackets");
  }
  if (address.host.empty() ||
      address.host.find_first_of(" /[]") != std::string::npos) {
    return Malformed(text, "the host is empty or malformed");
  }
  const std::string port = text.substr(colon + 1);
  uint32_t number = 0;
  if (port.empty() ||
      port.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(port, &number) || number > 65535) {
    return Malformed(text,
                     absl::StrCat("the port is \"", port, "\", not 0..65535"));
  }
  address.port = static_cast<uint16_t>(number);
  return address;
}

}  // namespace kmyriad
