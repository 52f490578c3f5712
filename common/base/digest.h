#ifndef KMYRIAD_COMMON_BASE_DIGEST_H_
#define KMYRIAD_COMMON_BASE_DIGEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// SHA-256 value.
using Digest = std::array<uint8_t, 32>;
// Run UUID: 16 random bytes.
using Uuid = std::array<uint8_t, 16>;

// Incremental SHA-256 (OpenSSL). Not thread-safe; movable.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(const void* data, size_t bytes);
  void Update(absl::string_view data) { Update(data.data(), data.size()); }
  // Eight bytes, little endian: lengths and counters between variable parts.
  void UpdateInteger(uint64_t value);
  // Ends the hash; the object starts a new one.
  Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest Sha256Of(absl::string_view data);

// Lower-case hexadecimal digits.
std::string ToHex(const uint8_t* data, size_t bytes);
std::string ToHex(const Digest& digest);
std::string ToHex(const Uuid& uuid);

// The raw bytes, as protos carry them.
std::string ToBytes(const Digest& digest);
std::string ToBytes(const Uuid& uuid);
// INVALID_ARGUMENT, naming `what`, if the length is wrong.
absl::StatusOr<Digest> DigestFromBytes(absl::string_view bytes,
                                       absl::string_view what);
absl::StatusOr<Uuid> UuidFromBytes(absl::string_view bytes,
                                   absl::string_view what);
// INVALID_ARGUMENT, naming `what`, if these are not 64 (32) hex digits.
absl::StatusOr<Digest> DigestFromHex(absl::string_view hex,
                                     absl::string_view what);
absl::StatusOr<Uuid> UuidFromHex(absl::string_view hex,
                                 absl::string_view what);
// From the system's entropy source.
Uuid RandomUuid();

// CRC-32C (Castagnoli) of `data`, continuing from `crc` (0 at the start), so
// that pieces can be chained.
uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_DIGEST_H_
