#include "tests/benchmark/policy_benchmark.h"

#include <string>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// No figure of speed is asserted: other programs run beside tests.
TEST(PolicyBenchmark, ReportsConsistentFigures) {
  PolicyBenchmarkOptions options;
  options.seconds = 0.05;
  const auto result = RunPolicyBenchmark(options);
  ASSERT_TRUE(result.ok()) << result.status();
  const nlohmann::json& json = *result;
  EXPECT_EQ(json.at("flops_per_block").get<uint64_t>(), 4751360u);
  for (const char* field : {"fma_peak_gflops", "kernel_gflops", "torch_gflops",
                            "env_steps_per_second", "ratio_to_torch"}) {
    EXPECT_GT(json.at(field).get<double>(), 0) << field;
  }
  EXPECT_NEAR(json.at("share_of_peak").get<double>(),
              json.at("kernel_gflops").get<double>() /
                  json.at("fma_peak_gflops").get<double>(),
              1e-9);
  // Both compute the same network, in another order of sums.
  EXPECT_LT(json.at("torch_max_difference").get<double>(), 1e-4);
}

TEST(PolicyBenchmark, LeavesLibTorchOutOnRequest) {
  PolicyBenchmarkOptions options;
  options.shape = {2, {16}, 2, 1000, Activation::kTanh};
  options.seconds = 0.01;
  options.torch = false;
  const auto result = RunPolicyBenchmark(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->contains("torch_gflops"));
  EXPECT_EQ(result->at("agents").get<int>(), 1000);
}

TEST(PolicyBenchmark, RefusesOptionsThatMakeNoSense) {
  PolicyBenchmarkOptions options;
  options.seconds = 0;
  EXPECT_EQ(RunPolicyBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.shape.trunk = {};
  EXPECT_EQ(RunPolicyBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kmyriad
