#ifndef KMYRIAD_COMMON_BASE_SAMPLE_FLAGS_H_
#define KMYRIAD_COMMON_BASE_SAMPLE_FLAGS_H_

#include <cstdint>

namespace kmyriad {

// Bits of a sample's flags, on host and device; equal to proto SampleFlag.
inline constexpr uint8_t kSampleNonfinite = 1;
inline constexpr uint8_t kSampleOutside = 2;
inline constexpr uint8_t kSampleUpsideDown = 4;
// A sample with one of these is not in the pool.
inline constexpr uint8_t kSampleMasked = kSampleNonfinite | kSampleOutside;

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_SAMPLE_FLAGS_H_
