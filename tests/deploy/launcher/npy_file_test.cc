#include "deploy/launcher/npy_file.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

NamedTensor Floats(std::vector<int64_t> shape,
                   const std::vector<float>& values) {
  return MakeTensor("", std::move(shape), values);
}

// A file of a header as given, version 1, and `data` bytes.
std::string File(const std::string& header, size_t data, char major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {major, '\0', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  if (major > 1) bytes += std::string(2, '\0');
  return bytes + header + std::string(data, '\0');
}

std::string Header(const std::string& descr, const std::string& shape) {
  return absl::StrCat("{'descr': '", descr,
                      "', 'fortran_order': False, 'shape': ", shape, ", }\n");
}

TEST(NpyFileTest, WritesTheBytesOfNumpy) {
  // numpy.save of numpy.array([[1, 2, 3]], '<f4'), NumPy 2.
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
  expected += std::string(127 - expected.size(), ' ') + "\n";
  const float values[] = {1, 2, 3};
  expected.append(reinterpret_cast<const char*>(values), sizeof(values));
  EXPECT_EQ(EncodeNpy(Floats({1, 3}, {1, 2, 3})), expected);
}

TEST(NpyFileTest, ReadsWhatItWrites) {
  for (const auto& shape : std::vector<std::vector<int64_t>>{
           {6}, {2, 3}, {1, 1, 6}, {3, 2, 1, 1, 1, 1, 1, 1}}) {
    const NamedTensor tensor = Floats(shape, {1, 2, 3, 4, 5, 6});
    const std::string bytes = EncodeNpy(tensor);
    EXPECT_EQ((bytes.size() - 24) % 64, 0u);
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const NamedTensor read, DecodeNpy(bytes));
    EXPECT_EQ(read.shape, shape);
    EXPECT_EQ(read.data, tensor.data);
    EXPECT_EQ(read.type, TensorType::kFloat32);
  }
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const NamedTensor scalar,
                               DecodeNpy(EncodeNpy(Floats({}, {7}))));
  EXPECT_TRUE(scalar.shape.empty());
}

TEST(NpyFileTest, ReadsEveryTypeAndVersion) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(NamedTensor read,
                               DecodeNpy(File(Header("<f8", "(2, 2)"), 32)));
  EXPECT_EQ(read.type, TensorType::kFloat64);
  EXPECT_THAT(read.shape, ElementsAre(2, 2));
  for (const char* descr : {"<i8", "<f8"}) {
    EXPECT_THAT(DecodeNpy(File(Header(descr, "(3,)"), 24, 2)), IsOk());
  }
  EXPECT_THAT(DecodeNpy(File(Header("|u1", "(3,)"), 3, 3)), IsOk());
  EXPECT_THAT(DecodeNpy(File(Header("<u4", "(0, 5)"), 0)), IsOk());
  // Keys in another order, other quotes and spaces.
  EXPECT_THAT(DecodeNpy(File("{ \"shape\":(1,2),'fortran_order' : False,"
                             "'descr':\"<f4\"}  ",
                             8)),
              IsOk());
}

TEST(NpyFileTest, WhatIsWrongIsSaid) {
  struct Case {
    std::string bytes;
    const char* says;
  };
  const std::string good = File(Header("<f4", "(2, 2)"), 16);
  const std::vector<Case> cases = {
      {"", "does not begin"},
      {"not numpy at all", "does not begin"},
      {good.substr(0, 30), "ends within the header"},
      {File("", 0, 4), "version 4.0"},
      {good + "x", "needs 16 bytes, the file has 17"},
      {good.substr(0, good.size() - 1), "the file has 15"},
      {File(std::string(5000, ' '), 0), "header of 5000 bytes"},
      {File(Header("<f2", "(2,)"), 4), "descr = <f2: save it as float32"},
      {File(Header(">f4", "(2,)"), 8), "descr = >f4"},
      {File(Header("|O", "(2,)"), 8), "descr = |O"},
      {File("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16),
       "ascontiguousarray"},
      {File("{'descr': '<f4', 'shape': (2, 2)}", 16), "lacks"},
      {File("{}", 0), "lacks"},
      {File("{'descr': '<f4', 'descr': '<f4'}", 0), "malformed"},
      {File("{'other': 1}", 0), "malformed"},
      {File("[1]", 0), "malformed"},
      {File(Header("<f4", "(-2,)"), 8), "malformed"},
      {File(Header("<f4", "(2"), 8), "malformed"},
      {File(Header("<f4", "(1,1,1,1,1,1,1,1,1)"), 4), "malformed"},
      {File(Header("<f4", "(99999999999999999999,)"), 4), "malformed"},
      {File(Header("<f4", "(9223372036854775807, 3)"), 4), "out of range"},
      {File(Header("<f4", "(1000000000000, 1)"), 4), "needs 4000000000000"},
      {File(Header("<f4", "(1,)") + "x", 4), "malformed"},
  };
  for (const Case& wrong : cases) {
    EXPECT_THAT(
        DecodeNpy(wrong.bytes),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.says)))
        << wrong.says;
  }
}

}  // namespace
}  // namespace kmyriad
