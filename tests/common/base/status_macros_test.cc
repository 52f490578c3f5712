#include "common/base/status_macros.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "common/base/check.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

absl::Status Forward(const absl::Status& status, int& evaluations) {
  KMYRIAD_RETURN_IF_ERROR((++evaluations, status));
  return absl::CancelledError("went on");
}

absl::StatusOr<int> Add(absl::StatusOr<int> a, absl::StatusOr<int> b) {
  KMYRIAD_ASSIGN_OR_RETURN(const int left, a);
  int right = 0;
  KMYRIAD_ASSIGN_OR_RETURN(right, b);
  return left + right;
}

absl::StatusOr<std::unique_ptr<int>> Move(
    absl::StatusOr<std::unique_ptr<int>> from) {
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<int> value, std::move(from));
  return value;
}

TEST(StatusMacrosTest, ReturnIfErrorEvaluatesOnceAndForwardsErrors) {
  int evaluations = 0;
  EXPECT_THAT(Forward(absl::NotFoundError("x"), evaluations),
              StatusIs(absl::StatusCode::kNotFound, "x"));
  EXPECT_EQ(evaluations, 1);
  EXPECT_THAT(Forward(absl::OkStatus(), evaluations),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(StatusMacrosTest, AssignOrReturnAssignsOrForwards) {
  EXPECT_THAT(Add(3, 4), IsOkAndHolds(7));
  EXPECT_THAT(Add(absl::NotFoundError("a"), 4),
              StatusIs(absl::StatusCode::kNotFound, "a"));
  EXPECT_THAT(Add(3, absl::InternalError("b")),
              StatusIs(absl::StatusCode::kInternal, "b"));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<int> moved,
                               Move(std::make_unique<int>(5)));
  EXPECT_EQ(*moved, 5);
}

TEST(CheckDeathTest, EndsTheProcessOnBrokenInvariantsOnly) {
  KMYRIAD_CHECK(1 + 1 == 2);
  EXPECT_DEATH(KMYRIAD_CHECK(1 + 1 == 3),
               "status_macros_test.*broken invariant: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace kmyriad
