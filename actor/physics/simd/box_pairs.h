#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_PAIRS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_PAIRS_H_

// The pairs of a geom and a box whose bounds overlap, in every lane. Each lane
// has a list of the boxes near its robot, which is renewed when the robot has
// left the region that was searched.

#include "actor/physics/simd/contact_slots.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Half the size of the geom's bounds along axis i, a millimetre and the
// detection distance more.
template <class F>
KMYRIAD_LANE_FUNCTION F Extent(const StepScope<F>& scope, int32_t index,
                               int i) {
  const auto& geom = scope.robot.geom[index];
  using Real = ScalarOf<F>;
  Real detection = 0;
  for (int32_t s = 0; s < scope.robot.surfaces; ++s) {
    const auto& pair = scope.robot.pairs[index][s];
    if (pair.collides && pair.detection > detection) {
      detection = pair.detection;
    }
  }
  const F round = F(geom.radius + detection + Real(1e-3));
  return Fma(Magnitude(scope.w.geom_axis[index][i]), F(geom.half_length),
             round);
}

// Renews the lists of candidate boxes that do not cover their robot any more.
template <class F>
KMYRIAD_HOST_DEVICE void CoverRobots(const StepScope<F>& scope,
                                     uint32_t lanes) {
  using Real = ScalarOf<F>;
  auto& candidates = scope.block.candidates;
  alignas(64) Real low[3][kStepLanes], high[3][kStepLanes];
  MaskOf<F> covered = MaskOfBits<F>(kAllLanes<F>);
  for (int i = 0; i < 3; ++i) {
    F least = F(Real(1e30)), most = F(Real(-1e30));
    for (int32_t g = 0; g < scope.robot.geoms; ++g) {
      const F extent = Extent(scope, g, i);
      least = Min(least, scope.w.geom_place[g][i] - extent);
      most = Max(most, scope.w.geom_place[g][i] + extent);
    }
    least = least + scope.w.origin[i];
    most = most + scope.w.origin[i];
    Store(least, low[i] + scope.first_lane);
    Store(most, high[i] + scope.first_lane);
    covered = covered &
              Less(LoadAs<F>(candidates.low[i] + scope.first_lane), least) &
              Less(most, LoadAs<F>(candidates.high[i] + scope.first_lane));
  }
  const uint32_t stale = lanes & ~BitsOfMask(covered);
  if (stale == 0) return;
  scope.block.find_boxes(&scope.block, stale << scope.first_lane, low[0],
                         high[0]);
}

// Calls `visit` for the pairs whose bounds overlap: of spheres, or of capsules.
template <class F, class Visit>
KMYRIAD_LANE_FUNCTION void VisitPairs(const StepScope<F>& scope, uint32_t lanes,
                                      int32_t capsules, const Visit& visit) {
  const auto& candidates = scope.block.candidates;
  for (int32_t g = 0; g < scope.robot.geoms; ++g) {
    if (scope.robot.geom[g].capsule != capsules) continue;
    Vector3<F> place, extent;
    for (int i = 0; i < 3; ++i) {
      place[i] = scope.w.geom_place[g][i] + scope.w.origin[i];
      extent[i] = Extent(scope, g, i);
    }
    for (uint32_t k = 0; k < candidates.longest; ++k) {
      // A lone lane names its boxes in a table that all robots share.
      const uint32_t c = LaneTraits<F>::kLanes == 1
                             ? candidates.list[candidates.list_stride * k]
                             : k;
      const ScalarOf<F>* box =
          candidates.boxes + 6 * kBoxStride<F> * c + scope.first_lane;
      MaskOf<F> meets = MaskOfBits<F>(lanes);
      for (int i = 0; i < 3; ++i) {
        const F gap = Magnitude(LoadAs<F>(box + kBoxStride<F> * i) - place[i]);
        meets = meets &
                Less(gap, LoadAs<F>(box + kBoxStride<F> * (i + 3)) + extent[i]);
      }
      for (uint32_t left = BitsOfMask(meets); left != 0; left &= left - 1) {
        const uint32_t lane = LowestBit(left);
        visit(
            BoxPair{static_cast<uint16_t>(lane), static_cast<uint16_t>(g), c});
      }
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_PAIRS_H_
