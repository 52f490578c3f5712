kmyriad_cc_library(NAME physics_benchmark
  SRCS physics_benchmark.cc
  HDRS physics_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::base kmyriad::env kmyriad::math kmyriad::physics
               kmyriad::physics_mujoco kmyriad::physics_simd
               kmyriad::physics_stages kmyriad_mujoco absl::strings)
if(KMYRIAD_BUILD_TESTS)
  kmyriad_cc_test(NAME benchmark_physics_benchmark_test
                  SRCS physics_benchmark_test.cc
                  DEPS kmyriad::physics_benchmark)
endif()
