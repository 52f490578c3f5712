#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_WORKSPACE_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_WORKSPACE_H_

// What one evaluation of the dynamics computes, for as many robots as the lane
// type F has lanes. Reused by every evaluation; nothing but the state, the
// candidate boxes and the counters outlives a step.
//
// Lengths are relative to `origin`: in single precision the root's position, so
// that a robot far from the world's origin loses no digits; in double precision
// the world's origin, as in the engine.

#include "actor/physics/simd/collision.h"
#include "actor/physics/simd/robot_model.h"
#include "actor/physics/simd/step_kernel.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
using ScalarOf = typename LaneTraits<F>::Scalar;

// Spatial vectors: angular part, then linear part, about the robot's centre of
// mass.
template <class F>
struct Spatial {
  F x[6];
  KMYRIAD_LANE_FUNCTION F& operator[](int i) { return x[i]; }
  KMYRIAD_LANE_FUNCTION const F& operator[](int i) const { return x[i]; }
};

// Spatial inertia about the robot's centre of mass: xx, yy, zz, xy, xz, yz,
// mass times offset, mass.
template <class F>
struct SpatialInertia {
  F x[10];
};

// The k-th contact of every lane; lanes may have different geoms here. Fields
// of collision are written lane by lane.
template <class F>
struct ContactSlot {
  static constexpr int kLanes = LaneTraits<F>::kLanes;
  using Real = ScalarOf<F>;

  alignas(64) Real distance[kLanes];
  Real position[3][kLanes];
  Real normal[3][kLanes];
  Real seed[3][kLanes];
  // +1 where the robot is the second geom, else -1.
  Real side[kLanes];
  Real friction[kLanes];
  Real inverse_weight[kLanes];
  Real margin[kLanes];
  Real stiffness[kLanes];
  Real damping[kLanes];
  Real impedance_min[kLanes];
  Real impedance_max[kLanes];
  Real width[kLanes];
  Real midpoint[kLanes];
  Real linear[kLanes];
  int32_t geom[kLanes];          // index in the model
  int32_t surface[kLanes];       // geom id of the plane or box
  uint32_t lanes;                // that have a contact here
  uint32_t row_lanes;            // in which it makes rows
  uint32_t dof_lanes[kMaxDofs];  // in which the dof moves the contact

  // Rows: normal, first and second tangent [3][dofs]; the pyramid's edges are
  // normal +- friction * tangent.
  F frame[3][3];
  F jacobian[3][kMaxDofs];
  F weight;  // D = 1 / R, one for all edges
  F reference[4];
  F residual[4];  // J a - aref
  F change[4];    // J search
};

template <class F>
struct LimitRow {
  uint32_t lanes;  // in which it is active
  F sign;          // the row's only entry; 0 elsewhere
  F weight;
  F reference;
  F residual;
  F change;
};

// Where a robot is.
template <class F>
struct Placement {
  // The state under evaluation. In single precision a free root's position is
  // q + q_low, so that it moves by less than a unit in the last place of q.
  F q[kMaxDofs + 1];
  F q_low[3];

  Vector3<F> origin;
  F rotation[kMaxLinks][9];
  F turn[kMaxLinks][4];  // the same as a quaternion
  Vector3<F> place[kMaxLinks];
  Vector3<F> mass_center[kMaxLinks];
  Vector3<F> geom_place[kMaxGeoms];
  Vector3<F> geom_axis[kMaxGeoms];
  Vector3<F> anchor[kMaxDofs];  // by dof; of rotations
  Spatial<F> axis[kMaxDofs];    // motion that a dof gives
};

template <class F>
struct StepWorkspace : Placement<F> {
  static constexpr int kLanes = LaneTraits<F>::kLanes;
  using Real = ScalarOf<F>;
  using Mask = typename LaneTraits<F>::Mask;

  F v[kMaxDofs];
  F warm[kMaxDofs];
  F motor_force[kMaxDofs];  // by dof

  Vector3<F> center;  // of mass of the robot
  Spatial<F> axis_rate[kMaxDofs];
  SpatialInertia<F> inertia[kMaxLinks];
  SpatialInertia<F> composite[kMaxLinks];
  Spatial<F> velocity[kMaxLinks];
  Spatial<F> acceleration[kMaxLinks];
  Spatial<F> force[kMaxLinks];

  F mass[kMaxMassEntries];
  F factor[kMaxMassEntries];
  F inverse_pivot[kMaxDofs];
  F bias[kMaxDofs];
  F smooth_force[kMaxDofs];
  F smooth_acceleration[kMaxDofs];

  LimitRow<F> limit[kMaxDofs];
  ContactSlot<F>* slot;
  uint32_t slots;             // in use
  uint32_t contacts[kLanes];  // of each lane
  uint32_t row_lanes;         // that have any row

  // Newton.
  F acceleration_now[kMaxDofs];
  F mass_times[kMaxDofs];
  F gradient[kMaxDofs];
  F search[kMaxDofs];
  F mass_search[kMaxDofs];
  uint32_t iterations[kLanes];

  // Runge-Kutta: the state at the start, and the weighted sums of the stages.
  F q_start[kMaxDofs + 1];
  F q_low_start[3];
  F v_start[kMaxDofs];
  F v_sum[kMaxDofs];
  F a_sum[kMaxDofs];
};

// One lane of a value in memory.
template <class F>
KMYRIAD_LANE_FUNCTION ScalarOf<F> LaneOf(const F& a, uint32_t lane) {
  return reinterpret_cast<const ScalarOf<F>*>(&a)[lane];
}

// The lanes' numbers in memory as F, whichever type of these lanes F is.
template <class F>
KMYRIAD_LANE_FUNCTION F LoadAs(const ScalarOf<F>* p) {
  return F(Load(p));
}

// From one number of a candidate box to the next (CandidateBoxes).
template <class F>
inline constexpr uint32_t kBoxStride =
    LaneTraits<F>::kLanes == 1 ? 1 : kStepLanes;

// The lanes' bits.
template <class F>
inline constexpr uint32_t kAllLanes = (1u << LaneTraits<F>::kLanes) - 1;

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_WORKSPACE_H_
