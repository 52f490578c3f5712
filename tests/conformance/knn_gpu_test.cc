// The CUDA engines at full size: the CPU engines' bits, the same in a second
// search, and what it took, which is printed and not judged. Part of
// conformance_knn_gpu_test, which does not run without a GPU.
#include <cstdio>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/simd_level.h"
#include "common/base/thread_pool.h"
#include "entropy_service/index/index_factory.h"
#include "gtest/gtest.h"
#include "tests/conformance/knn_oracle.h"

namespace kmyriad {
namespace {

// k-th distances by a new index, and its seconds, the building included.
std::vector<float> Measure(const std::string& engine, const Points& points,
                           uint32_t k, ThreadPool& pool) {
  std::vector<float> kth(points.size());
  const double start = RealClock().MonotonicSeconds();
  const auto chosen =
      CreateKnnIndex(engine, points.view(), *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  if (!chosen.ok()) return kth;
  const double built = RealClock().MonotonicSeconds();
  const absl::Status status =
      chosen->index->KthSquaredDistances(k, pool, absl::MakeSpan(kth));
  EXPECT_TRUE(status.ok()) << status;
  const double end = RealClock().MonotonicSeconds();
  std::printf("%s: N = %zu, d = %u, k = %u: %.4f s, of which %.4f s build\n",
              engine.c_str(), points.size(), points.dims, k, end - start,
              built - start);
  return kth;
}

void ExpectSameBits(const std::string& cuda_engine, const std::string& engine,
                    uint32_t count, uint32_t dims) {
  ThreadPool pool(8);
  // Trajectories of 400 steps that start at one place, as those of an epoch.
  std::vector<float> walk;
  const Points points =
      MakePoints(count, dims, [&walk, dims](uint32_t i, uint32_t j) {
        walk.resize(dims);
        if (i % 400 == 0) walk[j] = 0;
        return walk[j] += 0.1f * (Uniform(i, j) - 0.5f);
      });
  const std::vector<float> expected = Measure(engine, points, 16, pool);
  // The first search also pays for the start of CUDA.
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(Measure(cuda_engine, points, 16, pool), expected);
  }
}

TEST(KnnGpuTest, TheGridHasTheCpusBitsEveryTime) {
  for (const uint32_t dims : {2u, 3u}) {
    ExpectSameBits("cuda_grid", "grid", 500000, dims);
  }
}

TEST(KnnGpuTest, BruteForceHasTheCpusBitsEveryTime) {
  for (const uint32_t dims : {7u, 15u, 30u}) {
    ExpectSameBits("cuda_brute_force", "auto", 100000, dims);
  }
}

}  // namespace
}  // namespace kmyriad
