#include "common/policy/observation_normalizer.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// Column 1 is fixed, the others run.
std::vector<ObservationColumn> Columns() {
  return {{"z", 0.75f, 0.2f, true},
          {"x", 0.0f, 12.0f, false},
          {"speed", 0.0f, 1.0f, true}};
}

std::vector<float> Rows(uint64_t rows, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (uint64_t row = 0; row < rows; ++row) {
    values.push_back(0.5f + 0.1f * normal(generator));
    values.push_back(100.0f + normal(generator));
    values.push_back(-3.0f + 4.0f * normal(generator));
  }
  return values;
}

TEST(ObservationNormalizer, StartsFromTheTable) {
  const ObservationNormalizer normalizer(Columns());
  EXPECT_EQ(normalizer.Mean(), (std::vector<float>{0.75f, 0.0f, 0.0f}));
  const auto inverse = normalizer.InverseStd();
  EXPECT_FLOAT_EQ(inverse[0], 5.0f);
  EXPECT_FLOAT_EQ(inverse[1], 1 / 12.0f);
  EXPECT_FLOAT_EQ(inverse[2], 1.0f);
}

TEST(ObservationNormalizer, MergesToTheStatisticsOfOneTwoPassSum) {
  ObservationNormalizer normalizer(Columns());
  std::vector<float> all;
  uint64_t count = 0;
  for (const uint64_t rows : {1u, 400u, 7u, 20000u}) {
    const std::vector<float> block = Rows(rows, static_cast<unsigned>(rows));
    normalizer.Merge(block.data(), rows);
    all.insert(all.end(), block.begin(), block.end());
    count += rows;
  }
  const double prior = ObservationNormalizer::kPriorCount;
  const double total = prior + static_cast<double>(count);
  for (const size_t i : {0u, 2u}) {
    const ObservationColumn column = Columns()[i];
    double sum = prior * column.initial_mean;
    for (uint64_t row = 0; row < count; ++row) sum += all[row * 3 + i];
    const double mean = sum / total;
    double m2 = prior * (std::pow(column.initial_std, 2) +
                         std::pow(column.initial_mean - mean, 2));
    for (uint64_t row = 0; row < count; ++row) {
      m2 += std::pow(all[row * 3 + i] - mean, 2);
    }
    // Two units in float's last place: the statistics are fp64.
    EXPECT_NEAR(normalizer.Mean()[i], mean, 2e-7 * std::abs(mean));
    const double inverse = 1 / std::sqrt(m2 / total);
    EXPECT_NEAR(normalizer.InverseStd()[i], inverse, 2e-7 * inverse);
  }
}

TEST(ObservationNormalizer, FixedColumnsAreLeftAlone) {
  ObservationNormalizer normalizer(Columns());
  const auto rows = Rows(5000, 1);
  normalizer.Merge(rows.data(), 5000);
  EXPECT_EQ(normalizer.Mean()[1], 0.0f);
  EXPECT_FLOAT_EQ(normalizer.InverseStd()[1], 1 / 12.0f);
  EXPECT_NE(normalizer.Mean()[0], 0.75f);
}

TEST(ObservationNormalizer, FrozenIgnoresWhatComes) {
  ObservationNormalizer normalizer(Columns());
  const auto rows = Rows(100, 2);
  normalizer.Merge(rows.data(), 100);
  const auto mean = normalizer.Mean();
  const auto inverse = normalizer.InverseStd();
  normalizer.Freeze();
  EXPECT_TRUE(normalizer.frozen());
  normalizer.Merge(rows.data(), 100);
  EXPECT_EQ(normalizer.Mean(), mean);
  EXPECT_EQ(normalizer.InverseStd(), inverse);
}

TEST(ObservationNormalizer, AColumnThatNeverVariesIsNotBlownUp) {
  ObservationNormalizer normalizer({{"wheel", 0.0f, 0.0f, true}});
  EXPECT_FLOAT_EQ(normalizer.InverseStd()[0], 1000.0f);
}

TEST(ObservationNormalizer, GoesOnAfterSaveAndLoadAsIfNothingHadHappened) {
  const auto first = Rows(300, 3);
  const auto second = Rows(300, 4);
  ObservationNormalizer undisturbed(Columns());
  undisturbed.Merge(first.data(), 300);
  ObservationNormalizer loaded(Columns());
  ASSERT_TRUE(loaded.Load(undisturbed.Save()).ok());
  undisturbed.Merge(second.data(), 300);
  loaded.Merge(second.data(), 300);
  EXPECT_EQ(loaded.Mean(), undisturbed.Mean());
  EXPECT_EQ(loaded.InverseStd(), undisturbed.InverseStd());
  EXPECT_FALSE(loaded.frozen());
  undisturbed.Freeze();
  ASSERT_TRUE(loaded.Load(undisturbed.Save()).ok());
  EXPECT_TRUE(loaded.frozen());
}

TEST(ObservationNormalizer, RefusesTensorsThatAreNotItsOwnAndStaysAsItWas) {
  ObservationNormalizer normalizer(Columns());
  const auto rows = Rows(10, 5);
  normalizer.Merge(rows.data(), 10);
  const auto mean = normalizer.Mean();
  const std::vector<NamedTensor> good = normalizer.Save();
  for (size_t i = 0; i < good.size(); ++i) {
    auto missing = good;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    const absl::Status status = normalizer.Load(missing);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(good[i].name));
    auto misshapen = good;
    misshapen[i].shape[0] += 1;
    EXPECT_FALSE(normalizer.Load(misshapen).ok());
    auto truncated = good;
    truncated[i].data.pop_back();
    EXPECT_FALSE(normalizer.Load(truncated).ok());
    auto mistyped = good;
    mistyped[i].type = TensorType::kInt64;
    EXPECT_FALSE(normalizer.Load(mistyped).ok());
    auto not_finite = good;
    not_finite[i].data.assign(not_finite[i].data.size(), 0xFF);
    EXPECT_FALSE(normalizer.Load(not_finite).ok());
  }
  EXPECT_EQ(normalizer.Mean(), mean);
  EXPECT_TRUE(normalizer.Load(good).ok());
}

}  // namespace
}  // namespace kmyriad
