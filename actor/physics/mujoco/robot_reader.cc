#include "actor/physics/mujoco/robot_reader.h"

#include <mujoco/mujoco.h>

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "actor/physics/mujoco/rigid_frame.h"
#include "actor/physics/mujoco/surface_reader.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

absl::Status Unsupported(absl::string_view what, absl::string_view mend) {
  return absl::InvalidArgumentError(absl::StrCat(
      "physics: ", what, " is not supported by the batched stepper: ", mend));
}

std::string NameOf(const mjModel& m, int kind, int id) {
  const char* name = mj_id2name(&m, kind, id);
  return absl::StrCat(
      mju_type2Str(kind), " ", id,
      name != nullptr && *name != '\0' ? absl::StrCat(" (", name, ")") : "");
}

absl::Status CheckOptions(const mjModel& m) {
  const mjOption& o = m.opt;
  if (o.integrator != mjINT_EULER && o.integrator != mjINT_RK4 &&
      o.integrator != mjINT_IMPLICITFAST) {
    return Unsupported("option integrator", "use implicitfast, Euler or RK4");
  }
  if (o.cone != mjCONE_PYRAMIDAL) {
    return Unsupported("option cone", "use pyramidal");
  }
  if (o.solver != mjSOL_NEWTON || o.noslip_iterations != 0) {
    return Unsupported("option solver", "use Newton without noslip_iterations");
  }
  if (o.disableflags != 0 || o.enableflags != 0 || o.disableactuator != 0) {
    return Unsupported("option flag", "leave the flags at their defaults");
  }
  if (o.density != 0 || o.viscosity != 0) {
    return Unsupported("option density or viscosity", "use 0");
  }
  if (!(o.timestep > 0) || !(o.impratio > 0)) {
    return Unsupported("option timestep or impratio", "must be above 0");
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const mjModel& m) {
  const struct {
    mjtSize count;
    const char* what;
  } kAbsent[] = {{m.neq, "equality constraint"},
                 {m.ntendon, "tendon"},
                 {m.nflex, "flex"},
                 {m.npair, "contact pair"},
                 {m.nmocap, "mocap body"},
                 {m.nplugin, "plugin"},
                 {m.na, "activation state"},
                 {m.ngravcomp, "gravcomp"}};
  for (const auto& item : kAbsent) {
    if (item.count != 0) return Unsupported(item.what, "remove it");
  }
  if (m.ntree != 1) {
    return Unsupported(absl::StrCat(m.ntree, " kinematic trees"),
                       "one robot is stepped in each environment");
  }
  if (m.nv > kMaxDofs || m.nq > kMaxDofs + 1 || m.nu > kMaxDofs) {
    return Unsupported(
        absl::StrCat(m.nv, " degrees of freedom and ", m.nu, " controls"),
        absl::StrCat("at most ", kMaxDofs, " of each"));
  }
  return absl::OkStatus();
}

// Reads links from bodies; `frames` and `link_of` are by body.
absl::Status ReadLinks(const mjModel& m, BodyFrames* bodies,
                       RobotModel<double>* robot) {
  for (int b = 1; b < m.nbody; ++b) {
    const int parent = m.body_parentid[b];
    const RigidFrame local = Compose(bodies->frame[parent],
                                     {m.body_pos + 3 * b, m.body_quat + 4 * b});
    if (m.body_dofnum[b] == 0) {
      bodies->frame[b] = local;
      bodies->link[b] = bodies->link[parent];
      continue;
    }
    if (robot->links == kMaxLinks) {
      return Unsupported("a robot of so many moving bodies",
                         absl::StrCat("at most ", kMaxLinks));
    }
    RobotLink<double>& link = robot->link[robot->links];
    link.parent = bodies->link[parent];
    link.first_joint = m.body_jntadr[b];
    link.joints = m.body_jntnum[b];
    link.first_dof = m.body_dofadr[b];
    link.dofs = m.body_dofnum[b];
    mju_copy3(link.position, local.position);
    mju_copy4(link.rotation, local.rotation);
    link.turned =
        link.rotation[1] != 0 || link.rotation[2] != 0 || link.rotation[3] != 0;
    bodies->link[b] = robot->links++;
  }
  return absl::OkStatus();
}

// Masses, centres and inertias of the links from those of their bodies.
absl::Status ReadInertias(const mjModel& m, const BodyFrames& bodies,
                          RobotModel<double>* robot) {
  for (int b = 1; b < m.nbody; ++b) {
    if (bodies.link[b] < 0) continue;
    RobotLink<double>& link = robot->link[bodies.link[b]];
    const RigidFrame inertial =
        Compose(bodies.frame[b], {m.body_ipos + 3 * b, m.body_iquat + 4 * b});
    link.mass += m.body_mass[b];
    mju_addToScl3(link.center, inertial.position, m.body_mass[b]);
  }
  for (int k = 0; k < robot->links; ++k) {
    RobotLink<double>& link = robot->link[k];
    robot->total_mass += link.mass;
    if (link.mass > 0) mju_scl3(link.center, link.center, 1 / link.mass);
  }
  if (!(robot->total_mass > 0)) {
    return Unsupported("a robot without mass", "give its geoms a density");
  }
  for (int b = 1; b < m.nbody; ++b) {
    if (bodies.link[b] < 0) continue;
    RobotLink<double>& link = robot->link[bodies.link[b]];
    const RigidFrame inertial =
        Compose(bodies.frame[b], {m.body_ipos + 3 * b, m.body_iquat + 4 * b});
    double rotation[9], offset[3];
    mju_quat2Mat(rotation, inertial.rotation);
    mju_sub3(offset, inertial.position, link.center);
    constexpr int kRow[6] = {0, 1, 2, 0, 0, 1}, kColumn[6] = {0, 1, 2, 1, 2, 2};
    for (int i = 0; i < 6; ++i) {
      const int r = kRow[i], c = kColumn[i];
      for (int k = 0; k < 3; ++k) {
        link.inertia[i] += rotation[3 * r + k] * m.body_inertia[3 * b + k] *
                           rotation[3 * c + k];
      }
      const double square = r == c ? mju_dot3(offset, offset) : 0;
      link.inertia[i] += m.body_mass[b] * (square - offset[r] * offset[c]);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckJoint(const mjModel& m, int j) {
  const std::string name = NameOf(m, mjOBJ_JOINT, j);
  const int type = m.jnt_type[j];
  if (type == mjJNT_BALL) {
    return Unsupported(name, "joints are free, hinge or slide");
  }
  if (type == mjJNT_FREE && m.jnt_dofadr[j] != 0) {
    return Unsupported(name, "only the root may be free");
  }
  const int count = type == mjJNT_FREE ? 6 : 1;
  bool plain = m.jnt_stiffness[j] == 0 && !m.jnt_actfrclimited[j] &&
               m.jnt_actuatorid[j] < 0;
  for (int k = 0; k < mjNPOLY; ++k) {
    plain = plain && m.jnt_stiffnesspoly[mjNPOLY * j + k] == 0;
    for (int d = m.jnt_dofadr[j]; d < m.jnt_dofadr[j] + count; ++d) {
      plain = plain && m.dof_dampingpoly[mjNPOLY * d + k] == 0;
    }
  }
  for (int d = m.jnt_dofadr[j]; d < m.jnt_dofadr[j] + count; ++d) {
    plain = plain && m.dof_frictionloss[d] == 0;
  }
  if (plain) return absl::OkStatus();
  return Unsupported(name,
                     "joints have no stiffness, frictionloss, actuatorfrcrange "
                     "or polynomial damping");
}

absl::Status ReadLimit(const mjModel& m, int j, RobotModel<double>* robot) {
  const double* range = m.jnt_range + 2 * j;
  if (m.jnt_type[j] == mjJNT_FREE ||
      range[1] - range[0] <= 2 * m.jnt_margin[j]) {
    return Unsupported(NameOf(m, mjOBJ_JOINT, j),
                       "limits need a range wider than twice their margin");
  }
  JointLimit<double>& limit = robot->limit[robot->limits++];
  limit.joint = j;
  limit.position = m.jnt_qposadr[j];
  limit.dof = m.jnt_dofadr[j];
  limit.low = range[0];
  limit.high = range[1];
  limit.margin = m.jnt_margin[j];
  limit.inverse_weight = m.dof_invweight0[limit.dof];
  if (!MakeRowParameters(m, m.jnt_solref + mjNREF * j,
                         m.jnt_solimp + mjNIMP * j, &limit.row)) {
    return Unsupported(NameOf(m, mjOBJ_JOINT, j),
                       "the power in solimplimit is 1 or 2");
  }
  return absl::OkStatus();
}

absl::Status ReadJoints(const mjModel& m, const BodyFrames& bodies,
                        RobotModel<double>* robot) {
  robot->joints = static_cast<int32_t>(m.njnt);
  for (int j = 0; j < m.njnt; ++j) {
    KMYRIAD_RETURN_IF_ERROR(CheckJoint(m, j));
    RobotJoint<double>& joint = robot->joint[j];
    joint.kind = m.jnt_type[j] == mjJNT_FREE    ? JointKind::kFree
                 : m.jnt_type[j] == mjJNT_SLIDE ? JointKind::kSlide
                                                : JointKind::kHinge;
    joint.link = bodies.link[m.jnt_bodyid[j]];
    joint.position = m.jnt_qposadr[j];
    joint.dof = m.jnt_dofadr[j];
    mju_copy3(joint.axis, m.jnt_axis + 3 * j);
    mju_copy3(joint.anchor, m.jnt_pos + 3 * j);
    joint.offset = mju_dot3(joint.anchor, joint.anchor) != 0;
    joint.reference = m.qpos0[joint.position];
    if (m.jnt_limited[j]) KMYRIAD_RETURN_IF_ERROR(ReadLimit(m, j, robot));
  }
  int32_t entries = 0;
  for (int d = 0; d < m.nv; ++d) {
    robot->damping[d] = m.dof_damping[d];
    robot->damped |= m.dof_damping[d] != 0;
    robot->armature[d] = m.dof_armature[d];
    robot->dof_link[d] = bodies.link[m.dof_bodyid[d]];
    for (int a = d; a >= 0; a = m.dof_parentid[a]) ++robot->ancestors[d];
    robot->first_ancestor[d] = entries;
    entries += robot->ancestors[d];
    int32_t at = entries;
    for (int a = d; a >= 0; a = m.dof_parentid[a]) robot->ancestor[--at] = a;
  }
  robot->mass_entries = entries;
  return absl::OkStatus();
}

absl::Status ReadMotors(const mjModel& m, RobotModel<double>* robot) {
  robot->motors = static_cast<int32_t>(m.nu);
  for (int a = 0; a < m.nactuator; ++a) {
    const bool plain =
        m.actuator_trntype[a] == mjTRN_JOINT &&
        m.actuator_dyntype[a] == mjDYN_NONE &&
        m.actuator_gaintype[a] == mjGAIN_FIXED &&
        m.actuator_biastype[a] == mjBIAS_NONE && m.actuator_ctrlnum[a] == 1 &&
        m.actuator_outnum[a] == 1 && !m.actuator_forcelimited[a] &&
        m.actuator_damping[a] == 0 && m.actuator_armature[a] == 0 &&
        m.actuator_delay[a] == 0 &&
        m.jnt_type[m.actuator_trnid[2 * a]] != mjJNT_FREE;
    if (!plain) {
      return Unsupported(NameOf(m, mjOBJ_ACTUATOR, a),
                         "actuators are motors of hinges and slides without "
                         "dynamics, damping, delay or force limits");
    }
    const int control = m.actuator_ctrladr[a];
    Motor<double>& motor = robot->motor[control];
    motor.dof = m.jnt_dofadr[m.actuator_trnid[2 * a]];
    motor.gear = m.actuator_gear[6 * m.actuator_outadr[a]] *
                 m.actuator_gainprm[mjNGAIN * a];
    constexpr double kFree = std::numeric_limits<double>::infinity();
    const bool limited = m.actuator_ctrllimited[control];
    motor.low = limited ? m.actuator_ctrlrange[2 * control] : -kFree;
    motor.high = limited ? m.actuator_ctrlrange[2 * control + 1] : kFree;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Robot> ReadRobot(const mjModel& m) {
  KMYRIAD_RETURN_IF_ERROR(CheckOptions(m));
  KMYRIAD_RETURN_IF_ERROR(CheckSizes(m));
  auto robot = std::make_unique<RobotModel<double>>();
  robot->positions = static_cast<int32_t>(m.nq);
  robot->dofs = static_cast<int32_t>(m.nv);
  robot->runge_kutta = m.opt.integrator == mjINT_RK4;
  robot->timestep = m.opt.timestep;
  mju_copy3(robot->gravity, m.opt.gravity);
  robot->impedance_ratio = m.opt.impratio;
  for (int i = 0; i < m.nq; ++i) robot->reference[i] = m.qpos0[i];
  BodyFrames bodies(static_cast<size_t>(m.nbody));
  KMYRIAD_RETURN_IF_ERROR(ReadLinks(m, &bodies, robot.get()));
  KMYRIAD_RETURN_IF_ERROR(ReadInertias(m, bodies, robot.get()));
  KMYRIAD_RETURN_IF_ERROR(ReadJoints(m, bodies, robot.get()));
  KMYRIAD_RETURN_IF_ERROR(ReadMotors(m, robot.get()));
  Robot result;
  KMYRIAD_RETURN_IF_ERROR(ReadSurfaces(m, bodies, robot.get(), &result.boxes));
  result.model = std::move(robot);
  return result;
}

absl::StatusOr<Robot> CompileRobot(const std::string& mjcf) {
  KMYRIAD_ASSIGN_OR_RETURN(ModelPointer model, CompileModel(mjcf));
  return ReadRobot(*model);
}

PhysicsDimensions DimensionsOf(const RobotModel<double>& robot) {
  PhysicsDimensions dimensions;
  dimensions.position = static_cast<uint32_t>(robot.positions);
  dimensions.velocity = static_cast<uint32_t>(robot.dofs);
  dimensions.control = static_cast<uint32_t>(robot.motors);
  dimensions.reference_position.assign(robot.reference,
                                       robot.reference + robot.positions);
  return dimensions;
}

std::string CompilerVersion() { return mj_versionString(); }

}  // namespace kmyriad
