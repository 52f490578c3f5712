#include "actor/physics/mujoco/ant_mjcf.h"

#include <mujoco/mujoco.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

struct ModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
using ModelPointer = std::unique_ptr<mjModel, ModelDeleter>;

ModelPointer Compile(const PhysicsOptions& options) {
  char error[500] = "";
  mjSpec* spec = mj_parseXMLString(AntMjcf(options).c_str(), nullptr, error,
                                   sizeof(error));
  EXPECT_NE(spec, nullptr) << error;
  ModelPointer model(mj_compile(spec, nullptr));
  EXPECT_NE(model, nullptr) << mjs_getError(spec);
  mj_deleteSpec(spec);
  return model;
}

PhysicsOptions RungeKutta() {
  PhysicsOptions options;
  options.integrator = Integrator::kRungeKutta4;
  return options;
}

nlohmann::json GymnasiumAnt() {
  std::ifstream file(KMYRIAD_TESTDATA "/gymnasium_ant.json");
  return nlohmann::json::parse(file);
}

template <typename T>
std::vector<double> Values(const T* values, mjtSize count) {
  return std::vector<double>(values, values + count);
}

template <typename T>
void Add(nlohmann::json& fields, const char* name, const T* values,
         mjtSize count) {
  fields[name] = Values(values, count);
}

// The fields of a compiled model that decide its dynamics, under the names
// that the fixture uses.
nlohmann::json Fields(const mjModel& m) {
  nlohmann::json f;
  Add(f, "qpos0", m.qpos0, m.nq);
  Add(f, "body_parentid", m.body_parentid, m.nbody);
  Add(f, "body_mass", m.body_mass, m.nbody);
  Add(f, "body_inertia", m.body_inertia, 3 * m.nbody);
  Add(f, "body_ipos", m.body_ipos, 3 * m.nbody);
  Add(f, "body_iquat", m.body_iquat, 4 * m.nbody);
  Add(f, "body_pos", m.body_pos, 3 * m.nbody);
  Add(f, "body_quat", m.body_quat, 4 * m.nbody);
  Add(f, "body_invweight0", m.body_invweight0, 2 * m.nbody);
  Add(f, "jnt_type", m.jnt_type, m.njnt);
  Add(f, "jnt_bodyid", m.jnt_bodyid, m.njnt);
  Add(f, "jnt_limited", m.jnt_limited, m.njnt);
  Add(f, "jnt_range", m.jnt_range, 2 * m.njnt);
  Add(f, "jnt_axis", m.jnt_axis, 3 * m.njnt);
  Add(f, "jnt_pos", m.jnt_pos, 3 * m.njnt);
  Add(f, "jnt_margin", m.jnt_margin, m.njnt);
  Add(f, "jnt_solref", m.jnt_solref, mjNREF * m.njnt);
  Add(f, "jnt_solimp", m.jnt_solimp, mjNIMP * m.njnt);
  Add(f, "dof_armature", m.dof_armature, m.nv);
  Add(f, "dof_invweight0", m.dof_invweight0, m.nv);
  Add(f, "dof_frictionloss", m.dof_frictionloss, m.nv);
  Add(f, "geom_type", m.geom_type, m.ngeom);
  Add(f, "geom_bodyid", m.geom_bodyid, m.ngeom);
  Add(f, "geom_contype", m.geom_contype, m.ngeom);
  Add(f, "geom_conaffinity", m.geom_conaffinity, m.ngeom);
  Add(f, "geom_condim", m.geom_condim, m.ngeom);
  Add(f, "geom_friction", m.geom_friction, 3 * m.ngeom);
  Add(f, "geom_margin", m.geom_margin, m.ngeom);
  Add(f, "geom_gap", m.geom_gap, m.ngeom);
  Add(f, "geom_solref", m.geom_solref, mjNREF * m.ngeom);
  Add(f, "geom_solimp", m.geom_solimp, mjNIMP * m.ngeom);
  Add(f, "geom_solmix", m.geom_solmix, m.ngeom);
  Add(f, "geom_priority", m.geom_priority, m.ngeom);
  Add(f, "geom_pos", m.geom_pos, 3 * m.ngeom);
  Add(f, "geom_quat", m.geom_quat, 4 * m.ngeom);
  Add(f, "actuator_trnid", m.actuator_trnid, 2 * m.nu);
  Add(f, "actuator_gear", m.actuator_gear, 6 * m.nu);
  Add(f, "actuator_ctrllimited", m.actuator_ctrllimited, m.nu);
  Add(f, "actuator_ctrlrange", m.actuator_ctrlrange, 2 * m.nu);
  Add(f, "actuator_gainprm", m.actuator_gainprm, mjNGAIN * m.nu);
  Add(f, "actuator_biasprm", m.actuator_biasprm, mjNBIAS * m.nu);
  return f;
}

nlohmann::json OptionFields(const mjOption& o) {
  const auto one = [](double value) { return std::vector<double>{value}; };
  nlohmann::json f;
  f["timestep"] = one(o.timestep);
  f["integrator"] = one(o.integrator);
  f["solver"] = one(o.solver);
  f["cone"] = one(o.cone);
  f["jacobian"] = one(o.jacobian);
  f["iterations"] = one(o.iterations);
  f["tolerance"] = one(o.tolerance);
  f["ls_iterations"] = one(o.ls_iterations);
  f["ls_tolerance"] = one(o.ls_tolerance);
  f["impratio"] = one(o.impratio);
  f["gravity"] = Values(o.gravity, 3);
  f["density"] = one(o.density);
  f["viscosity"] = one(o.viscosity);
  f["disableflags"] = one(o.disableflags);
  f["enableflags"] = one(o.enableflags);
  return f;
}

TEST(AntMjcfTest, CompilesToGymnasiumsModel) {
  const nlohmann::json fixture = GymnasiumAnt();
  const ModelPointer model = Compile(RungeKutta());
  const nlohmann::json fields = Fields(*model);
  EXPECT_GE(fields.size(), fixture["model"].size() - 2);
  for (const auto& [name, values] : fields.items()) {
    EXPECT_EQ(values, fixture["model"][name]) << name;
  }
  const nlohmann::json options = OptionFields(model->opt);
  EXPECT_EQ(options, fixture["option"]);
}

TEST(AntMjcfTest, ComparesDampingAndStiffnessByJoint) {
  const nlohmann::json fixture = GymnasiumAnt();
  const ModelPointer model = Compile(RungeKutta());
  // Damping may be a polynomial; its linear part comes first.
  const mjtSize terms =
      static_cast<mjtSize>(fixture["model"]["dof_damping"].size()) / model->nv;
  EXPECT_EQ(Values(model->dof_damping, terms * model->nv),
            fixture["model"]["dof_damping"].get<std::vector<double>>());
}

// Numbers of reference/physics.md 1.1, which are independent of the fixture.
TEST(AntMjcfTest, HasTheDocumentedNumbers) {
  const ModelPointer m = Compile({});
  EXPECT_EQ(m->opt.integrator, mjINT_IMPLICITFAST);
  EXPECT_EQ(m->nq, 15);
  EXPECT_EQ(m->nv, 14);
  EXPECT_EQ(m->nu, 8);
  EXPECT_EQ(m->nbody, 14);
  EXPECT_EQ(m->ngeom, 14);
  double mass = 0;
  for (mjtSize body = 0; body < m->nbody; ++body) mass += m->body_mass[body];
  EXPECT_NEAR(mass, 0.91088, 1e-5);
  EXPECT_NEAR(m->body_mass[1], 0.32725, 1e-5);
  EXPECT_NEAR(m->body_mass[2], 0.03916, 1e-5);
  EXPECT_NEAR(m->body_mass[4], 0.06759, 1e-5);
  EXPECT_NEAR(m->stat.meaninertia, 0.812599, 1e-6);
  EXPECT_NEAR(m->body_invweight0[2], 1.10144, 1e-5);
  EXPECT_NEAR(m->body_invweight0[3], 6.53604, 1e-5);
  EXPECT_NEAR(m->body_invweight0[8], 3.98441, 1e-5);
  EXPECT_NEAR(m->body_invweight0[9], 6.99698, 1e-5);
  EXPECT_NEAR(m->dof_invweight0[6], 0.982636, 1e-6);
  EXPECT_NEAR(m->dof_invweight0[7], 0.995102, 1e-6);
  // Actuators: hip of leg 4 first.
  EXPECT_EQ(m->actuator_trnid[0], 7);
  EXPECT_EQ(m->actuator_trnid[4], 1);
}

TEST(AntMjcfTest, BoxesCollideAsTheFloorDoesAndChangeNothingElse) {
  PhysicsOptions options;
  const ModelPointer plain = Compile(options);
  options.boxes = {{{5, 0, 0.75}, {0.5, 8, 0.75}},
                   {{0, 1.0 / 3, 1}, {1, 2, 1}}};
  const ModelPointer m = Compile(options);
  EXPECT_EQ(m->ngeom, 16);
  for (int box = 1; box <= 2; ++box) {
    EXPECT_EQ(m->geom_type[box], mjGEOM_BOX);
    EXPECT_EQ(m->geom_bodyid[box], 0);
    EXPECT_EQ(m->geom_contype[box], m->geom_contype[0]);
    EXPECT_EQ(m->geom_conaffinity[box], m->geom_conaffinity[0]);
    EXPECT_EQ(m->geom_condim[box], 3);
    EXPECT_EQ(m->geom_margin[box], 0.01);
    EXPECT_EQ(Values(m->geom_friction + 3 * box, 3),
              Values(m->geom_friction, 3));
    // Exactly the numbers of the list, which other backends read.
    EXPECT_EQ(Values(m->geom_pos + 3 * box, 3),
              Values(options.boxes[box - 1].center, 3));
    EXPECT_EQ(Values(m->geom_size + 3 * box, 3),
              Values(options.boxes[box - 1].half, 3));
  }
  EXPECT_EQ(Values(m->body_mass, m->nbody), Values(plain->body_mass, m->nbody));
  EXPECT_EQ(Values(m->dof_invweight0, m->nv),
            Values(plain->dof_invweight0, m->nv));
}

}  // namespace
}  // namespace kmyriad
