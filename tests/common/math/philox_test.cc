#include "common/math/philox.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "common/math/normal.h"
#include "gtest/gtest.h"
#include "tests/common/math/lane_levels.h"

namespace kmyriad {
namespace {

struct KnownAnswer {
  uint32_t counter[4];
  uint32_t key[2];
  uint32_t word[4];
};

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
const KnownAnswer kKnownAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

TEST(Philox, GivesTheKnownAnswers) {
  for (const KnownAnswer& k : kKnownAnswers) {
    const PhiloxBlock block =
        Philox4x32(k.key[0], k.key[1], k.counter[0], k.counter[1], k.counter[2],
                   k.counter[3]);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(block.word[i], k.word[i]);
  }
}

TEST(Philox, LanesGiveTheKnownAnswersAtEveryLevel) {
  for (const auto& [level, functions] : LaneLevels()) {
    for (const KnownAnswer& k : kKnownAnswers) {
      uint32_t words[64];
      for (uint32_t i = 0; i < 64; ++i) words[i] = k.counter[i / 16] + i % 16;
      functions.philox(k.key[0], k.key[1], words);
      for (uint32_t lane = 0; lane < 16; ++lane) {
        const PhiloxBlock block = Philox4x32(
            k.key[0], k.key[1], k.counter[0] + lane, k.counter[1] + lane,
            k.counter[2] + lane, k.counter[3] + lane);
        for (uint32_t i = 0; i < 4; ++i) {
          EXPECT_EQ(words[i * 16 + lane], block.word[i]) << level;
        }
      }
    }
  }
}

TEST(Philox, EveryPartOfTheRunsCounterMatters) {
  const auto first_word = [](uint64_t seed, RandomStream stream, uint32_t env,
                             uint32_t epoch, uint32_t step, uint32_t draw) {
    return RunRandom(seed, stream, env, epoch, step, draw).word[0];
  };
  const RandomStream reset = RandomStream::kReset;
  const std::set<uint32_t> words = {
      first_word(1, reset, 2, 3, 4, 5),
      first_word(1ull << 32, reset, 2, 3, 4, 5),
      first_word(1, RandomStream::kActionNoise, 2, 3, 4, 5),
      first_word(1, reset, 6, 3, 4, 5),
      first_word(1, reset, 2, 6, 4, 5),
      first_word(1, reset, 2, 3, 6, 5),
      first_word(1, reset, 2, 3, 4, 6)};
  EXPECT_EQ(words.size(), 7u);
}

TEST(UniformOpen, IsNeverZeroOrOne) {
  EXPECT_EQ(UniformOpen(0), 0x1p-24f);
  EXPECT_EQ(UniformOpen(0xFFFFFFFFu), 1.0f - 0x1p-24f);
}

TEST(Normal, HasTheMomentsAndTheDistributionOfANormalNumber) {
  constexpr int kPairs = 200000;
  double sum[4] = {0, 0, 0, 0};
  double product = 0;
  std::vector<float> values;
  for (uint32_t i = 0; i < kPairs; ++i) {
    const NormalPair pair =
        RunNormals(7, RandomStream::kEvaluation, i, 1, i % 100, 0);
    product += pair.first * pair.second;
    for (const float x : {pair.first, pair.second}) {
      double power = 1;
      for (double& s : sum) s += (power *= x);
      values.push_back(x);
    }
  }
  const double n = 2.0 * kPairs;
  // Five standard errors of each mean.
  EXPECT_NEAR(sum[0] / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(sum[1] / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(sum[2] / n, 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(sum[3] / n, 3, 5 * std::sqrt(96 / n));
  EXPECT_NEAR(product / kPairs, 0, 5 / std::sqrt(kPairs));
  // Kolmogorov and Smirnov's distance; 1.95 / sqrt(n) has p = 0.001.
  std::sort(values.begin(), values.end());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-values[i] / std::sqrt(2.0));
    distance =
        std::max(distance, std::abs(cdf - (static_cast<double>(i) + 0.5) / n));
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(n));
}

TEST(Normal, LanesGiveTheBitsOfRunNormals) {
  for (const auto& [level, functions] : LaneLevels()) {
    uint32_t words[32];
    float first[16], second[16];
    for (uint32_t env = 0; env < 16; ++env) {
      const PhiloxBlock block =
          RunRandom(3, RandomStream::kActionNoise, env, 1, 2, 0);
      words[env] = block.word[0];
      words[16 + env] = block.word[1];
    }
    functions.normals(words, first, second);
    for (uint32_t env = 0; env < 16; ++env) {
      const NormalPair pair =
          RunNormals(3, RandomStream::kActionNoise, env, 1, 2, 0);
      EXPECT_EQ(pair.first, first[env]) << level;
      EXPECT_EQ(pair.second, second[env]) << level;
    }
  }
}

}  // namespace
}  // namespace kmyriad
