#include "deploy/launcher/restart_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kmyriad {
namespace {

TEST(RestartBudgetTest, WaitsDoubleWhileTheProcessDiesAtOnce) {
  RestartBudget budget;
  double now = 100;
  std::vector<double> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(*budget.OnDeath(now, now + 0.5));
    now += 0.5 + waits.back();
  }
  EXPECT_THAT(waits, testing::ElementsAre(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5));
}

TEST(RestartBudgetTest, AHealthyLifeMakesTheNextWaitShort) {
  RestartBudget budget;
  budget.OnDeath(0, 1);
  budget.OnDeath(1, 2);
  EXPECT_EQ(*budget.OnDeath(2, 12), 0.1);
}

TEST(RestartBudgetTest, EndsAfterTooManyDeathsInAMinute) {
  RestartBudget budget;
  for (int i = 0; i < RestartBudget::kRestartsPerMinute; ++i) {
    ASSERT_TRUE(budget.OnDeath(i, i + 0.1)) << i;
  }
  EXPECT_FALSE(budget.OnDeath(20, 20.1));
}

TEST(RestartBudgetTest, OldDeathsAreForgotten) {
  RestartBudget budget;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(budget.OnDeath(7 * i, 7 * i + 6.9)) << i;
  }
}

}  // namespace
}  // namespace kmyriad
