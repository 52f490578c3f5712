#include "entropy_service/estimator/knn_entropy_estimator.h"

#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <vector>

#include "common/math/log_double.h"
#include "entropy_service/estimator/tree_sum.h"
#include "entropy_service/index/index_factory.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr double kPi = std::numbers::pi;

// Entropy of points [count, dims] by the whole chain: index, volumes, formula.
double EntropyOf(const std::vector<float>& coordinates, uint32_t dims,
                 uint32_t k, float floor = 1e-9f) {
  const size_t count = coordinates.size() / dims;
  std::vector<uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(2);
  const auto chosen = CreateKnnIndex("auto", {coordinates, ids, dims},
                                     *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  std::vector<float> squared(count);
  EXPECT_TRUE(
      chosen->index->KthSquaredDistances(k, pool, absl::MakeSpan(squared))
          .ok());
  std::vector<double> volumes(count);
  LogVolumes(squared, dims, floor, absl::MakeSpan(volumes));
  const double mean = TreeSum(0, count, [&](size_t i) { return volumes[i]; }) /
                      static_cast<double>(count);
  return KnnEntropy(count, k, mean);
}

TEST(DigammaTest, MatchesExactValues) {
  constexpr double kEulerGamma = 0.57721566490153286061;
  double harmonic = 0;
  for (uint64_t n = 1; n <= 3000; ++n) {
    ASSERT_NEAR(Digamma(n), harmonic - kEulerGamma,
                4e-15 * static_cast<double>(n))
        << n;
    harmonic += 1.0 / static_cast<double>(n);
  }
  // Asymptotically ln n - 1 / 2n.
  EXPECT_NEAR(Digamma(1 << 24), std::log(1 << 24) - 0.5 / (1 << 24), 1e-14);
}

TEST(LogDoubleTest, IsWithinTwoUnitsInTheLastPlace) {
  SeededRandom random(3);
  for (int i = 0; i < 100000; ++i) {
    const double x = std::ldexp(1 + random.Unit(),
                                static_cast<int>(random.Below(2000)) - 1000);
    const double expected = std::log(x);
    ASSERT_NEAR(LogDouble(x), expected, std::abs(expected) * 0x1p-51) << x;
    // Near one the logarithm is small, and must be so relatively.
    const double near = 1 + (random.Unit() - 0.5) * 1e-3;
    ASSERT_NEAR(LogDouble(near), std::log(near),
                std::abs(std::log(near)) * 0x1p-51);
  }
  EXPECT_EQ(LogDouble(1), 0);
  EXPECT_NEAR(LogDouble(5e-324), std::log(5e-324), 1e-12);
}

TEST(LogUnitBallVolumeTest, MatchesTheGammaFunction) {
  for (uint32_t d = 1; d <= 32; ++d) {
    EXPECT_NEAR(LogUnitBallVolume(d),
                0.5 * d * std::log(kPi) - std::lgamma(0.5 * d + 1), 1e-12)
        << d;
  }
}

TEST(LogVolumesTest, RaisesDistancesToTheFloorAndCountsThem) {
  const std::vector<float> squared = {0, 1e-6f, 0.25f, 4};
  std::vector<double> volumes(4);
  EXPECT_EQ(LogVolumes(squared, 2, 0.25f, absl::MakeSpan(volumes)), 2u);
  EXPECT_EQ(volumes[0], volumes[1]);
  EXPECT_NEAR(volumes[0], std::log(kPi * 0.0625), 1e-14);
  EXPECT_NEAR(volumes[2], std::log(kPi * 0.25), 1e-14);
  EXPECT_NEAR(volumes[3], std::log(kPi * 4), 1e-14);
}

// On a torus the density is constant over every ball, so that the estimate has
// no bias at all: the sharpest test of psi(N), psi(k), c_d and of leaving
// oneself out. Distances are periodic, hence the naive loop.
TEST(KnnEntropyTest, IsUnbiasedOnATorus) {
  for (const uint32_t dims : {1u, 2u, 3u}) {
    for (const uint32_t k : {1u, 4u}) {
      SeededRandom random(10 * dims + k);
      constexpr size_t kCount = 400;
      constexpr int kRepeats = 12;
      double sum = 0;
      for (int repeat = 0; repeat < kRepeats; ++repeat) {
        const auto x = random.Uniforms(kCount * dims, 0, 1);
        std::vector<float> squared(kCount);
        for (size_t i = 0; i < kCount; ++i) {
          std::vector<float> all;
          for (size_t other = 0; other < kCount; ++other) {
            if (other == i) continue;
            float d2 = 0;
            for (size_t j = 0; j < dims; ++j) {
              float gap = std::fabs(x[i * dims + j] - x[other * dims + j]);
              gap = std::min(gap, 1 - gap);
              d2 += gap * gap;
            }
            all.push_back(d2);
          }
          std::nth_element(all.begin(), all.begin() + k - 1, all.end());
          squared[i] = all[k - 1];
        }
        std::vector<double> volumes(kCount);
        LogVolumes(squared, dims, 1e-9f, absl::MakeSpan(volumes));
        sum += KnnEntropy(
            kCount, k,
            std::accumulate(volumes.begin(), volumes.end(), 0.0) / kCount);
      }
      // sd * sqrt(N) is at most 2 for k = 1 and 0.8 for k = 4.
      const double sd = (k == 1 ? 2.0 : 0.8) / std::sqrt(kCount * kRepeats);
      EXPECT_NEAR(sum / kRepeats, 0, 4 * sd) << "d = " << dims << ", k = " << k;
    }
  }
}

TEST(KnnEntropyTest, FindsTheEntropyOfAGaussian) {
  SeededRandom random(5);
  for (const uint32_t dims : {1u, 2u, 3u}) {
    const auto x = random.Normals(10000 * dims);
    // Bias <= 0.01 for d <= 3 at N = 1e4, k = 4; sd * sqrt(N) about 1.2.
    EXPECT_NEAR(EntropyOf(x, dims, 4),
                0.5 * dims * std::log(2 * kPi * std::numbers::e), 0.01 + 0.06)
        << dims;
  }
}

TEST(KnnEntropyTest, FindsTheEntropyOfABoxWithItsBoundaryBias) {
  SeededRandom random(6);
  // Known bias of the unit square: +0.110 at N = 500, +0.058 at N = 2000,
  // k = 15; standard deviation below 0.025.
  EXPECT_NEAR(EntropyOf(random.Uniforms(2 * 500, 0, 1), 2, 15), 0.110, 0.08);
  EXPECT_NEAR(EntropyOf(random.Uniforms(2 * 2000, 0, 1), 2, 15), 0.058, 0.05);
  // Sides of 3 and 5.
  auto box = random.Uniforms(2 * 10000, 0, 1);
  for (size_t i = 0; i < box.size(); ++i) box[i] *= i % 2 == 0 ? 3.0f : 5.0f;
  EXPECT_NEAR(EntropyOf(box, 2, 4), std::log(15.0) + 0.017, 0.03);
}

TEST(KnnEntropyTest, ScalingByCAddsDTimesLnC) {
  SeededRandom random(7);
  for (const uint32_t dims : {1u, 2u, 3u, 5u}) {
    auto x = random.Normals(800 * dims);
    const double before = EntropyOf(x, dims, 4);
    // A power of two changes no rounding.
    for (float& value : x) value *= 8;
    EXPECT_NEAR(EntropyOf(x, dims, 4), before + dims * std::log(8.0), 1e-11);
    for (float& value : x) value *= 0.3f;
    EXPECT_NEAR(EntropyOf(x, dims, 4), before + dims * std::log(2.4), 1e-5);
  }
}

TEST(KnnEntropyTest, IsInvariantUnderTranslationAndRotation) {
  SeededRandom random(8);
  const auto x = random.Normals(2 * 2000);
  const double before = EntropyOf(x, 2, 4);
  auto moved = x;
  for (float& value : moved) value += 16;
  EXPECT_NEAR(EntropyOf(moved, 2, 4), before, 1e-3);
  auto turned = x;
  for (size_t i = 0; i < x.size(); i += 2) {
    turned[i] = 0.6f * x[i] - 0.8f * x[i + 1];
    turned[i + 1] = 0.8f * x[i] + 0.6f * x[i + 1];
  }
  EXPECT_NEAR(EntropyOf(turned, 2, 4), before, 1e-4);
}

TEST(KnnEntropyTest, DoesNotDependOnTheOrderOfTheParticles) {
  SeededRandom random(9);
  const auto x = random.Normals(2 * 3000);
  std::vector<float> reversed;
  for (size_t i = x.size(); i > 0; i -= 2) {
    reversed.insert(reversed.end(), {x[i - 2], x[i - 1]});
  }
  EXPECT_NEAR(EntropyOf(reversed, 2, 4), EntropyOf(x, 2, 4), 1e-12);
}

TEST(KnnEntropyTest, DisjointPartsAddTheEntropyOfTheChoice) {
  // Equal parts far apart: H = mean of the parts' + ln 3.
  SeededRandom random(10);
  std::vector<float> pooled;
  double mean = 0;
  for (int part = 0; part < 3; ++part) {
    auto x = random.Normals(2 * 4000);
    mean += EntropyOf(x, 2, 4) / 3;
    for (float& value : x) value += static_cast<float>(1000 * part);
    pooled.insert(pooled.end(), x.begin(), x.end());
  }
  // The parts' psi(N / 3) differs from psi(N) - ln 3 by 1 / N.
  EXPECT_NEAR(EntropyOf(pooled, 2, 4), mean + std::log(3.0), 2e-3);
}

TEST(KnnEntropyTest, CoincidentParticlesGiveAFiniteEstimate) {
  const std::vector<float> x(2 * 100, 1.5f);
  EXPECT_NEAR(EntropyOf(x, 2, 5, 0.01f),
              Digamma(100) - Digamma(5) + std::log(kPi * 1e-4), 1e-6);
}

// Mean of ln V_i over points on the unit torus, by the engine that is chosen.
double TorusLogVolume(const std::vector<float>& x, uint32_t dims, uint32_t k) {
  const size_t count = x.size() / dims;
  std::vector<uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0u);
  const std::vector<float> periods(dims, 1);
  PointsView points{x, ids, dims};
  points.periods = periods;
  ThreadPool pool(2);
  const auto chosen = CreateKnnIndex("auto", points, *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  std::vector<float> squared(count);
  EXPECT_TRUE(
      chosen->index->KthSquaredDistances(k, pool, absl::MakeSpan(squared))
          .ok());
  std::vector<double> volumes(count);
  LogVolumes(squared, dims, 1e-9f, absl::MakeSpan(volumes));
  return std::accumulate(volumes.begin(), volumes.end(), 0.0) /
         static_cast<double>(count);
}

// The same by the indexes, in more dimensions; and what would not pass.
TEST(KnnEntropyTest, ATorusTellsTheRightFormulaFromWrongOnes) {
  constexpr size_t kCount = 1000;
  constexpr int kRepeats = 8;
  for (const uint32_t dims : {1u, 2u, 3u, 5u, 7u}) {
    for (const uint32_t k : {2u, 4u, 16u}) {
      SeededRandom random(100 * dims + k);
      double volume = 0;
      double volume_below = 0;
      for (int repeat = 0; repeat < kRepeats; ++repeat) {
        const auto x = random.Uniforms(kCount * dims, 0, 1);
        volume += TorusLogVolume(x, dims, k) / kRepeats;
        volume_below += TorusLogVolume(x, dims, k - 1) / kRepeats;
      }
      // sd * sqrt(N): at most 1.3 for k = 2, 0.8 for 4, 0.33 for 16.
      const double sd = (k == 2   ? 1.3
                         : k == 4 ? 0.8
                                  : 0.33) /
                        std::sqrt(kCount * kRepeats);
      EXPECT_NEAR(KnnEntropy(kCount, k, volume), 0, 4 * sd)
          << "d = " << dims << ", k = " << k;
      // Negative controls: psi(k + 1) for psi(k), counting oneself as the
      // nearest neighbour, and the volume of another dimension.
      EXPECT_GT(std::abs(KnnEntropy(kCount, k + 1, volume)), 4 * sd);
      EXPECT_GT(std::abs(KnnEntropy(kCount, k, volume_below)), 4 * sd);
      EXPECT_GT(std::abs(KnnEntropy(kCount, k, volume) +
                         LogUnitBallVolume(dims + 2) - LogUnitBallVolume(dims)),
                4 * sd);
    }
  }
}

TEST(KnnEntropyTest, FindsTheEntropyOfExponentialsAndOfABall) {
  SeededRandom random(21);
  // Rates 1 and 4: H = 2 - ln 4. Bias of the border below 0.04.
  std::vector<float> x;
  for (int i = 0; i < 10000; ++i) {
    x.push_back(static_cast<float>(-std::log(1 - random.Unit())));
    x.push_back(static_cast<float>(-std::log(1 - random.Unit()) / 4));
  }
  EXPECT_NEAR(EntropyOf(x, 2, 4), 2 - std::log(4.0), 0.04 + 0.06);
  // Uniform in the ball of radius 2, d = 3: bias of the border as in a box,
  // 0.07 at N = 1e4.
  x.clear();
  while (x.size() < 30000) {
    const auto point = random.Uniforms(3, -2, 2);
    double square = 0;
    for (const float value : point) square += double{value} * value;
    if (square <= 4) x.insert(x.end(), point.begin(), point.end());
  }
  EXPECT_NEAR(EntropyOf(x, 3, 4), LogUnitBallVolume(3) + 3 * std::log(2.0),
              0.07 + 0.06);
}

TEST(KnnEntropyTest, PartsOfAMixtureCountByTheirWeight) {
  // One quarter with standard deviation 1, three quarters with 2, far apart.
  SeededRandom random(22);
  std::vector<float> x = random.Normals(2 * 2500);
  for (float& value : x) value += 500;
  for (const float value : random.Normals(2 * 7500)) x.push_back(2 * value);
  const double normal = std::log(2 * kPi * std::numbers::e);
  const double expected = 0.25 * (normal - std::log(0.25)) +
                          0.75 * (normal + 2 * std::log(2.0) - std::log(0.75));
  EXPECT_NEAR(EntropyOf(x, 2, 4), expected, 0.02 + 0.06);
}

TEST(KnnEntropyTest, ALatticeOfTiesIsExact) {
  std::vector<float> x;
  for (int i = 0; i < 400; ++i) {
    x.push_back(static_cast<float>(i % 20));
    x.push_back(static_cast<float>(i / 20));
  }
  EXPECT_NEAR(EntropyOf(x, 2, 1), Digamma(400) - Digamma(1) + std::log(kPi),
              1e-12);
  // Fourth neighbours: at distance 1 inside, the square root of 2 on the 72
  // places of the border, 2 in the corners.
  EXPECT_NEAR(EntropyOf(x, 2, 4),
              Digamma(400) - Digamma(4) + std::log(kPi) +
                  (72 * std::log(2.0) + 4 * std::log(4.0)) / 400,
              1e-12);
}

TEST(KnnEntropyTest, DegenerateSetsGiveFiniteEstimates) {
  SeededRandom random(23);
  std::vector<float> line;
  for (int i = 0; i < 300; ++i) {
    const auto t = static_cast<float>(random.Normal());
    line.insert(line.end(), {t, 2 * t, -t});
  }
  EXPECT_TRUE(std::isfinite(EntropyOf(line, 3, 4)));
  // One outlier adds d ln(1e6) / N, no more.
  std::vector<float> x = random.Normals(2 * 1000);
  const double before = EntropyOf(x, 2, 4);
  x.insert(x.end(), {1e6f, 0});
  EXPECT_NEAR(EntropyOf(x, 2, 4), before, 2 * std::log(1e6) / 1000 + 0.01);
  // k + 1 points at one place are floored, and counted by LogVolumes alone.
  std::vector<float> same = random.Normals(2 * 1000);
  for (int i = 0; i < 5; ++i) same[2 * i] = same[2 * i + 1] = 0.5f;
  EXPECT_NEAR(EntropyOf(same, 2, 4, 1e-3f), before, 0.2);
  // The fewest particles that there can be.
  EXPECT_TRUE(std::isfinite(EntropyOf(random.Normals(2 * 5), 2, 4)));
}

TEST(KnnEntropyTest, EveryNumberOfDimensionsAgreesWithAPlainCalculation) {
  for (uint32_t dims = 1; dims <= kMaxIndexDims; ++dims) {
    SeededRandom random(dims);
    constexpr size_t kCount = 100;
    const auto x = random.Normals(kCount * dims);
    double sum = 0;
    for (size_t i = 0; i < kCount; ++i) {
      std::vector<double> all;
      for (size_t other = 0; other < kCount; ++other) {
        double square = 0;
        for (size_t j = 0; j < dims; ++j) {
          square += std::pow(double{x[i * dims + j]} - x[other * dims + j], 2);
        }
        if (other != i) all.push_back(square);
      }
      std::nth_element(all.begin(), all.begin() + 3, all.end());
      sum += std::log(all[3]);
    }
    EXPECT_NEAR(EntropyOf(x, dims, 4),
                KnnEntropy(kCount, 4, 0) + LogUnitBallVolume(dims) +
                    0.5 * dims * sum / kCount,
                1e-5)
        << dims;
  }
  const std::vector<float> x(33 * 10);
  std::vector<uint32_t> ids(10);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(1);
  EXPECT_EQ(CreateKnnIndex("auto", {x, ids, 33}, *ChooseSimdLevel(), pool)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kmyriad
