#include "common/base/digest.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace kmyriad {
namespace {

template <typename Value>
absl::StatusOr<Value> FromBytes(absl::string_view bytes,
                                absl::string_view what) {
  Value value;
  if (bytes.size() != value.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " has ", bytes.size(), " bytes; it must have ", value.size()));
  }
  std::copy(bytes.begin(), bytes.end(), value.begin());
  return value;
}

// Value of a hexadecimal digit, -1 for any other character.
int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(digit));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

template <typename Value>
absl::StatusOr<Value> FromHex(absl::string_view hex, absl::string_view what) {
  Value value;
  if (hex.size() != 2 * value.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", hex.size(), " characters; it must be ",
                     2 * value.size(), " hexadecimal digits"));
  }
  for (size_t i = 0; i < value.size(); ++i) {
    const int high = DigitValue(hex[2 * i]);
    const int low = DigitValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " has a character that is no hexadecimal digit; ",
                       "it must be ", 2 * value.size(), " of them"));
    }
    value[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return value;
}

}  // namespace

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) {
    KMYRIAD_CHECK(evp != nullptr);
    Start();
  }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void Start() {
    KMYRIAD_CHECK(EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) == 1);
  }

  EVP_MD_CTX* const evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(const void* data, size_t bytes) {
  KMYRIAD_CHECK(EVP_DigestUpdate(context_->evp, data, bytes) == 1);
}

void Sha256::UpdateInteger(uint64_t value) {
  std::array<uint8_t, 8> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  }
  Update(bytes.data(), bytes.size());
}

Digest Sha256::Finish() {
  Digest digest;
  KMYRIAD_CHECK(EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr) == 1);
  context_->Start();
  return digest;
}

Digest Sha256Of(absl::string_view data) {
  Sha256 hash;
  hash.Update(data);
  return hash.Finish();
}

std::string ToHex(const uint8_t* data, size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes);
  for (size_t i = 0; i < bytes; ++i) {
    hex.push_back(kDigits[data[i] >> 4]);
    hex.push_back(kDigits[data[i] & 15]);
  }
  return hex;
}
std::string ToHex(const Digest& digest) {
  return ToHex(digest.data(), digest.size());
}
std::string ToHex(const Uuid& uuid) { return ToHex(uuid.data(), uuid.size()); }

std::string ToBytes(const Digest& digest) {
  return std::string(digest.begin(), digest.end());
}
std::string ToBytes(const Uuid& uuid) {
  return std::string(uuid.begin(), uuid.end());
}

absl::StatusOr<Digest> DigestFromBytes(absl::string_view bytes,
                                       absl::string_view what) {
  return FromBytes<Digest>(bytes, what);
}
absl::StatusOr<Uuid> UuidFromBytes(absl::string_view bytes,
                                   absl::string_view what) {
  return FromBytes<Uuid>(bytes, what);
}
absl::StatusOr<Digest> DigestFromHex(absl::string_view hex,
                                     absl::string_view what) {
  return FromHex<Digest>(hex, what);
}
absl::StatusOr<Uuid> UuidFromHex(absl::string_view hex,
                                 absl::string_view what) {
  return FromHex<Uuid>(hex, what);
}

Uuid RandomUuid() {
  Uuid uuid;
  KMYRIAD_CHECK(getentropy(uuid.data(), uuid.size()) == 0);
  return uuid;
}

uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes) {
  // ISA-L works on the register itself, whereas the usual value is its
  // complement before and after; its length is an int.
  constexpr size_t kLongest = std::numeric_limits<int>::max();
  // The declaration lacks a const: ISA-L does not write.
  auto* next = const_cast<uint8_t*>(static_cast<const uint8_t*>(data));
  uint32_t state = ~crc;
  while (bytes > 0) {
    const size_t piece = std::min(bytes, kLongest);
    state = crc32_iscsi(next, static_cast<int>(piece), state);
    next += piece;
    bytes -= piece;
  }
  return ~state;
}

}  // namespace kmyriad
