#ifndef KMYRIAD_COMMON_MATH_LANES_SINGLE_H_
#define KMYRIAD_COMMON_MATH_LANES_SINGLE_H_

// One lane: memory of a plain float or double; included by lanes.h only.

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

KMYRIAD_LANE_FUNCTION float Load(const float* p) { return *p; }
KMYRIAD_LANE_FUNCTION double Load(const double* p) { return *p; }
KMYRIAD_LANE_FUNCTION void Store(float a, float* p) { *p = a; }
KMYRIAD_LANE_FUNCTION void Store(double a, double* p) { *p = a; }

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_SINGLE_H_
