#include "entropy_service/index/knn_index.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

absl::Status Validate(const std::vector<float>& coordinates,
                      const std::vector<uint32_t>& ids, uint32_t dims) {
  return ValidatePoints({coordinates, ids, dims});
}

TEST(ValidatePointsTest, TakesWhatTheContractAllows) {
  EXPECT_TRUE(Validate({1, 2, -1e18f, 1e18f}, {0, 7}, 2).ok());
  EXPECT_TRUE(Validate({}, {}, 32).ok());
}

TEST(ValidatePointsTest, NamesTheOffendingFeature) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -1.1e18f}) {
    const absl::Status status = Validate({1, 2, 3, bad}, {4, 9}, 2);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("feature 1 of point 9"));
  }
}

TEST(ValidatePointsTest, RefusesShapesThatDisagree) {
  EXPECT_EQ(Validate({1, 2, 3}, {4, 9}, 2).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Validate({}, {}, 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Validate({}, {}, 33).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ValidatePointsTest, RefusesIdsThatDoNotAscend) {
  EXPECT_EQ(Validate({1, 2}, {4, 4}, 1).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Validate({1, 2}, {4, 3}, 1).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ValidatePointsTest, PeriodicFeaturesMustBeWrapped) {
  const std::vector<float> coordinates = {0.0f, -7.0f, 6.5f, 7.0f};
  const std::vector<uint32_t> ids = {4, 9};
  const auto validate = [&](const std::vector<float>& periods) {
    return ValidatePoints({coordinates, ids, 2, periods});
  };
  EXPECT_TRUE(validate({}).ok());
  EXPECT_TRUE(validate({0, 0}).ok());
  EXPECT_TRUE(validate({6.5f, 0}).ok());
  EXPECT_THAT(std::string(validate({6.25f, 0}).message()),
              HasSubstr("feature 0 of point 9"));
  EXPECT_THAT(std::string(validate({0, 100}).message()),
              HasSubstr("feature 1 of point 4"));
  EXPECT_EQ(validate({1}).code(), absl::StatusCode::kInvalidArgument);
  for (const float bad : {-1.0f, std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(validate({0, bad}).code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace kmyriad
