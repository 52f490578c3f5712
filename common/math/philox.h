#ifndef KMYRIAD_COMMON_MATH_PHILOX_H_
#define KMYRIAD_COMMON_MATH_PHILOX_H_

#include <cstdint>

#include "common/math/host_device.h"

namespace kmyriad {

// Streams of random numbers of a run. Values are part of the run format:
// never renumber.
enum class RandomStream : uint32_t {
  kReset = 0,
  kActionNoise = 1,
  kMinibatch = 2,
  kInitialWeights = 3,
  kEvaluation = 4,
  kBootstrap = 5,
  kNull = 6,    // diversity null, negative controls
  kGolden = 7,  // golden segment
};

// Four 32-bit random words.
struct PhiloxBlock {
  uint32_t word[4];
};

// Philox4x32-10 (Salmon et al., SC 2011): a pure function of key and counter.
KMYRIAD_HOST_DEVICE inline PhiloxBlock Philox4x32(uint32_t key0, uint32_t key1,
                                                  uint32_t c0, uint32_t c1,
                                                  uint32_t c2, uint32_t c3) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
    const uint32_t hi0 = static_cast<uint32_t>(p0 >> 32);
    const uint32_t hi1 = static_cast<uint32_t>(p1 >> 32);
    c0 = hi1 ^ c1 ^ key0;
    c1 = static_cast<uint32_t>(p1);
    c2 = hi0 ^ c3 ^ key1;
    c3 = static_cast<uint32_t>(p0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// Counter of the run's random numbers: (environment or 0, epoch, step and
// draw, stream), key = run seed (design section 2, conventions). step < 2^24,
// draw < 2^8; each draw yields four words.
KMYRIAD_HOST_DEVICE inline PhiloxBlock RunRandom(uint64_t seed,
                                                 RandomStream stream,
                                                 uint32_t env, uint32_t epoch,
                                                 uint32_t step, uint32_t draw) {
  return Philox4x32(static_cast<uint32_t>(seed),
                    static_cast<uint32_t>(seed >> 32), env, epoch,
                    (step << 8) | draw, static_cast<uint32_t>(stream));
}

// Uniform in (0, 1), never 0 or 1: (word's top 23 bits + 1/2) / 2^23, exact
// in float.
KMYRIAD_HOST_DEVICE inline float UniformOpen(uint32_t word) {
  return (static_cast<float>(word >> 9) + 0.5f) * 0x1p-23f;
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_PHILOX_H_
