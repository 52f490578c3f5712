#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_

// Finds the contacts of every lane and puts them into slots. Planes are tested
// for all lanes at once. Pairs of a geom and a box whose bounds overlap are
// few, and different in every lane: they are packed, so that a pass over the
// narrow phase has as many pairs as there are lanes, wherever they come from.

#include "actor/physics/simd/capsule_box.h"
#include "actor/physics/simd/contact_slots.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
KMYRIAD_LANE_FUNCTION RoundGeom<F> RoundGeomOf(const StepScope<F>& scope,
                                               int32_t index) {
  const auto& geom = scope.robot.geom[index];
  return {scope.w.geom_place[index], scope.w.geom_axis[index], F(geom.radius),
          F(geom.half_length)};
}

template <class F>
void FindPlaneContacts(const StepScope<F>& scope, uint32_t lanes) {
  const auto& robot = scope.robot;
  for (int32_t p = 0; p < robot.planes; ++p) {
    const auto& plane = robot.plane[p];
    const Vector3<F> normal = Constant<F>(plane.normal);
    const Vector3<F> point =
        Subtract(Constant<F>(plane.position), scope.w.origin);
    for (int32_t g = 0; g < robot.geoms; ++g) {
      const auto& pair = robot.pairs[g][plane.surface];
      if (!pair.collides) continue;
      const RoundGeom<F> geom = RoundGeomOf(scope, g);
      const F margin = F(pair.detection);
      ContactPoint<F> contacts[2];
      if (robot.geom[g].capsule) {
        CollidePlaneCapsule(point, normal, geom, margin, contacts);
      } else {
        contacts[0] = CollidePlaneSphere(point, normal, geom.position,
                                         geom.radius, margin);
      }
      uint32_t valid[2] = {BitsOfMask(contacts[0].valid) & lanes, 0};
      if (robot.geom[g].capsule) {
        valid[1] = BitsOfMask(contacts[1].valid) & lanes;
      }
      for (int k = 0; k < 2; ++k) {
        for (uint32_t left = valid[k]; left != 0; left &= left - 1) {
          const uint32_t lane = static_cast<uint32_t>(__builtin_ctz(left));
          KeepContact(scope, contacts[k], lane, lane, g, plane.surface,
                      plane.id, ScalarOf<F>(1));
        }
      }
    }
  }
}

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
void CoverRobots(const StepScope<F>& scope, uint32_t lanes) {
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
              Less(Load(candidates.low[i] + scope.first_lane), least) &
              Less(most, Load(candidates.high[i] + scope.first_lane));
  }
  const uint32_t stale = lanes & ~BitsOfMask(covered);
  if (stale == 0) return;
  scope.block.find_boxes(&scope.block, stale << scope.first_lane, low[0],
                         high[0]);
}

// The pairs whose bounds overlap: spheres, or capsules.
template <class F>
uint32_t FindPairs(const StepScope<F>& scope, uint32_t lanes,
                   int32_t capsules) {
  const auto& candidates = scope.block.candidates;
  uint32_t count = 0;
  for (int32_t g = 0; g < scope.robot.geoms; ++g) {
    if (scope.robot.geom[g].capsule != capsules) continue;
    Vector3<F> place, extent;
    for (int i = 0; i < 3; ++i) {
      place[i] = scope.w.geom_place[g][i] + scope.w.origin[i];
      extent[i] = Extent(scope, g, i);
    }
    for (uint32_t c = 0; c < candidates.longest; ++c) {
      const ScalarOf<F>* box =
          candidates.boxes + 6 * kStepLanes * c + scope.first_lane;
      MaskOf<F> meets = MaskOfBits<F>(lanes);
      for (int i = 0; i < 3; ++i) {
        const F gap = Magnitude(Load(box + kStepLanes * i) - place[i]);
        meets = meets &
                Less(gap, Load(box + kStepLanes * (i + 3)) + extent[i]);
      }
      for (uint32_t left = BitsOfMask(meets); left != 0; left &= left - 1) {
        const uint32_t lane = static_cast<uint32_t>(__builtin_ctz(left));
        scope.block.pairs[count++] = {static_cast<uint16_t>(lane),
                                      static_cast<uint16_t>(g), c};
      }
    }
  }
  return count;
}

// Geoms and boxes of up to one pack of pairs, one pair a lane.
template <class F>
struct PairPack {
  using Real = ScalarOf<F>;
  static constexpr int kLanes = LaneTraits<F>::kLanes;
  alignas(64) Real number[15][kLanes];

  KMYRIAD_LANE_FUNCTION Vector3<F> Vector(int first) const {
    return {{Load(number[first]), Load(number[first + 1]),
             Load(number[first + 2])}};
  }
};

template <class F>
void GatherPair(const StepScope<F>& scope, const BoxPair& pair, int at,
                PairPack<F>& pack) {
  const auto& geom = scope.robot.geom[pair.geom];
  const ScalarOf<F>* box = scope.block.candidates.boxes +
                           6 * kStepLanes * pair.candidate + scope.first_lane;
  auto& number = pack.number;
  for (int i = 0; i < 3; ++i) {
    number[i][at] = LaneOf(scope.w.geom_place[pair.geom][i], pair.lane);
    number[3 + i][at] = LaneOf(scope.w.geom_axis[pair.geom][i], pair.lane);
    number[6 + i][at] = box[kStepLanes * i + pair.lane] -
                        LaneOf(scope.w.origin[i], pair.lane);
    number[9 + i][at] = box[kStepLanes * (3 + i) + pair.lane];
  }
  const int32_t surface =
      scope.block.candidates
          .surfaces[kStepLanes * pair.candidate + scope.first_lane + pair.lane];
  number[12][at] = geom.radius;
  number[13][at] = geom.half_length;
  number[14][at] = scope.robot.pairs[pair.geom][surface].detection;
}

template <class F>
void CollidePack(const StepScope<F>& scope, const BoxPair* pairs,
                 uint32_t count, bool capsules) {
  PairPack<F> pack;
  for (uint32_t k = 0; k < LaneTraits<F>::kLanes; ++k) {
    GatherPair(scope, pairs[k < count ? k : 0], static_cast<int>(k), pack);
  }
  const RoundGeom<F> geom = {pack.Vector(0), pack.Vector(3),
                             Load(pack.number[12]), Load(pack.number[13])};
  const BoxGeom<F> box = {pack.Vector(6), pack.Vector(9)};
  const F margin = Load(pack.number[14]);
  ContactPoint<F> contacts[2];
  if (capsules) {
    CollideCapsuleBox(geom, box, margin, contacts);
  } else {
    contacts[0] = CollideSphereBox(geom, box, margin);
  }
  const uint32_t first = BitsOfMask(contacts[0].valid);
  const uint32_t second = capsules ? BitsOfMask(contacts[1].valid) : 0;
  const auto& candidates = scope.block.candidates;
  for (uint32_t k = 0; k < count; ++k) {
    const BoxPair& pair = pairs[k];
    const uint32_t at =
        kStepLanes * pair.candidate + scope.first_lane + pair.lane;
    const int32_t surface = candidates.surfaces[at];
    if (!scope.robot.pairs[pair.geom][surface].collides) continue;
    for (int end = 0; end < 2; ++end) {
      if ((((end == 0 ? first : second) >> k) & 1) == 0) continue;
      KeepContact(scope, contacts[end], k, pair.lane, pair.geom, surface,
                  candidates.ids[at], ScalarOf<F>(-1));
    }
  }
}

template <class F>
void FindBoxContacts(const StepScope<F>& scope, uint32_t lanes) {
  if (scope.block.find_boxes == nullptr) return;
  CoverRobots(scope, lanes);
  if (scope.block.candidates.longest == 0) return;
  constexpr uint32_t kLanes = LaneTraits<F>::kLanes;
  for (int32_t capsules = 0; capsules < 2; ++capsules) {
    const uint32_t count = FindPairs(scope, lanes, capsules);
    scope.block.counters.box_pairs += count;
    for (uint32_t k = 0; k < count; k += kLanes) {
      const uint32_t rest = count - k;
      CollidePack(scope, scope.block.pairs + k, rest < kLanes ? rest : kLanes,
                  capsules != 0);
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_
