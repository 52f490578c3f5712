kmyriad_cc_library(NAME benchmark_policy_torch
  SRCS policy_benchmark_torch.cc
  HDRS policy_benchmark_torch.h
  DEPS kmyriad::policy
  PRIVATE_DEPS kmyriad_torch absl::strings)
kmyriad_cc_library(NAME benchmark_random_weights
  SRCS random_weights.cc
  HDRS random_weights.h
  DEPS kmyriad::policy
  PRIVATE_DEPS kmyriad::math)
kmyriad_cc_library(NAME policy_benchmark
  SRCS policy_benchmark.cc
  HDRS policy_benchmark.h
  DEPS kmyriad::policy nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::base kmyriad::benchmark_core_peak
               kmyriad::benchmark_policy_torch
               kmyriad::benchmark_random_weights absl::strings)
if(KMYRIAD_BUILD_TESTS)
  kmyriad_cc_test(NAME benchmark_policy_benchmark_test
    SRCS policy_benchmark_test.cc
    DEPS kmyriad::policy_benchmark
    LABELS benchmark)
endif()
