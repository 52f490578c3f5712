#include "deploy/launcher/restart_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kmyriad {
namespace {

TEST(RestartBudgetTest, WaitsDoubleWhileTheProcessNeverGetsReady) {
  RestartBudget budget;
  double now = 100;
  std::vector<double> waits;
  for (int i = 0; i < 8; ++i) {
    now += 0.5;
    waits.push_back(*budget.OnDeath(/*was_ready=*/false, now));
    now += waits.back();
  }
  EXPECT_THAT(waits, testing::ElementsAre(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5));
}

// Kills of a process that works cost its start each, however close they come.
TEST(RestartBudgetTest, AProcessThatWasReadyStartsAgainAtOnce) {
  RestartBudget budget;
  for (int i = 0; i < RestartBudget::kRestartsPerMinute; ++i) {
    EXPECT_EQ(*budget.OnDeath(/*was_ready=*/true, i), 0.1) << i;
  }
}

TEST(RestartBudgetTest, ReadinessMakesTheNextWaitShort) {
  RestartBudget budget;
  budget.OnDeath(false, 1);
  EXPECT_EQ(*budget.OnDeath(false, 2), 0.2);
  EXPECT_EQ(*budget.OnDeath(true, 3), 0.1);
  EXPECT_EQ(*budget.OnDeath(false, 4), 0.2);
}

TEST(RestartBudgetTest, EndsAfterTooManyDeathsInAMinute) {
  for (const bool was_ready : {false, true}) {
    RestartBudget budget;
    for (int i = 0; i < RestartBudget::kRestartsPerMinute; ++i) {
      ASSERT_TRUE(budget.OnDeath(was_ready, i)) << i;
    }
    EXPECT_FALSE(budget.OnDeath(was_ready, 20));
  }
}

TEST(RestartBudgetTest, OldDeathsAreForgotten) {
  RestartBudget budget;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(budget.OnDeath(false, 7 * i)) << i;
  }
}

}  // namespace
}  // namespace kmyriad
