#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_CONVERSION_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_CONVERSION_H_

// A robot's constants, rounded to another arithmetic.

#include <algorithm>
#include <iterator>

#include "actor/physics/simd/robot_model.h"

namespace kmyriad {

template <class Real>
class RobotRounding {
 public:
  static Real Of(double a) { return static_cast<Real>(a); }
  static int32_t Of(int32_t a) { return a; }
  static JointKind Of(JointKind a) { return a; }
  template <class From, class To>
  static void Copy(const From& from, To& to) {
    std::transform(std::begin(from), std::end(from), std::begin(to),
                   [](const auto& a) { return Of(a); });
  }

  static RobotLink<Real> Of(const RobotLink<double>& a) {
    RobotLink<Real> b = {
        a.parent, a.first_joint, a.joints, a.first_dof, a.dofs, a.turned, {},
        {},       Of(a.mass),    {},       {}};
    Copy(a.position, b.position);
    Copy(a.rotation, b.rotation);
    Copy(a.center, b.center);
    Copy(a.inertia, b.inertia);
    return b;
  }
  static RobotJoint<Real> Of(const RobotJoint<double>& a) {
    RobotJoint<Real> b = {a.kind,   a.link, a.position, a.dof,
                          a.offset, {},     {},         Of(a.reference)};
    Copy(a.axis, b.axis);
    Copy(a.anchor, b.anchor);
    return b;
  }
  static RowParameters<Real> Of(const RowParameters<double>& a) {
    return {Of(a.stiffness),     Of(a.damping), Of(a.impedance_min),
            Of(a.impedance_max), Of(a.width),   Of(a.midpoint),
            Of(a.linear)};
  }
  static JointLimit<Real> Of(const JointLimit<double>& a) {
    return {a.joint,      a.position,           a.dof,    Of(a.low), Of(a.high),
            Of(a.margin), Of(a.inverse_weight), Of(a.row)};
  }
  static RobotGeom<Real> Of(const RobotGeom<double>& a) {
    RobotGeom<Real> b = {
        a.id, a.link, a.capsule, Of(a.radius), Of(a.half_length), {}, {}};
    Copy(a.position, b.position);
    Copy(a.axis, b.axis);
    return b;
  }
  static ContactPair<Real> Of(const ContactPair<double>& a) {
    return {a.collides,     Of(a.detection),      Of(a.margin),
            Of(a.friction), Of(a.inverse_weight), Of(a.row)};
  }
  static StaticPlane<Real> Of(const StaticPlane<double>& a) {
    StaticPlane<Real> b = {a.id, a.surface, {}, {}};
    Copy(a.position, b.position);
    Copy(a.normal, b.normal);
    return b;
  }
  static Motor<Real> Of(const Motor<double>& a) {
    return {a.dof, Of(a.gear), Of(a.low), Of(a.high)};
  }

  static void Robot(const RobotModel<double>& a, RobotModel<Real>* b) {
    b->links = a.links;
    b->joints = a.joints;
    b->positions = a.positions;
    b->dofs = a.dofs;
    b->geoms = a.geoms;
    b->limits = a.limits;
    b->planes = a.planes;
    b->surfaces = a.surfaces;
    b->motors = a.motors;
    b->mass_entries = a.mass_entries;
    b->damped = a.damped;
    b->runge_kutta = a.runge_kutta;
    b->timestep = Of(a.timestep);
    Copy(a.gravity, b->gravity);
    b->impedance_ratio = Of(a.impedance_ratio);
    b->total_mass = Of(a.total_mass);
    Copy(a.link, b->link);
    Copy(a.joint, b->joint);
    Copy(a.damping, b->damping);
    Copy(a.armature, b->armature);
    Copy(a.reference, b->reference);
    Copy(a.dof_link, b->dof_link);
    Copy(a.ancestors, b->ancestors);
    Copy(a.first_ancestor, b->first_ancestor);
    Copy(a.ancestor, b->ancestor);
    Copy(a.limit, b->limit);
    Copy(a.geom, b->geom);
    Copy(a.plane, b->plane);
    for (int g = 0; g < kMaxGeoms; ++g) Copy(a.pairs[g], b->pairs[g]);
    Copy(a.motor, b->motor);
  }
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_ROBOT_CONVERSION_H_
