#include "tests/actor/physics/parity/random_robot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

class RobotWriter {
 public:
  explicit RobotWriter(uint64_t seed) : random_(seed) {}

  std::string Write() {
    std::string text = absl::StrCat(
        "<mujoco><compiler autolimits=\"true\"/><option timestep=\"",
        OneIn(2) ? "0.005" : "0.01", "\" impratio=\"", OneIn(4) ? "3" : "1",
        "\"/><size memory=\"4M\"/><worldbody>\n",
        "<geom type=\"plane\" size=\"9 9 1\" contype=\"0\" conaffinity=\"1\"",
        Surface(), "/>\n");
    const uint64_t boxes = random_.Below(4);
    for (uint64_t i = 0; i < boxes; ++i) {
      absl::StrAppend(&text, "<geom type=\"box\" contype=\"0\" ",
                      "conaffinity=\"1\" pos=\"", Triple(-0.8, 0.8),
                      "\" size=\"", Triple(0.1, 0.6), "\"", Surface(), "/>\n");
    }
    absl::StrAppend(&text, Body(0), "</worldbody><actuator>\n");
    for (int joint = 0; joint < joints_; ++joint) {
      if (OneIn(3)) continue;
      absl::StrAppend(&text, "<motor joint=\"j", joint, "\" gear=\"",
                      random_.Uniform(-5, 5), "\"",
                      OneIn(2) ? " ctrlrange=\"-0.5 0.7\"" : "", "/>\n");
    }
    absl::StrAppend(&text, "</actuator></mujoco>\n");
    return text;
  }

 private:
  bool OneIn(uint64_t n) { return random_.Below(n) == 0; }

  std::string Triple(double low, double high) {
    // One after the other: the order of arguments is not fixed.
    const double x = random_.Uniform(low, high), y = random_.Uniform(low, high),
                 z = random_.Uniform(low, high);
    return absl::StrFormat("%.9g %.9g %.9g", x, y, z);
  }

  // Along an axis of the world in one of three cases.
  std::string Axis() {
    static constexpr const char* kAxes[] = {"1 0 0", "0 1 0", "0 0 1",
                                            "0 0 -1"};
    return OneIn(3) ? kAxes[random_.Below(4)] : Triple(-1, 1);
  }

  // Parameters of contact.
  std::string Surface() {
    std::string text;
    if (OneIn(2)) absl::StrAppend(&text, " margin=\"0.015\"");
    if (OneIn(4)) absl::StrAppend(&text, " gap=\"0.01\"");
    if (OneIn(2)) {
      absl::StrAppend(&text, " friction=\"", random_.Uniform(0.2, 1.8), "\"");
    }
    if (OneIn(4)) absl::StrAppend(&text, " solref=\"0.03 0.8\"");
    if (OneIn(4)) absl::StrAppend(&text, " solimp=\"0.8 0.97 0.002 0.4 2\"");
    return text;
  }

  std::string Geom() {
    std::string text = OneIn(3)
                           ? absl::StrCat("<geom type=\"sphere\" size=\"",
                                          random_.Uniform(0.05, 0.15), "\"")
                           : absl::StrCat("<geom type=\"capsule\" size=\"",
                                          random_.Uniform(0.03, 0.1), " ",
                                          random_.Uniform(0.05, 0.2), "\"");
    if (!OneIn(3)) absl::StrAppend(&text, " pos=\"", Triple(-0.1, 0.1), "\"");
    if (!OneIn(3)) absl::StrAppend(&text, " zaxis=\"", Axis(), "\"");
    return absl::StrCat(text, " contype=\"1\" conaffinity=\"0\" density=\"",
                        random_.Uniform(100, 900), "\"", Surface(), "/>\n");
  }

  std::string Joint() {
    const bool slide = OneIn(3);
    std::string text =
        absl::StrCat("<joint name=\"j", joints_++, "\" type=\"",
                     slide ? "slide" : "hinge", "\" axis=\"", Axis(),
                     "\" armature=\"", random_.Uniform(0.01, 0.1), "\"");
    if (OneIn(2)) absl::StrAppend(&text, " pos=\"", Triple(-0.1, 0.1), "\"");
    if (OneIn(2)) absl::StrAppend(&text, " damping=\"0.3\"");
    if (OneIn(2)) {
      absl::StrAppend(&text,
                      slide ? " range=\"-0.1 0.15\"" : " range=\"-20 40\"",
                      OneIn(3) ? " margin=\"0.02\"" : "");
    }
    return absl::StrCat(text, "/>\n");
  }

  std::string Body(int depth) {
    ++bodies_;
    std::string text = absl::StrCat(
        "<body pos=\"", depth == 0 ? "0 0 0.5" : Triple(-0.25, 0.25), "\"");
    if (OneIn(3)) absl::StrAppend(&text, " zaxis=\"", Axis(), "\"");
    absl::StrAppend(&text, ">\n");
    if (depth == 0 && !OneIn(3)) {
      absl::StrAppend(&text, "<freejoint/>\n");
    } else if (depth == 0 && OneIn(2)) {
      // A fixed root: its first child moves.
      absl::StrAppend(&text, Body(1));
      return absl::StrCat(text, "</body>\n");
    } else {
      // One or two joints; some bodies further out are welded.
      const uint64_t count = depth > 1 && OneIn(5) ? 0 : 1 + random_.Below(2);
      for (uint64_t i = 0; i < count; ++i) absl::StrAppend(&text, Joint());
    }
    absl::StrAppend(&text, Geom());
    if (OneIn(4)) absl::StrAppend(&text, Geom());
    const uint64_t children = depth >= 4 ? 0 : random_.Below(3) + (depth == 0);
    for (uint64_t i = 0; i < children && bodies_ < 9; ++i) {
      absl::StrAppend(&text, Body(depth + 1));
    }
    return absl::StrCat(text, "</body>\n");
  }

  SeededRandom random_;
  int joints_ = 0, bodies_ = 0;
};

}  // namespace

std::string RandomRobotMjcf(uint64_t seed) { return RobotWriter(seed).Write(); }

std::vector<ParityState> RandomRobotStates(MujocoOracle& oracle, uint64_t seed,
                                           size_t count) {
  SeededRandom random(seed);
  const mjModel& m = oracle.model();
  std::vector<ParityState> states;
  while (states.size() < count) {
    ParityState state;
    state.kind = StateKind::kPerturbed;
    state.qpos.assign(m.qpos0, m.qpos0 + m.nq);
    if (!random.Below(4)) {
      state.kind = StateKind::kTie;
    } else {
      for (double& q : state.qpos) q += random.Uniform(-0.6, 0.6);
    }
    if (m.jnt_type[0] == mjJNT_FREE) state.qpos[2] = random.Uniform(0, 0.9);
    for (mjtSize i = 0; i < m.nv; ++i) {
      state.qvel.push_back(random.Uniform(-2, 2));
    }
    for (mjtSize i = 0; i < m.nu; ++i) {
      state.control.push_back(
          double{static_cast<float>(random.Uniform(-1, 1))});
    }
    ParityState next = state;
    if (oracle.Advance(&next, Integrator::kRungeKutta4)) {
      states.push_back(std::move(state));
    }
  }
  return states;
}

}  // namespace kmyriad
