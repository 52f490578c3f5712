kmyriad_cc_library(NAME knn_benchmark
  SRCS knn_benchmark.cc
  HDRS knn_benchmark.h
  DEPS nlohmann_json::nlohmann_json absl::statusor
  PRIVATE_DEPS kmyriad::base kmyriad::entropy_index absl::strings)
# The comparison needs libnanoflann-dev; without it the field is null.
find_path(KMYRIAD_NANOFLANN_INCLUDE nanoflann.hpp)
if(KMYRIAD_NANOFLANN_INCLUDE)
  target_compile_definitions(kmyriad_knn_benchmark PRIVATE
    KMYRIAD_HAS_NANOFLANN)
  target_include_directories(kmyriad_knn_benchmark SYSTEM PRIVATE
    ${KMYRIAD_NANOFLANN_INCLUDE})
endif()
kmyriad_cc_test(NAME benchmark_knn_benchmark_test
  SRCS knn_benchmark_test.cc
  DEPS kmyriad::knn_benchmark kmyriad::testing
  LABELS benchmark)
