#include "common/base/goal_task.h"

#include <limits>
#include <string>
#include <vector>

#include "common/base/segment.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

EnvironmentSpec Spec() {
  EnvironmentSpec spec;
  spec.task = "point_mass";
  spec.terrain = "maze";
  spec.start_x = -2;
  spec.start_y = 1;
  spec.goals = {{"G1", 2, 1, 4},
                {"near", -1.5f, 1, 0.5f},
                {"walled", 3, 3, std::numeric_limits<float>::infinity()}};
  return spec;
}

TEST(FindGoalTask, FindsByName) {
  const auto task = FindGoalTask(Spec(), "G1", 0.3f);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->goal, Spec().goals[0]);
  EXPECT_EQ(task->radius, 0.3f);
  EXPECT_EQ(DefaultGoalRadius("point_mass"), 0.3f);
  EXPECT_EQ(DefaultGoalRadius("ant"), 0.5f);
}

TEST(FindGoalTask, SaysWhatIsWrong) {
  EXPECT_THAT(FindGoalTask(Spec(), "G2", 0.3f),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("goal G2"), HasSubstr("G1, near"))));
  EXPECT_THAT(FindGoalTask(Spec(), "walled", 0.3f),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cannot be reached")));
  // Half a cell away, less 0.25 of jitter.
  EXPECT_THAT(FindGoalTask(Spec(), "near", 0.26f),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("start within its radius")));
  EXPECT_THAT(FindGoalTask(Spec(), "near", 0.24f), IsOk());
  for (const float radius :
       {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_FALSE(FindGoalTask(Spec(), "G1", radius).ok()) << radius;
  }
}

TEST(FirstStepAtGoal, IsTheFirstUnmaskedOneWithinTheRadius) {
  const GoalTask task{{"G1", 2, 1, 4}, 0.5f};
  // Three columns: only the first two are places.
  const std::vector<float> features = {0, 0, 9,    2.4f, 1.4f, 9, 2, 1.4f,
                                       9, 2, 1.5f, 9,    2,    1, 9};
  std::vector<uint8_t> flags(5);
  // (2.4, 1.4) is 0.57 away.
  EXPECT_EQ(FirstStepAtGoal(task, features.data(), 3, flags.data(), 5), 2u);
  flags[2] = kSampleOutside;
  EXPECT_EQ(FirstStepAtGoal(task, features.data(), 3, flags.data(), 5), 3u);
  flags[3] = kSampleNonfinite;
  flags[4] = kSampleUpsideDown;
  EXPECT_EQ(FirstStepAtGoal(task, features.data(), 3, flags.data(), 5), 4u);
  EXPECT_EQ(FirstStepAtGoal(task, features.data(), 3, flags.data(), 4), 4u);
}

TEST(RankBySuccess, PrefersSuccessesThenSpeedThenOrder) {
  EXPECT_THAT(RankBySuccess({2, 3, 3, 3, 0}, {60, 200, 150, 150, 0}),
              ElementsAre(2, 3, 1, 0));
  // Steps that led nowhere count nothing.
  EXPECT_THAT(RankBySuccess({0, 1, 0}, {1, 9, 1}), ElementsAre(1));
  EXPECT_THAT(RankBySuccess({0, 0}, {0, 0}), IsEmpty());
}

}  // namespace
}  // namespace kmyriad
