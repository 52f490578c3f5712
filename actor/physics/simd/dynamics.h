#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_DYNAMICS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_DYNAMICS_H_

// Inertia, mass matrix and bias forces (reference/physics.md 2.2, 2.3).

#include "actor/physics/simd/kinematics.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Inertia of the link about the robot's centre of mass.
template <class F>
KMYRIAD_HOST_DEVICE void ExpressInertia(const RobotLink<ScalarOf<F>>& link,
                                        const F m[9], const Vector3<F>& offset,
                                        SpatialInertia<F>& result) {
  const auto& i = link.inertia;
  const F local[9] = {F(i[0]), F(i[3]), F(i[4]), F(i[3]), F(i[1]),
                      F(i[5]), F(i[4]), F(i[5]), F(i[2])};
  F half[9];  // rotation * local
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      half[3 * r + c] =
          Fma(m[3 * r + 2], local[6 + c],
              Fma(m[3 * r + 1], local[3 + c], m[3 * r] * local[c]));
    }
  }
  constexpr int kRow[6] = {0, 1, 2, 0, 0, 1}, kColumn[6] = {0, 1, 2, 1, 2, 2};
  const F mass = F(link.mass);
  F moment[3];
  for (int k = 0; k < 3; ++k) moment[k] = mass * offset[k];
  const F squared = Dot(offset, offset);
  for (int k = 0; k < 6; ++k) {
    const int r = kRow[k], c = kColumn[k];
    F sum = Fma(half[3 * r + 2], m[3 * c + 2],
                Fma(half[3 * r + 1], m[3 * c + 1], half[3 * r] * m[3 * c]));
    if (r == c) sum = Fma(mass, squared, sum);
    result.x[k] = Fma(F(0) - moment[r], offset[c], sum);
  }
  for (int k = 0; k < 3; ++k) result.x[6 + k] = moment[k];
  result.x[9] = mass;
}

// Centre of mass, inertias and the motion that each dof gives.
template <class F>
KMYRIAD_HOST_DEVICE void ExpressAtCenter(const RobotOf<F>& robot,
                                         StepWorkspace<F>& w) {
  Vector3<F> sum = {{F(0), F(0), F(0)}};
  for (int32_t k = 0; k < robot.links; ++k) {
    const F mass = F(robot.link[k].mass);
    for (int i = 0; i < 3; ++i) {
      sum[i] = Fma(mass, w.mass_center[k][i], sum[i]);
    }
  }
  const F inverse = F(ScalarOf<F>(1) / robot.total_mass);
  for (int i = 0; i < 3; ++i) w.center[i] = sum[i] * inverse;
  for (int32_t k = 0; k < robot.links; ++k) {
    ExpressInertia(robot.link[k], w.rotation[k],
                   Subtract(w.mass_center[k], w.center), w.inertia[k]);
  }
  for (int32_t k = 0; k < robot.joints; ++k) {
    const auto& joint = robot.joint[k];
    if (joint.kind == JointKind::kSlide) continue;
    const bool free = joint.kind == JointKind::kFree;
    const int32_t first = free ? joint.dof + 3 : joint.dof;
    for (int32_t dof = first; dof < first + (free ? 3 : 1); ++dof) {
      const Vector3<F> linear =
          Cross(AngularPart(w.axis[dof]), Subtract(w.center, w.anchor[dof]));
      for (int i = 0; i < 3; ++i) w.axis[dof][3 + i] = linear[i];
    }
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void ComputeMassMatrix(const RobotOf<F>& robot,
                                           StepWorkspace<F>& w) {
  for (int32_t k = 0; k < robot.links; ++k) w.composite[k] = w.inertia[k];
  for (int32_t k = robot.links - 1; k > 0; --k) {
    const int32_t parent = robot.link[k].parent;
    if (parent < 0) continue;
    for (int i = 0; i < 10; ++i) {
      w.composite[parent].x[i] = w.composite[parent].x[i] + w.composite[k].x[i];
    }
  }
  for (int32_t dof = 0; dof < robot.dofs; ++dof) {
    const Spatial<F> momentum =
        Momentum(w.composite[robot.dof_link[dof]], w.axis[dof]);
    const int32_t first = robot.first_ancestor[dof];
    const int32_t count = robot.ancestors[dof];
    for (int32_t k = 0; k < count; ++k) {
      // Adding zero turns -0 into +0: what rows add to it later may be
      // nothing, or products that are zero.
      w.mass[first + k] =
          Dot(w.axis[robot.ancestor[first + k]], momentum) + F(0);
    }
    w.mass[first + count - 1] =
        w.mass[first + count - 1] + F(robot.armature[dof]);
  }
}

// Velocities of the links and the rates of the dofs' axes.
template <class F>
KMYRIAD_HOST_DEVICE void ComputeVelocities(const RobotOf<F>& robot,
                                           StepWorkspace<F>& w) {
  for (int32_t k = 0; k < robot.links; ++k) {
    const auto& link = robot.link[k];
    Spatial<F> velocity;
    for (int i = 0; i < 6; ++i) {
      velocity[i] = link.parent < 0 ? F(0) : w.velocity[link.parent][i];
    }
    for (int32_t j = link.first_joint; j < link.first_joint + link.joints;
         ++j) {
      int32_t dof = robot.joint[j].dof;
      if (robot.joint[j].kind != JointKind::kFree) {
        w.axis_rate[dof] = CrossMotion(velocity, w.axis[dof]);
        velocity = AddScaled(w.axis[dof], w.v[dof], velocity);
        continue;
      }
      for (int i = 0; i < 3; ++i) {
        velocity[3 + i] = velocity[3 + i] + w.v[dof + i];
        for (int r = 0; r < 6; ++r) w.axis_rate[dof + i][r] = F(0);
      }
      dof += 3;
      for (int i = 0; i < 3; ++i) {
        w.axis_rate[dof + i] = CrossMotion(velocity, w.axis[dof + i]);
      }
      for (int i = 0; i < 3; ++i) {
        velocity = AddScaled(w.axis[dof + i], w.v[dof + i], velocity);
      }
    }
    w.velocity[k] = velocity;
  }
}

// Forces that the motion and gravity take without acceleration (recursive
// Newton-Euler).
template <class F>
KMYRIAD_HOST_DEVICE void ComputeBias(const RobotOf<F>& robot,
                                     StepWorkspace<F>& w) {
  for (int32_t k = 0; k < robot.links; ++k) {
    const auto& link = robot.link[k];
    Spatial<F> acceleration;
    for (int i = 0; i < 6; ++i) {
      acceleration[i] = link.parent >= 0
                            ? w.acceleration[link.parent][i]
                            : (i < 3 ? F(0) : F(0) - F(robot.gravity[i - 3]));
    }
    for (int32_t d = link.first_dof; d < link.first_dof + link.dofs; ++d) {
      acceleration = AddScaled(w.axis_rate[d], w.v[d], acceleration);
    }
    w.acceleration[k] = acceleration;
    const Spatial<F> inertial = Momentum(w.inertia[k], acceleration);
    const Spatial<F> gyroscopic =
        CrossForce(w.velocity[k], Momentum(w.inertia[k], w.velocity[k]));
    for (int i = 0; i < 6; ++i) w.force[k][i] = inertial[i] + gyroscopic[i];
  }
  for (int32_t k = robot.links - 1; k > 0; --k) {
    const int32_t parent = robot.link[k].parent;
    if (parent < 0) continue;
    for (int i = 0; i < 6; ++i) {
      w.force[parent][i] = w.force[parent][i] + w.force[k][i];
    }
  }
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.bias[d] = Dot(w.axis[d], w.force[robot.dof_link[d]]);
  }
}

// What would accelerate the robot if nothing touched it.
template <class F>
KMYRIAD_HOST_DEVICE void ComputeSmoothForce(const RobotOf<F>& robot,
                                            StepWorkspace<F>& w) {
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.smooth_force[d] =
        Fma(F(0) - F(robot.damping[d]), w.v[d], w.motor_force[d]) - w.bias[d];
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_DYNAMICS_H_
