#include "actor/physics/mujoco/robot_reader.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// A sphere on a hinge over a floor, with room for what a test adds.
std::string Pendulum(const std::string& option, const std::string& joint,
                     const std::string& body, const std::string& rest) {
  return absl::StrCat(
      "<mujoco><option ", option, "/><worldbody>",
      "<geom name='floor' type='plane' size='1 1 1'/>",
      "<body name='arm' pos='0 0 1'><joint name='swing' ", joint, "/>",
      "<geom name='bob' type='sphere' size='0.1' pos='0 0 -0.5'/>", body,
      "</body></worldbody>", rest, "</mujoco>");
}

TEST(RobotReader, ReadsTheAnt) {
  const auto robot = CompileRobot(AntMjcf({}));
  ASSERT_TRUE(robot.ok()) << robot.status();
  const RobotModel<double>& m = *robot->model;
  EXPECT_EQ(m.links, 9);
  EXPECT_EQ(m.joints, 9);
  EXPECT_EQ(m.positions, 15);
  EXPECT_EQ(m.dofs, 14);
  EXPECT_EQ(m.geoms, 13);
  EXPECT_EQ(m.limits, 8);
  EXPECT_EQ(m.planes, 1);
  EXPECT_EQ(m.motors, 8);
  // reference/physics.md 1.1.
  EXPECT_EQ(m.mass_entries, 81);
  EXPECT_NEAR(m.total_mass, 0.91088, 1e-5);
  EXPECT_NEAR(m.pairs[0][0].inverse_weight, 1.10144, 1e-5);
  EXPECT_NEAR(m.pairs[0][0].margin, 0.02, 1e-15);
  EXPECT_NEAR(m.limit[0].inverse_weight, 0.982636, 1e-6);
  // Torso and welded legs are one link.
  EXPECT_NEAR(m.link[0].mass, 0.32725 + 4 * 0.03916, 1e-4);
}

TEST(RobotReader, ReadsASmallRobot) {
  const auto robot = CompileRobot(
      Pendulum("integrator='RK4'", "type='hinge' axis='0 1 0'", "", ""));
  ASSERT_TRUE(robot.ok()) << robot.status();
  EXPECT_EQ(robot->model->links, 1);
  EXPECT_EQ(robot->model->runge_kutta, 1);
}

TEST(RobotReader, RefusesWhatIsOutsideOfTheSubsetByName) {
  const std::string hinge = "type='hinge' axis='0 1 0'";
  const struct {
    std::string mjcf;
    std::vector<std::string> says;
  } kCases[] = {
      {Pendulum("solver='CG'", hinge, "", ""), {"option solver", "Newton"}},
      {Pendulum("cone='elliptic'", hinge, "", ""), {"cone", "pyramidal"}},
      {Pendulum("integrator='implicit'", hinge, "", ""),
       {"integrator", "implicitfast, Euler or RK4"}},
      {Pendulum("density='1'", hinge, "", ""), {"density", "use 0"}},
      {Pendulum("", "type='ball'", "", ""), {"swing", "free, hinge or slide"}},
      {Pendulum("", hinge + " stiffness='1'", "", ""), {"swing", "stiffness"}},
      {Pendulum("", hinge + " frictionloss='1'", "", ""),
       {"swing", "frictionloss"}},
      {Pendulum("", hinge + " limited='true' range='0 1' margin='0.6'", "", ""),
       {"swing", "twice their margin"}},
      {Pendulum("", hinge, "<geom name='brick' type='box' size='1 1 1'/>", ""),
       {"brick", "a sphere or a capsule"}},
      {Pendulum("", hinge,
                "<geom name='slick' type='sphere' size='.1' condim='4'/>", ""),
       {"slick", "condim 3"}},
      {Pendulum("", hinge,
                "<body><joint/><geom size='.1'/><body><joint/>"
                "<geom name='hand' size='.1'/></body></body>",
                ""),
       {"bob", "hand", "touch itself"}},
      {Pendulum("", hinge, "",
                "<actuator><position joint='swing'/></actuator>"),
       {"actuator", "motors"}},
      {Pendulum("", hinge, "", "<equality><joint joint1='swing'/></equality>"),
       {"equality", "remove"}},
      {"<mujoco><worldbody><geom name='wall' type='box' size='1 1 1' "
       "euler='0 0 10'/><body><joint/><geom size='.1'/></body></worldbody>"
       "</mujoco>",
       {"wall", "axis-aligned boxes"}},
      {"<mujoco><worldbody><body><freejoint/><geom size='.1'/></body><body>"
       "<freejoint/><geom size='.1'/></body></worldbody></mujoco>",
       {"2 kinematic trees", "one robot"}},
      {"<mujoco>", {"MuJoCo cannot read the model"}},
  };
  for (const auto& c : kCases) {
    const auto robot = CompileRobot(c.mjcf);
    ASSERT_FALSE(robot.ok()) << c.mjcf;
    EXPECT_EQ(robot.status().code(), absl::StatusCode::kInvalidArgument);
    for (const std::string& text : c.says) {
      EXPECT_THAT(robot.status().message(), HasSubstr(text));
    }
  }
}

}  // namespace
}  // namespace kmyriad
