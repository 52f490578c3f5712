kmyriad_cc_library(NAME epoch_benchmark
  SRCS epoch_benchmark.cc
  HDRS epoch_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::launcher kmyriad::base absl::strings)
kmyriad_cc_binary(NAME kmyriad-bench
  SRCS benchmark_main.cc
  DEPS kmyriad::base kmyriad::launcher kmyriad::epoch_benchmark
       kmyriad::knn_benchmark kmyriad::physics_benchmark
       kmyriad::physics_peers_benchmark kmyriad::policy_benchmark
       kmyriad::rpc_benchmark kmyriad::score_benchmark
       kmyriad::update_benchmark CLI11::CLI11)
