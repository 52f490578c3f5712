#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_MODEL_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_MODEL_H_

// The constants of one robot and of what it may touch, as the batched stepper
// reads them: plain arrays, no functions, so that units of every instruction
// set may include it. Filled from a compiled model (mujoco/robot_reader.h),
// never typed in. Units are those of MJCF: metres, kilograms, radians.

#include <cstdint>

namespace kmyriad {

inline constexpr int kMaxLinks = 24;
inline constexpr int kMaxDofs = 32;
inline constexpr int kMaxGeoms = 48;
inline constexpr int kMaxSurfaces = 8;  // kinds of static surface
inline constexpr int kMaxPlanes = 4;
// Non-zeros of the mass matrix's lower triangle.
inline constexpr int kMaxMassEntries = kMaxDofs * (kMaxDofs + 1) / 2;

enum class JointKind : int32_t { kFree, kSlide, kHinge };

// Bodies that are welded together, as one rigid body. Links are in depth-first
// order: parents come before children.
template <class Real>
struct RobotLink {
  int32_t parent;       // link, or -1: the world
  int32_t first_joint;  // joints [first_joint, first_joint + joints)
  int32_t joints;
  int32_t first_dof;  // dofs [first_dof, first_dof + dofs)
  int32_t dofs;
  int32_t turned;    // whether `rotation` is not the identity
  Real position[3];  // of its frame in the parent's frame
  Real rotation[4];  // quaternion w, x, y, z
  Real mass;
  Real center[3];   // of mass, in its own frame
  Real inertia[6];  // about the centre, own frame: xx, yy, zz, xy, xz, yz
};

template <class Real>
struct RobotJoint {
  JointKind kind;
  int32_t link;
  int32_t position;  // first entry in qpos
  int32_t dof;       // first entry in qvel
  int32_t offset;    // whether `anchor` is not zero
  Real axis[3];      // unit length, in the link's frame
  Real anchor[3];    // in the link's frame
  Real reference;    // qpos at which the link is as in the model (hinge, slide)
};

// How violations of a row are answered (reference/physics.md 2.6):
// stiffness K, damping B, impedance dmin, dmax, width, midpoint, and whether
// the power is 1 (else it is 2).
template <class Real>
struct RowParameters {
  Real stiffness;
  Real damping;
  Real impedance_min;
  Real impedance_max;
  Real width;
  Real midpoint;
  Real linear;  // 1 or 0
};

template <class Real>
struct JointLimit {
  int32_t joint;
  int32_t position;  // entry in qpos
  int32_t dof;
  Real low;
  Real high;
  Real margin;
  Real inverse_weight;  // dof_invweight0
  RowParameters<Real> row;
};

// Sphere or capsule of the robot. half_length is 0 for a sphere; the axis of a
// capsule is a unit vector in the link's frame.
template <class Real>
struct RobotGeom {
  int32_t id;  // in the compiled model
  int32_t link;
  int32_t capsule;
  Real radius;
  Real half_length;
  Real position[3];
  Real axis[3];
};

// How a geom meets a surface. No contact at all where !collides.
template <class Real>
struct ContactPair {
  int32_t collides;
  Real detection;       // contact where dist <= detection = margin + gap
  Real margin;          // row where dist < margin
  Real friction;        // sliding, both directions
  Real inverse_weight;  // translational, of both bodies
  RowParameters<Real> row;
};

template <class Real>
struct StaticPlane {
  int32_t id;       // geom in the compiled model
  int32_t surface;  // index in `pairs`
  Real position[3];
  Real normal[3];
};

template <class Real>
struct Motor {
  int32_t dof;
  Real gear;
  Real low;  // of the control; -inf and +inf if it is not limited
  Real high;
};

template <class Real>
struct RobotModel {
  int32_t links;
  int32_t joints;
  int32_t positions;  // entries of qpos
  int32_t dofs;       // entries of qvel
  int32_t geoms;
  int32_t limits;
  int32_t planes;
  int32_t surfaces;
  int32_t motors;        // controls
  int32_t mass_entries;  // non-zeros of the mass matrix's lower triangle
  int32_t damped;        // whether any damping is not zero
  int32_t runge_kutta;   // RK4, else implicitfast
  Real timestep;         // seconds
  Real gravity[3];
  Real impedance_ratio;
  Real total_mass;
  RobotLink<Real> link[kMaxLinks];
  RobotJoint<Real> joint[kMaxDofs];
  Real damping[kMaxDofs];
  Real armature[kMaxDofs];
  Real reference[kMaxDofs + 1];  // qpos0
  // Ancestors of dof d, itself last, ascending: ancestor[first_ancestor[d] + k]
  // for k < ancestors[d]. Entry (d, k-th ancestor) of the mass matrix lies at
  // first_ancestor[d] + k: no other entry of the lower triangle is non-zero.
  int32_t dof_link[kMaxDofs];
  int32_t ancestors[kMaxDofs];
  int32_t first_ancestor[kMaxDofs];
  int32_t ancestor[kMaxMassEntries];
  JointLimit<Real> limit[kMaxDofs];
  RobotGeom<Real> geom[kMaxGeoms];
  StaticPlane<Real> plane[kMaxPlanes];
  ContactPair<Real> pairs[kMaxGeoms][kMaxSurfaces];
  Motor<Real> motor[kMaxDofs];
};

// Axis-aligned static box.
struct SurfaceBox {
  int32_t id;       // geom in the compiled model
  int32_t surface;  // index in `pairs`
  double center[3];
  double half[3];
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_MODEL_H_
