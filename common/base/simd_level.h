#ifndef KMYRIAD_COMMON_BASE_SIMD_LEVEL_H_
#define KMYRIAD_COMMON_BASE_SIMD_LEVEL_H_

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// Instruction sets that numerical kernels are written for. Every level gives
// the same bits.
enum class SimdLevel { kScalar, kAvx2, kAvx512 };

// "scalar", "avx2", "avx512".
inline absl::string_view SimdLevelName(SimdLevel level) {
  switch (level) {
    case SimdLevel::kAvx2:
      return "avx2";
    case SimdLevel::kAvx512:
      return "avx512";
    case SimdLevel::kScalar:
      break;
  }
  return "scalar";
}

// Whether this machine can run code of `level`.
inline bool SupportsSimdLevel(SimdLevel level) {
#if defined(__x86_64__)
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (level == SimdLevel::kAvx2) return avx2;
  if (level == SimdLevel::kAvx512) {
    return avx2 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  }
#endif
  return level == SimdLevel::kScalar;
}

// The best level of this machine, or the one that the environment variable
// KMYRIAD_SIMD names. INVALID_ARGUMENT for an unknown name,
// FAILED_PRECONDITION if the machine lacks it.
inline absl::StatusOr<SimdLevel> ChooseSimdLevel() {
  constexpr SimdLevel kLevels[] = {SimdLevel::kAvx512, SimdLevel::kAvx2,
                                   SimdLevel::kScalar};
  const char* wanted = std::getenv("KMYRIAD_SIMD");
  for (const SimdLevel level : kLevels) {
    if (wanted == nullptr || *wanted == '\0') {
      if (SupportsSimdLevel(level)) return level;
    } else if (SimdLevelName(level) == wanted) {
      if (SupportsSimdLevel(level)) return level;
      return absl::FailedPreconditionError(
          absl::StrCat("KMYRIAD_SIMD = ", wanted,
                       ": this machine lacks these instructions; unset it"));
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "KMYRIAD_SIMD = ", wanted, ": use scalar, avx2 or avx512, or unset it"));
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_SIMD_LEVEL_H_
