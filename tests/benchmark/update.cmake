kmyriad_cc_library(NAME update_benchmark
  SRCS update_benchmark.cc
  HDRS update_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::base kmyriad::math kmyriad::network kmyriad::algorithm
               absl::strings)
kmyriad_cc_test(NAME benchmark_update_benchmark_test
  SRCS update_benchmark_test.cc
  DEPS kmyriad::update_benchmark
  LABELS benchmark)
