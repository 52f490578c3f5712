#ifndef KMYRIAD_TESTS_COMMON_MATH_LANE_LEVELS_H_
#define KMYRIAD_TESTS_COMMON_MATH_LANE_LEVELS_H_

#include <string>
#include <utility>
#include <vector>

#include "common/base/simd_level.h"
#include "tests/common/math/lane_functions.h"

namespace kmyriad {

// Name and functions of the levels that this machine has, scalar first.
inline std::vector<std::pair<std::string, LaneFunctions>> LaneLevels() {
  std::vector<std::pair<std::string, LaneFunctions>> levels;
  levels.emplace_back("scalar", kScalarLaneFunctions);
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (SupportsSimdLevel(SimdLevel::kAvx2)) {
    levels.emplace_back("avx2", kAvx2LaneFunctions);
  }
  if (SupportsSimdLevel(SimdLevel::kAvx512)) {
    levels.emplace_back("avx512", kAvx512LaneFunctions);
  }
#endif
  return levels;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_COMMON_MATH_LANE_LEVELS_H_
