#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACT_SLOTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACT_SLOTS_H_

// Contacts of all lanes, in slots: the k-th contact of every lane side by side.

#include "actor/physics/simd/vector_math.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// What a step of one group of lanes works with.
template <class F>
struct StepScope {
  const RobotModel<ScalarOf<F>>& robot;
  StepBlock<ScalarOf<F>>& block;
  StepWorkspace<F>& w;
  uint32_t first_lane;
  uint32_t group;
};

// The slots of this group, wherever they are now.
template <class F>
KMYRIAD_LANE_FUNCTION ContactSlot<F>* SlotsOf(const StepScope<F>& scope) {
  return static_cast<ContactSlot<F>*>(scope.block.slots[scope.group]);
}

// The next free slot of a lane, or null where memory ends.
template <class F>
KMYRIAD_HOST_DEVICE ContactSlot<F>* TakeSlot(const StepScope<F>& scope,
                                             uint32_t lane) {
  StepWorkspace<F>& w = scope.w;
  const uint32_t index = w.contacts[lane];
  if (index >= scope.block.slot_capacity &&
      !scope.block.enlarge(&scope.block)) {
    scope.block.bad |= 1u << (scope.first_lane + lane);
    ++scope.block.counters.overflows;
    return nullptr;
  }
  ++w.contacts[lane];
  ContactSlot<F>* slot = SlotsOf(scope) + index;
  if (index == w.slots) {
    ++w.slots;
    slot->lanes = slot->row_lanes = 0;
    for (uint32_t& bits : slot->dof_lanes) bits = 0;
    // Other lanes hold anything; this makes their rows vanish.
    for (auto& friction : slot->friction) friction = 0;
  }
  return slot;
}

// Whose contact it is.
struct ContactOwner {
  uint32_t lane;
  int32_t geom;        // index in the model
  int32_t surface;     // kind
  int32_t surface_id;  // geom id of the plane or box
  bool plane;
};

// Copies lane `from` of a contact into a slot of the owner. G is F, or double
// for a contact that was computed again. It makes rows where its distance is
// below `margin`.
template <class G, class F>
KMYRIAD_HOST_DEVICE void KeepContact(const StepScope<F>& scope,
                                     const ContactPoint<G>& contact,
                                     uint32_t from, ScalarOf<G> margin,
                                     const ContactOwner& owner) {
  using Real = ScalarOf<F>;
  const uint32_t lane = owner.lane;
  const int32_t geom = owner.geom;
  ContactSlot<F>* slot = TakeSlot(scope, lane);
  if (slot == nullptr) return;
  const auto& robot = scope.robot;
  const ContactPair<Real>& pair = robot.pairs[geom][owner.surface];
  const uint32_t bit = 1u << lane;
  slot->lanes |= bit;
  slot->distance[lane] = static_cast<Real>(LaneOf(contact.distance, from));
  if (LaneOf(contact.distance, from) < margin) {
    slot->row_lanes |= bit;
    scope.w.row_lanes |= bit;
  }
  for (int i = 0; i < 3; ++i) {
    slot->position[i][lane] =
        static_cast<Real>(LaneOf(contact.position[i], from));
    slot->normal[i][lane] = static_cast<Real>(LaneOf(contact.normal[i], from));
    slot->seed[i][lane] = static_cast<Real>(LaneOf(contact.seed[i], from));
  }
  slot->side[lane] = owner.plane ? Real(1) : Real(-1);
  slot->friction[lane] = pair.friction;
  slot->inverse_weight[lane] = pair.inverse_weight;
  slot->margin[lane] = pair.margin;
  slot->stiffness[lane] = pair.row.stiffness;
  slot->damping[lane] = pair.row.damping;
  slot->impedance_min[lane] = pair.row.impedance_min;
  slot->impedance_max[lane] = pair.row.impedance_max;
  slot->width[lane] = pair.row.width;
  slot->midpoint[lane] = pair.row.midpoint;
  slot->linear[lane] = pair.row.linear;
  slot->geom[lane] = geom;
  slot->surface[lane] = owner.surface_id;
  const auto& link = robot.link[robot.geom[geom].link];
  const int32_t last = link.first_dof + link.dofs - 1;
  const int32_t* ancestor = robot.ancestor + robot.first_ancestor[last];
  for (int32_t k = 0; k < robot.ancestors[last]; ++k) {
    slot->dof_lanes[ancestor[k]] |= bit;
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACT_SLOTS_H_
