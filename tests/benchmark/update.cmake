kmyriad_cc_library(NAME update_benchmark
  SRCS update_benchmark.cc
  HDRS update_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::base kmyriad::math kmyriad::network kmyriad::algorithm
               absl::strings)
