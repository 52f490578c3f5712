#include "common/device/block.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// Sums of runs of 64 numbers, by halving in shared memory; then each thread
// adds what its block's threads kept. Without the barrier that ends a phase,
// or with one missing, a thread would read what another has not written yet.
struct SumKernel {
  static constexpr uint32_t kThreads = 64;
  static constexpr size_t kSharedBytes = kThreads * sizeof(uint64_t);
  const uint32_t* numbers;
  uint64_t* sums;
  bool skip_barriers;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    uint64_t* shared = block.template Shared<uint64_t>(0);
    typename Block::template PerThread<uint64_t> own;
    block.ForEachThread([&](uint32_t thread) {
      own[thread] = numbers[block.index() * kThreads + thread];
      shared[thread] = own[thread];
    });
    for (uint32_t half = kThreads / 2; half > 0; half /= 2) {
      block.ForEachThread([&](uint32_t thread) {
        if (thread < half) shared[thread] += shared[thread + half];
      });
    }
    // The total is read and replaced in one phase: a race.
    if (skip_barriers) {
      block.ForEachThread([&](uint32_t thread) {
        sums[block.index() * kThreads + thread] = own[thread] + shared[0];
        shared[0] = thread;
      });
      return;
    }
    block.ForEachThread([&](uint32_t thread) {
      sums[block.index() * kThreads + thread] = own[thread] + shared[0];
    });
  }
};

std::vector<uint64_t> Sums(bool skip_barriers, bool reversed) {
  std::vector<uint32_t> numbers(3 * SumKernel::kThreads);
  std::iota(numbers.begin(), numbers.end(), 7u);
  std::vector<uint64_t> sums(numbers.size());
  TwinStream(reversed).Launch(
      SumKernel{numbers.data(), sums.data(), skip_barriers}, 3,
      SumKernel::kSharedBytes);
  return sums;
}

TEST(TwinBlockTest, PhasesSeeWhatThePhasesBeforeThemWrote) {
  const std::vector<uint64_t> sums = Sums(false, false);
  for (uint64_t i = 0; i < sums.size(); ++i) {
    const uint64_t first = i / 64 * 64 + 7;
    EXPECT_EQ(sums[i], i + 7 + 64 * first + 63 * 32) << i;
  }
}

TEST(TwinBlockTest, TheOrderOfThreadsChangesNothingUnlessTheyRace) {
  EXPECT_EQ(Sums(false, true), Sums(false, false));
  EXPECT_NE(Sums(true, true), Sums(true, false));
}

struct VoteKernel {
  static constexpr uint32_t kThreads = 32;
  uint32_t* votes;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    // Only the last thread of block 1 says yes.
    const bool any = block.Any([&](uint32_t thread) {
      return block.index() == 1 && thread == kThreads - 1;
    });
    block.ForEachThread([&](uint32_t thread) {
      votes[block.index() * kThreads + thread] = any ? 1 : 0;
    });
  }
};

TEST(TwinBlockTest, OneThreadOfTheBlockIsEnoughForAny) {
  std::vector<uint32_t> votes(96, 9);
  TwinStream().Launch(VoteKernel{votes.data()}, 3, 0);
  for (size_t i = 0; i < votes.size(); ++i) {
    EXPECT_EQ(votes[i], i / 32 == 1 ? 1u : 0u) << i;
  }
}

}  // namespace
}  // namespace kmyriad
