#include "learner/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "common/base/tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/tensor_digest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

SafetensorsContent Sample() {
  return {
      {MakeTensor<float>("trunk.0.weight", {2, 3}, {1, 2, 3, -4, 5, 1e-30f}),
       MakeTensor<uint8_t>("flags", {3}, {0, 1, 255}),
       MakeTensor<double>("normalizer.mean", {1}, {0.1}),
       MakeTensor<int64_t>("total", {}, {std::numeric_limits<int64_t>::min()}),
       MakeTensor<uint32_t>("cells", {0, 7}, {})},
      {{"kmyriad.format", "1"}, {"note", "two \"words\"\n"}}};
}

// A file with the given header and data.
std::string File(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((header.size() >> (8 * i)) & 0xff);
  }
  return bytes + header + data;
}

bool SameTensor(const NamedTensor& a, const NamedTensor& b) {
  return a.name == b.name && a.type == b.type && a.shape == b.shape &&
         a.data == b.data;
}

TEST(SafetensorsTest, ContentSurvivesTheWayThroughBytes) {
  const SafetensorsContent content = Sample();
  const auto bytes = EncodeSafetensors(content);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto decoded = DecodeSafetensors(*bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->metadata, content.metadata);
  ASSERT_EQ(decoded->tensors.size(), content.tensors.size());
  for (const NamedTensor& tensor : content.tensors) {
    bool found = false;
    for (const NamedTensor& other : decoded->tensors) {
      found |= SameTensor(tensor, other);
    }
    EXPECT_TRUE(found) << tensor.name;
  }
}

TEST(SafetensorsTest, BytesDoNotDependOnTheOrderOfTensors) {
  SafetensorsContent reversed = Sample();
  std::reverse(reversed.tensors.begin(), reversed.tensors.end());
  EXPECT_EQ(*EncodeSafetensors(Sample()), *EncodeSafetensors(reversed));
  EXPECT_EQ(DigestTensors(Sample().tensors, {}),
            DigestTensors(reversed.tensors, {}));
}

TEST(SafetensorsTest, DataStartAtAMultipleOf64) {
  for (size_t length = 1; length < 70; ++length) {
    const auto bytes = EncodeSafetensors(
        {{MakeTensor<float>(std::string(length, 'n'), {1}, {1})}, {}});
    uint64_t header = 0;
    std::memcpy(&header, bytes->data(), 8);
    EXPECT_EQ((header + 8) % 64, 0u);
    EXPECT_EQ(bytes->size(), header + 8 + 4);
  }
}

TEST(SafetensorsTest, LayoutIsTheOneOfTheFormat) {
  const auto decoded = DecodeSafetensors(
      File(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
           R"("a":{"dtype":"U8","shape":[2,1],"data_offsets":[4,6]}}  )",
           std::string("\0\0\x80\x3fxy", 6)));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->tensors.size(), 2u);
  EXPECT_TRUE(SameTensor(decoded->tensors[0],
                         MakeTensor<uint8_t>("a", {2, 1}, {'x', 'y'})));
  EXPECT_TRUE(
      SameTensor(decoded->tensors[1], MakeTensor<float>("b", {1}, {1})));
}

TEST(SafetensorsTest, EncoderRefusesInconsistentTensors) {
  SafetensorsContent repeated = Sample();
  repeated.tensors.push_back(repeated.tensors[0]);
  EXPECT_THAT(std::string(EncodeSafetensors(repeated).status().message()),
              HasSubstr("trunk.0.weight"));
  SafetensorsContent short_data = Sample();
  short_data.tensors[0].data.pop_back();
  EXPECT_THAT(std::string(EncodeSafetensors(short_data).status().message()),
              HasSubstr("23 bytes, its shape needs 24"));
  SafetensorsContent reserved = Sample();
  reserved.tensors[0].name = "__metadata__";
  EXPECT_FALSE(EncodeSafetensors(reserved).ok());
}

TEST(SafetensorsTest, DecoderRefusesEveryKindOfWrongHeader) {
  const std::string four(4, 'x');
  const std::vector<std::string> files = {
      "",
      std::string(7, '\0'),
      std::string(8, '\xff'),
      File("", ""),
      File("[]", ""),
      File("{\"a\":1}", ""),
      File("{", ""),
      File("\xff\xfe{}", ""),
      File(std::string(100000, '['), ""),
      File("{}", four),
      File(R"({"__metadata__":{"a":1}})", ""),
      File(R"({"__metadata__":"x"})", ""),
      // A type that we do not have, and one that is no string.
      File(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", four),
      File(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", four),
      // Shapes that do not fit, are negative, fractional or overflow.
      File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[1099511627776,1099511627776],)"
           R"("data_offsets":[0,4]}})",
           four),
      File(R"({"a":{"dtype":"F32","shape":[18446744073709551615],)"
           R"("data_offsets":[0,4]}})",
           four),
      // Offsets beyond the file, reversed, or not numbers.
      File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", four),
      File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":["0","4"]}})",
           four),
      // Too many or too few fields; a gap; an overlap; a repeated name.
      File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":1}})",
           four),
      File(R"({"a":{"dtype":"F32","shape":[1]}})", four),
      File(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
           R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
           four),
      File(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
           R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
           four),
      File(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
           R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
           four),
  };
  for (const std::string& file : files) {
    const auto decoded = DecodeSafetensors(file);
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss)
        << file.substr(0, 120);
  }
}

TEST(SafetensorsTest, HeaderLongerThanTheLimitIsRefusedBeforeParsing) {
  const auto decoded =
      DecodeSafetensors(File(std::string(kMaxSafetensorsHeader + 1, ' '), ""));
  EXPECT_THAT(std::string(decoded.status().message()), HasSubstr("header of"));
}

TEST(SafetensorsTest, EveryTruncationIsRefused) {
  const std::string bytes = *EncodeSafetensors(Sample());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeSafetensors(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(DecodeSafetensors(bytes + "x").ok());
}

TEST(SafetensorsTest, ChangedHeaderBytesNeverCrashTheDecoder) {
  const std::string bytes = *EncodeSafetensors(Sample());
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  for (size_t i = 0; i < 8 + header; ++i) {
    for (const char value : {'\0', '"', '9', '{', '\xff', ' '}) {
      std::string changed = bytes;
      changed[i] = value;
      const auto decoded = DecodeSafetensors(changed);
      if (!decoded.ok()) continue;
      // What is accepted is consistent: it can be written again.
      EXPECT_TRUE(EncodeSafetensors(*decoded).ok()) << i;
    }
  }
}

TEST(TensorDigestTest, EveryPartOfATensorCounts) {
  const NamedTensor base = MakeTensor<float>("a", {2, 1}, {1, 2});
  const Digest digest = DigestTensors({base}, {});
  NamedTensor name = base, type = base, shape = base, data = base;
  name.name = "b";
  type.type = TensorType::kUint32;
  shape.shape = {1, 2};
  data.data[7] ^= 1;
  for (const NamedTensor& changed : {name, type, shape, data}) {
    EXPECT_NE(DigestTensors({changed}, {}), digest);
  }
  EXPECT_NE(DigestTensors({base, name}, {}), digest);
  EXPECT_EQ(DigestTensors({base}, {name}), DigestTensors({name}, {base}));
}

}  // namespace
}  // namespace kmyriad
