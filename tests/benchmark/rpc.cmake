kmyriad_cc_library(NAME rpc_benchmark
  SRCS rpc_benchmark.cc
  HDRS rpc_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS absl::cleanup kmyriad::base kmyriad::certificates
               kmyriad::collector kmyriad::metrics kmyriad::proto
               kmyriad::rollout kmyriad::rpc absl::status absl::strings
               absl::synchronization)

if(KMYRIAD_BUILD_TESTS)
  kmyriad_cc_test(NAME benchmark_rpc_benchmark_test
    SRCS rpc_benchmark_test.cc
    DEPS kmyriad::rpc_benchmark kmyriad::testing)
endif()
