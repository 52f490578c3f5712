#ifndef KMYRIAD_TESTS_BENCHMARK_ANT_CONTROLS_H_
#define KMYRIAD_TESTS_BENCHMARK_ANT_CONTROLS_H_

#include <array>
#include <cstdint>

#include "common/base/segment.h"
#include "common/math/philox.h"

namespace kmyriad {

inline constexpr uint32_t kAntMotors = 8;
// Physics steps of one env step.
inline constexpr uint32_t kAntFrameSkip = 5;

// Of 16 Ants, [motors, 16].
using AntControls = std::array<float, kAntMotors * kBlockLanes>;

// Uniform in (-0.3, 0.3); a function of its arguments.
inline AntControls RandomAntControls(uint32_t block, uint32_t step) {
  AntControls controls;
  for (uint32_t i = 0; i < controls.size(); ++i) {
    const PhiloxBlock random = RunRandom(1, RandomStream::kEvaluation,
                                         block * kBlockLanes + i % kBlockLanes,
                                         0, step, i / kBlockLanes);
    controls[i] = 0.3f * (2 * UniformOpen(random.word[0]) - 1);
  }
  return controls;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_ANT_CONTROLS_H_
