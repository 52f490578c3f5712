#include "deploy/launcher/sample_file.h"

#include <string>
#include <vector>

#include "common/base/tensor.h"
#include "deploy/launcher/npy_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/safetensors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SampleFileTest : public testing::Test {
 protected:
  // A .npy file of 2 x 3 numbers.
  std::string Npy() {
    return Write("a.npy",
                 EncodeNpy(MakeTensor<double>("", {2, 3}, {0, 1, 2, 3, 4, 5})));
  }
  std::string Write(const char* name, const std::string& bytes) {
    const std::string path = folder_.File(name);
    EXPECT_THAT(files_.AtomicReplace(path, bytes), IsOk());
    return path;
  }
  absl::Status Failure(const std::string& path, const char* tensor = "",
                       const char* columns = "") {
    return ReadSamples(files_, path, tensor, columns).status();
  }

  TempDir folder_;
  FileSystem& files_ = PosixFileSystem();
};

TEST_F(SampleFileTest, TakesTheColumnsInTheirOrder) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const Samples all,
                               ReadSamples(files_, Npy(), "", ""));
  EXPECT_EQ(all.rows, 2u);
  EXPECT_EQ(all.dims, 3u);
  EXPECT_THAT(all.values, ElementsAre(0, 1, 2, 3, 4, 5));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const Samples some,
                               ReadSamples(files_, Npy(), "", "2,0"));
  EXPECT_EQ(some.dims, 2u);
  EXPECT_THAT(some.values, ElementsAre(2, 0, 5, 3));
}

TEST_F(SampleFileTest, AListOfNumbersIsOneColumn) {
  const std::string path =
      Write("a.npy", EncodeNpy(MakeTensor<float>("", {3}, {7, 8, 9})));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const Samples samples,
                               ReadSamples(files_, path, "", ""));
  EXPECT_EQ(samples.dims, 1u);
  EXPECT_THAT(samples.values, ElementsAre(7, 8, 9));
}

TEST_F(SampleFileTest, FindsATensorByItsName) {
  SafetensorsContent content;
  content.tensors = {MakeTensor<float>("a", {1, 2}, {1, 2}),
                     MakeTensor<float>("b", {2, 1}, {3, 4})};
  const std::string path = Write("x.safetensors", *EncodeSafetensors(content));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const Samples samples,
                               ReadSamples(files_, path, "b", ""));
  EXPECT_THAT(samples.values, ElementsAre(3, 4));
  EXPECT_THAT(Failure(path), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("use one of a, b")));
  EXPECT_THAT(Failure(path, "c"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SampleFileTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Failure(folder_.File("no.npy")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Failure(folder_.File("no.csv")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("unknown format")));
  EXPECT_THAT(
      Failure(Write("b.npy", "rubbish")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("b.npy: .npy: ")));
  EXPECT_THAT(Failure(Write("b.safetensors", "rubbish")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("b.safetensors: safetensors: ")));
  for (const char* columns : {"3", "x", "0,,1", "-1", "0,1,"}) {
    EXPECT_THAT(Failure(Npy(), "", columns),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("columns 0 to 2")));
  }
  struct Case {
    std::vector<int64_t> shape;
    const char* says;
  };
  for (const Case& wrong : std::vector<Case>{{{}, "shape ()"},
                                             {{0, 3}, "shape (0, 3)"},
                                             {{3, 0}, "use 1 to 32"},
                                             {{1, 33}, "33 columns"},
                                             {{1, 2, 2}, "shape (1, 2, 2)"}}) {
    size_t count = 1;
    for (const int64_t extent : wrong.shape) {
      count *= static_cast<size_t>(extent);
    }
    EXPECT_THAT(
        Failure(
            Write("w.npy", EncodeNpy(MakeTensor<float>(
                               "", wrong.shape, std::vector<float>(count))))),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.says)));
  }
  EXPECT_THAT(
      Failure(Write("i.npy", EncodeNpy(MakeTensor<int64_t>("", {2}, {1, 2})))),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not float32")));
}

TEST_F(SampleFileTest, RewardsAreWrittenInBothFormats) {
  const std::vector<float> rewards = {1, -2, 0.5f};
  for (const char* name : {"r.npy", "r.safetensors"}) {
    const std::string path = folder_.File(name);
    ASSERT_THAT(WriteRewards(files_, path, rewards), IsOk());
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const Samples read,
                                 ReadSamples(files_, path, "", ""));
    EXPECT_EQ(read.values, rewards);
  }
  EXPECT_THAT(WriteRewards(files_, folder_.File("r.txt"), rewards),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kmyriad
