#include "tests/benchmark/knn_benchmark.h"

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

TEST(KnnBenchmarkTest, ReportsWhatItMeasuredAndAgreesWithTheOther) {
  for (const char* data : {"uniform", "gaussian", "walk"}) {
    KnnBenchmarkOptions options;
    options.points = 3000;
    options.k = 8;
    options.threads = 2;
    options.data = data;
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json result,
                                 RunKnnBenchmark(options));
    EXPECT_EQ(result["engine"], "grid");
    EXPECT_EQ(result["points"], 3000);
    EXPECT_EQ(result["threads"], 2);
    EXPECT_EQ(result["data"], data);
    EXPECT_GT(result["seconds"], result["build_seconds"]);
    if (result["nanoflann_package"].is_null()) continue;
    EXPECT_EQ(result["nanoflann_queries"], 3000);
    EXPECT_LT(result["max_relative_difference"], 1e-6);
    EXPECT_GT(result["ratio"], 0);
  }
}

TEST(KnnBenchmarkTest, TakesPointsFromAFile) {
  TempDir folder;
  const std::string path = folder.File("points.f32");
  std::vector<float> points(2000);
  for (size_t i = 0; i < points.size(); ++i) {
    points[i] = static_cast<float>(i * i % 997);
  }
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(points.data()), 8000);
  KnnBenchmarkOptions options;
  options.points = 1000;
  options.k = 3;
  options.data = path;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json result,
                               RunKnnBenchmark(options));
  EXPECT_GT(result["cpu_seconds"], 0);
  options.points = 1001;
  EXPECT_THAT(RunKnnBenchmark(options),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KnnBenchmarkTest, RefusesOptionsThatMakeNoSense) {
  KnnBenchmarkOptions options;
  options.points = 100;
  options.k = 100;
  EXPECT_THAT(RunKnnBenchmark(options),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  options.k = 5;
  options.data = "spiral";
  EXPECT_THAT(RunKnnBenchmark(options),
              StatusIs(absl::StatusCode::kInvalidArgument));
  options.data = "uniform";
  options.dims = 33;
  EXPECT_THAT(RunKnnBenchmark(options),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kmyriad
