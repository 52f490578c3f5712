#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_KINEMATICS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_KINEMATICS_H_

// Places of links and geoms (reference/physics.md 2.2).

#include "actor/physics/simd/vector_math.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
using RobotOf = RobotModel<ScalarOf<F>>;

// The frame that the world puts around everything else.
template <class F>
KMYRIAD_HOST_DEVICE void PlaceOrigin(const RobotOf<F>& robot, Placement<F>& w) {
  const bool free_root =
      robot.joints > 0 && robot.joint[0].kind == JointKind::kFree;
  for (int i = 0; i < 3; ++i) {
    w.origin[i] = !kIsDouble<F> && free_root ? w.q[i] : F(0);
  }
}

// The link's frame before its joints move it.
template <class F>
KMYRIAD_HOST_DEVICE void PlaceAtParent(const RobotOf<F>& robot, int32_t index,
                                       Placement<F>& w) {
  const auto& link = robot.link[index];
  const Vector3<F> position = Constant<F>(link.position);
  const F turn[4] = {F(link.rotation[0]), F(link.rotation[1]),
                     F(link.rotation[2]), F(link.rotation[3])};
  F* q = w.turn[index];
  if (link.parent < 0) {
    w.place[index] = Subtract(position, w.origin);
    for (int i = 0; i < 4; ++i) q[i] = turn[i];
    MatrixOfQuaternion(q, w.rotation[index]);
    return;
  }
  w.place[index] =
      Add(w.place[link.parent], Rotate(w.rotation[link.parent], position));
  if (link.turned) {
    MultiplyQuaternions(w.turn[link.parent], turn, q);
    MatrixOfQuaternion(q, w.rotation[index]);
    return;
  }
  for (int i = 0; i < 4; ++i) q[i] = w.turn[link.parent][i];
  for (int i = 0; i < 9; ++i) {
    w.rotation[index][i] = w.rotation[link.parent][i];
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void MoveByFreeJoint(const RobotJoint<ScalarOf<F>>& joint,
                                         Placement<F>& w) {
  const F* q = w.q + joint.position;
  F* turn = w.turn[joint.link];
  for (int i = 0; i < 3; ++i) {
    w.place[joint.link][i] = (q[i] - w.origin[i]) + w.q_low[i];
  }
  for (int i = 0; i < 4; ++i) turn[i] = q[3 + i];
  NormalizeQuaternion(turn);
  MatrixOfQuaternion(turn, w.rotation[joint.link]);
  for (int k = 0; k < 3; ++k) {
    w.anchor[joint.dof + 3 + k] = w.place[joint.link];
    for (int i = 0; i < 3; ++i) {
      w.axis[joint.dof + k][i] = F(0);
      w.axis[joint.dof + k][3 + i] = F(i == k ? 1 : 0);
      w.axis[joint.dof + 3 + k][i] = w.rotation[joint.link][3 * i + k];
    }
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void MoveByHinge(const RobotJoint<ScalarOf<F>>& joint,
                                     Placement<F>& w) {
  const int32_t index = joint.link;
  const Vector3<F> local = Constant<F>(joint.axis);
  const Vector3<F> axis = Rotate(w.rotation[index], local);
  const Vector3<F> offset = Constant<F>(joint.anchor);
  Vector3<F> anchor = w.place[index];
  if (joint.offset) anchor = Add(anchor, Rotate(w.rotation[index], offset));
  F turn[4];
  QuaternionOfTurn(local, w.q[joint.position] - F(joint.reference), turn);
  MultiplyQuaternions(w.turn[index], turn, w.turn[index]);
  NormalizeQuaternion(w.turn[index]);
  MatrixOfQuaternion(w.turn[index], w.rotation[index]);
  if (joint.offset) {
    w.place[index] = Subtract(anchor, Rotate(w.rotation[index], offset));
  }
  w.anchor[joint.dof] = anchor;
  for (int i = 0; i < 3; ++i) w.axis[joint.dof][i] = axis[i];
}

template <class F>
KMYRIAD_HOST_DEVICE void MoveBySlide(const RobotJoint<ScalarOf<F>>& joint,
                                     Placement<F>& w) {
  const int32_t index = joint.link;
  const Vector3<F> axis = Rotate(w.rotation[index], Constant<F>(joint.axis));
  const F way = w.q[joint.position] - F(joint.reference);
  for (int i = 0; i < 3; ++i) {
    w.place[index][i] = Fma(axis[i], way, w.place[index][i]);
    w.axis[joint.dof][i] = F(0);
    w.axis[joint.dof][3 + i] = axis[i];
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void PlaceLinks(const RobotOf<F>& robot, Placement<F>& w) {
  PlaceOrigin(robot, w);
  for (int32_t index = 0; index < robot.links; ++index) {
    const auto& link = robot.link[index];
    PlaceAtParent(robot, index, w);
    for (int32_t k = 0; k < link.joints; ++k) {
      const auto& joint = robot.joint[link.first_joint + k];
      if (joint.kind == JointKind::kHinge) {
        MoveByHinge(joint, w);
      } else if (joint.kind == JointKind::kSlide) {
        MoveBySlide(joint, w);
      } else {
        MoveByFreeJoint(joint, w);
      }
    }
    w.mass_center[index] = Add(
        w.place[index], Rotate(w.rotation[index], Constant<F>(link.center)));
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void PlaceGeoms(const RobotOf<F>& robot, Placement<F>& w) {
  for (int32_t index = 0; index < robot.geoms; ++index) {
    const auto& geom = robot.geom[index];
    const F* rotation = w.rotation[geom.link];
    w.geom_place[index] =
        Add(w.place[geom.link], Rotate(rotation, Constant<F>(geom.position)));
    w.geom_axis[index] = Rotate(rotation, Constant<F>(geom.axis));
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_KINEMATICS_H_
