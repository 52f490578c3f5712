#ifndef KMYRIAD_COMMON_RPC_ADDRESS_H_
#define KMYRIAD_COMMON_RPC_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

// Where a service listens or is reached: "HOST:PORT" (IPv6 hosts in square
// brackets) or "unix:PATH".
struct Address {
  bool is_unix = false;
  std::string path;  // unix only, at most 107 bytes
  std::string host;  // TCP only, without brackets
  uint16_t port = 0;

  // True for unix sockets, "localhost", 127.0.0.0/8 and ::1. Other names are
  // not resolved: they count as remote.
  bool IsLocal() const;
  // As parsed: "HOST:PORT", "[HOST]:PORT" or "unix:PATH".
  std::string ToString() const;
};

// INVALID_ARGUMENT naming the text and the two forms.
absl::StatusOr<Address> ParseAddress(const std::string& text);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_ADDRESS_H_
