#include "common/base/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"

namespace kmyriad {
namespace {

// FIPS 180-2 appendix B.1 and the well-known value of nothing.
TEST(Sha256Test, GivesThePublishedValues) {
  EXPECT_EQ(ToHex(Sha256Of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256Of("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, PiecesGiveTheHashOfTheWhole) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.Finish(), Sha256Of("abc"));
}

TEST(Sha256Test, FinishStartsANewHash) {
  Sha256 hash;
  hash.Update("something else");
  hash.Finish();
  hash.Update("abc");
  EXPECT_EQ(hash.Finish(), Sha256Of("abc"));
}

TEST(Sha256Test, MoveKeepsTheState) {
  Sha256 hash;
  hash.Update("ab");
  Sha256 moved = std::move(hash);
  moved.Update("c");
  EXPECT_EQ(moved.Finish(), Sha256Of("abc"));
}

TEST(Sha256Test, IntegersAreEightLittleEndianBytes) {
  Sha256 hash;
  hash.UpdateInteger(0x0807060504030201u);
  EXPECT_EQ(hash.Finish(), Sha256Of("\x01\x02\x03\x04\x05\x06\x07\x08"));
}

TEST(DigestTest, BytesAndHexGoThereAndBack) {
  const Digest digest = Sha256Of("abc");
  EXPECT_EQ(DigestFromBytes(ToBytes(digest), "x").value(), digest);
  EXPECT_EQ(DigestFromHex(ToHex(digest), "x").value(), digest);
  const Uuid uuid = RandomUuid();
  EXPECT_EQ(UuidFromBytes(ToBytes(uuid), "x").value(), uuid);
  EXPECT_EQ(UuidFromHex(ToHex(uuid), "x").value(), uuid);
}

TEST(DigestTest, WrongBytesAndHexAreRefusedByName) {
  const absl::Status bytes = DigestFromBytes("short", "policy_hash").status();
  EXPECT_EQ(bytes.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(bytes.message(), "policy_hash has 5 bytes; it must have 32");
  const absl::Status length = UuidFromHex("ab", "run_uuid").status();
  EXPECT_EQ(length.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(length.message()).find("run_uuid"), std::string::npos);
  std::string hex = ToHex(Sha256Of("abc"));
  for (const char wrong : {'g', ' ', '\0', '\xff', '-'}) {
    hex[10] = wrong;
    EXPECT_EQ(DigestFromHex(hex, "x").status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  hex[10] = 'F';
  EXPECT_TRUE(DigestFromHex(hex, "x").ok());
}

TEST(DigestTest, UuidsDiffer) { EXPECT_NE(RandomUuid(), RandomUuid()); }

// Bit by bit, from the definition: polynomial 0x1EDC6F41, reflected.
uint32_t SlowCrc32c(const std::string& data) {
  uint32_t state = 0xFFFFFFFFu;
  for (const char byte : data) {
    state ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      state = (state >> 1) ^ ((state & 1) != 0 ? 0x82F63B78u : 0u);
    }
  }
  return ~state;
}

TEST(Crc32cTest, GivesThePublishedCheckValue) {
  EXPECT_EQ(Crc32c(0, "123456789", 9), 0xE3069283u);
  EXPECT_EQ(Crc32c(0, nullptr, 0), 0u);
}

TEST(Crc32cTest, AgreesWithTheDefinitionAtEveryLengthAndCut) {
  std::string data;
  for (int i = 0; i < 300; ++i) {
    data.push_back(static_cast<char>(i * 37 + 11));
    const uint32_t whole = Crc32c(0, data.data(), data.size());
    ASSERT_EQ(whole, SlowCrc32c(data)) << i;
    const size_t cut = data.size() / 3;
    const uint32_t first = Crc32c(0, data.data(), cut);
    ASSERT_EQ(Crc32c(first, data.data() + cut, data.size() - cut), whole) << i;
  }
}

TEST(Crc32cTest, SeesEveryFlippedBit) {
  std::string data(64, 'x');
  const uint32_t crc = Crc32c(0, data.data(), data.size());
  for (size_t bit = 0; bit < 8 * data.size(); ++bit) {
    data[bit / 8] = static_cast<char>(data[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(Crc32c(0, data.data(), data.size()), crc);
    data[bit / 8] = static_cast<char>(data[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace kmyriad
