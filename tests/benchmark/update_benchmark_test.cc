#include "tests/benchmark/update_benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kmyriad {
namespace {

UpdateBenchmarkOptions Small() {
  UpdateBenchmarkOptions options;
  options.agents = 2;
  options.envs = 4;
  options.horizon = 64;
  options.trunk = {32, 16};
  options.threads = 2;
  options.passes = 2;
  options.square = 32;
  options.product_rows = 32;
  return options;
}

TEST(UpdateBenchmarkTest, ReportsBothPrecisionsAgainstTheSameRun) {
  const auto result = RunUpdateBenchmark(Small());
  ASSERT_TRUE(result.ok()) << result.status();
  for (const char* precision : {"fp32", "bf16"}) {
    const nlohmann::json& part = (*result)[precision];
    EXPECT_GT(part["seconds"].get<double>(), 0);
    EXPECT_GT(part["gemm_gflops"].get<double>(), 0);
    EXPECT_NEAR(part["share"].get<double>() * part["gemm_gflops"].get<double>(),
                part["gflops"].get<double>(), 1e-9);
    // 6 x (actor trunk 992 + 528, head 8 x 18, critic trunk 1248 + 528, value
    // 17, embedding 8) per sample and pass.
    EXPECT_NEAR(
        part["gflops"].get<double>() / part["samples_per_second"].get<double>(),
        6e-9 * 3465, 1e-12);
  }
  EXPECT_GT((*result)["bf16_speedup"].get<double>(), 0);
  EXPECT_EQ((*result)["numerics"]["device"], "cpu");
}

TEST(UpdateBenchmarkTest, LeavesOutThePrecisionNotAskedFor) {
  UpdateBenchmarkOptions options = Small();
  options.precision = "fp32";
  const auto result = RunUpdateBenchmark(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->contains("bf16"));
  EXPECT_TRUE((*result)["bf16_speedup"].is_null());
}

TEST(UpdateBenchmarkTest, RefusesWhatMakesNoSense) {
  UpdateBenchmarkOptions options = Small();
  options.precision = "fp64";
  EXPECT_EQ(RunUpdateBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = Small();
  options.envs = 3;
  EXPECT_EQ(RunUpdateBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kmyriad
