#include "learner/algorithm/schedules.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/math/philox.h"

namespace kmyriad {

double LearningRate(double initial, uint64_t epoch, uint64_t schedule_epochs) {
  constexpr double kFinalShare = 0.1;
  if (schedule_epochs <= 1 || epoch <= 1) return initial;
  const double progress =
      std::min(1.0, static_cast<double>(epoch - 1) /
                        static_cast<double>(schedule_epochs - 1));
  return initial * (1.0 - (1.0 - kFinalShare) * progress);
}

std::vector<int64_t> MinibatchOrder(uint64_t count, uint64_t seed,
                                    uint64_t epoch, uint32_t pass) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), int64_t{0});
  PhiloxBlock block{};
  for (uint64_t i = count; i > 1; --i) {
    // Four draws per block; scaling 32 random bits to i < 2^32 favours some
    // indices by a share below i / 2^32.
    const uint64_t draw = count - i;
    if (draw % 4 == 0) {
      block = RunRandom(seed, RandomStream::kMinibatch,
                        static_cast<uint32_t>(draw / 4),
                        static_cast<uint32_t>(epoch), pass, 0);
    }
    const uint64_t pick = (uint64_t{block.word[draw % 4]} * i) >> 32;
    std::swap(order[i - 1], order[pick]);
  }
  return order;
}

uint64_t ShardCount(uint64_t agents, uint64_t samples) {
  constexpr uint64_t kMaxShards = 8;
  constexpr uint64_t kLeastRows = 512;
  return std::clamp<uint64_t>(agents * samples / kLeastRows, 1,
                              std::min(kMaxShards, samples));
}

}  // namespace kmyriad
