#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_

#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/l2_filter_kernels.h"
#include "entropy_service/index/l2_measure_kernels.h"

// The kernels, written once over a vector type. Included once by each unit of
// an instruction set; everything is in an unnamed namespace so that no unit's
// code can stand in for another's.
//
// Vec: kLanes (divides 16), kTileVectors (vectors of points whose sums for 8
// queries fit the registers), Load, Store, Set (broadcast), Subtract, Abs,
// Min and Max (a < b ? a : b, a > b ? a : b), Fma(a, b, c) = a * b + c with
// one rounding, AtMost(a, b), the bit mask of a <= b, Pack(values, mask, out),
// which stores the masked lanes side by side, and Append(values, mask,
// first_row, hits); both may write up to 16 places behind what they add.

namespace kmyriad {
namespace {

template <typename Vec>
constexpr L2Kernels MakeKernels() {
  return {&Distances<Vec>,    &DistancesWithin<Vec>, &BoxDistances<Vec>,
          &CountAtMost<Vec>,  &CollectBetween<Vec>,  &SmallestOf16<Vec>,
          &FilterBlocks<Vec>, &FilterTile<Vec>,      &FilterTileExpanded<Vec>};
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_
