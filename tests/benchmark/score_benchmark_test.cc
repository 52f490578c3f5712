#include "tests/benchmark/score_benchmark.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

// Says nothing about speed: only that both ways give the same answer.
TEST(ScoreBenchmarkTest, BothWaysGiveTheSameRewards) {
  ScoreBenchmarkOptions options;
  options.particles = 4000;
  options.repeats = 2;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json result,
                               RunScoreBenchmark(options));
  EXPECT_EQ(result["particles"], 4000);
  EXPECT_EQ(result["engine"], "grid");
  EXPECT_EQ(result["same_rewards"], true);
  EXPECT_GT(result["socket_seconds"], 0);
  EXPECT_GT(result["in_process_seconds"], 0);
}

TEST(ScoreBenchmarkTest, RefusesOptionsThatMakeNoSense) {
  ScoreBenchmarkOptions options;
  options.particles = 399;
  EXPECT_THAT(RunScoreBenchmark(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("--particles = 399")));
  options = {};
  options.repeats = 0;
  EXPECT_THAT(RunScoreBenchmark(options),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kmyriad
