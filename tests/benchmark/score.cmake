kmyriad_cc_library(NAME score_benchmark
  SRCS score_benchmark.cc
  HDRS score_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS absl::cleanup kmyriad::base kmyriad::entropy_engine
               kmyriad::entropy_service_impl kmyriad::metrics kmyriad::proto
               kmyriad::rpc absl::strings)

if(KMYRIAD_BUILD_TESTS)
  kmyriad_cc_test(NAME benchmark_score_benchmark_test
    SRCS score_benchmark_test.cc
    DEPS kmyriad::score_benchmark kmyriad::testing)
endif()
