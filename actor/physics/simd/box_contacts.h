#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_CONTACTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_CONTACTS_H_

// The narrow phase. Pairs that overlap are few, and different in every lane:
// they are packed, so that a pass has as many pairs as there are lanes,
// wherever they come from.

#include "actor/physics/simd/box_pairs.h"
#include "actor/physics/simd/exact_contacts.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Geoms and boxes of up to one pack of pairs, one pair a lane.
template <class F>
struct PairPack {
  using Real = ScalarOf<F>;
  static constexpr int kLanes = LaneTraits<F>::kLanes;
  alignas(64) Real number[15][kLanes];

  KMYRIAD_LANE_FUNCTION Vector3<F> Vector(int first) const {
    return {{LoadAs<F>(number[first]), LoadAs<F>(number[first + 1]),
             LoadAs<F>(number[first + 2])}};
  }
};

// The box of one axis of a pair, [low, high], relative to the geom's place. In
// single precision a long box would cost digits, so that it is cut where the
// geom cannot tell: at four times its reach. Not if all faces are beyond it,
// since depth is measured to the nearest one.
struct BoxSpan {
  double low, high;
};
KMYRIAD_LANE_FUNCTION void CutSpans(double reach, BoxSpan span[3]) {
  double depth = 1e30;
  for (int i = 0; i < 3; ++i) {
    depth = Min(depth, Min(0.0 - span[i].low, span[i].high));
  }
  const double cut = 4 * reach;
  if (depth > reach) return;
  for (int i = 0; i < 3; ++i) {
    span[i].low = Max(span[i].low, 0.0 - cut);
    span[i].high = Min(span[i].high, cut);
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void GatherPair(const StepScope<F>& scope,
                                    const BoxPair& pair, int at,
                                    PairPack<F>& pack) {
  const auto& geom = scope.robot.geom[pair.geom];
  const ScalarOf<F>* box = scope.block.candidates.boxes +
                           6 * kBoxStride<F> * pair.candidate +
                           scope.first_lane;
  auto& number = pack.number;
  const int32_t surface =
      scope.block.candidates.surfaces[kBoxStride<F> * pair.candidate +
                                      scope.first_lane + pair.lane];
  const ScalarOf<F> detection = scope.robot.pairs[pair.geom][surface].detection;
  number[12][at] = geom.radius;
  number[13][at] = geom.half_length;
  number[14][at] = detection;
  BoxSpan span[3];
  for (int i = 0; i < 3; ++i) {
    const ScalarOf<F> place =
        LaneOf(scope.w.geom_place[pair.geom][i], pair.lane);
    const ScalarOf<F> center = box[kBoxStride<F> * i + pair.lane];
    const ScalarOf<F> half = box[kBoxStride<F> * (3 + i) + pair.lane];
    number[i][at] = place;
    number[3 + i][at] = LaneOf(scope.w.geom_axis[pair.geom][i], pair.lane);
    number[6 + i][at] = center;
    number[9 + i][at] = half;
    const double middle =
        (double{center} - double{LaneOf(scope.w.origin[i], pair.lane)}) -
        double{place};
    span[i] = {middle - double{half}, middle + double{half}};
  }
  if constexpr (!kIsDouble<F>) {
    CutSpans(double{geom.half_length} + double{geom.radius} + double{detection},
             span);
    for (int i = 0; i < 3; ++i) {
      number[6 + i][at] = static_cast<float>((span[i].low + span[i].high) / 2);
      number[9 + i][at] = static_cast<float>((span[i].high - span[i].low) / 2);
    }
  }
}

// Puts the contacts of a pack into slots, those in doubt after another look.
template <class F>
KMYRIAD_HOST_DEVICE void KeepPack(const StepScope<F>& scope,
                                  const BoxPair* pairs, uint32_t count,
                                  const ContactPoint<F> contacts[2],
                                  const uint32_t valid[2], uint32_t doubtful) {
  const auto& candidates = scope.block.candidates;
  for (uint32_t k = 0; k < count; ++k) {
    const BoxPair& pair = pairs[k];
    const uint32_t at =
        kBoxStride<F> * pair.candidate + scope.first_lane + pair.lane;
    const ContactOwner owner = {pair.lane, pair.geom, candidates.surfaces[at],
                                candidates.ids[at], false};
    const auto& kind = scope.robot.pairs[pair.geom][owner.surface];
    if (!kind.collides) continue;
    if (((doubtful >> k) & 1) != 0) {
      CollideBoxExactly(scope, pair.candidate, owner);
      continue;
    }
    for (int end = 0; end < 2; ++end) {
      if (((valid[end] >> k) & 1) == 0) continue;
      KeepContact(scope, contacts[end], k, kind.margin, owner);
    }
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void CollidePack(const StepScope<F>& scope,
                                     const BoxPair* pairs, uint32_t count,
                                     bool capsules) {
  PairPack<F> pack;
  for (uint32_t k = 0; k < LaneTraits<F>::kLanes; ++k) {
    GatherPair(scope, pairs[k < count ? k : 0], static_cast<int>(k), pack);
  }
  const Vector3<F> place = pack.Vector(0);
  const F zero = F(0);
  const RoundGeom<F> geom = {
      kIsDouble<F> ? place : Vector3<F>{{zero, zero, zero}}, pack.Vector(3),
      LoadAs<F>(pack.number[12]), LoadAs<F>(pack.number[13])};
  const BoxGeom<F> box = {pack.Vector(6), pack.Vector(9)};
  const F margin = LoadAs<F>(pack.number[14]);
  ContactPoint<F> contacts[2];
  if (capsules) {
    CollideCapsuleBox(geom, box, margin, contacts);
  } else {
    contacts[0] = CollideSphereBox(geom, box, margin);
  }
  for (int end = 0; end < (capsules ? 2 : 1) && !kIsDouble<F>; ++end) {
    contacts[end].position = Add(contacts[end].position, place);
  }
  uint32_t valid[2] = {0, 0}, doubtful = 0;
  for (int end = 0; end < (capsules ? 2 : 1); ++end) {
    valid[end] = BitsOfMask(contacts[end].valid);
    if constexpr (kIsDouble<F>) continue;
    doubtful |= BitsOfMask(InDoubt(contacts[end], margin) |
                           NormalInDoubt(contacts[end], geom.radius));
  }
  KeepPack(scope, pairs, count, contacts, valid, doubtful);
}

template <class F>
KMYRIAD_HOST_DEVICE void FindBoxContacts(const StepScope<F>& scope,
                                         uint32_t lanes) {
  if (scope.block.find_boxes == nullptr) return;
  CoverRobots(scope, lanes);
  if (scope.block.candidates.longest == 0) return;
  constexpr uint32_t kLanes = LaneTraits<F>::kLanes;
  for (int32_t capsules = 0; capsules < 2; ++capsules) {
    if constexpr (kLanes == 1) {
      VisitPairs(scope, lanes, capsules, [&](const BoxPair& pair) {
        ++scope.block.counters.box_pairs;
        CollidePack(scope, &pair, 1, capsules != 0);
      });
      continue;
    }
    uint32_t count = 0;
    VisitPairs(scope, lanes, capsules,
               [&](const BoxPair& pair) { scope.block.pairs[count++] = pair; });
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

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_CONTACTS_H_
