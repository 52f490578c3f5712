#include "actor/physics/mujoco/ant_mjcf.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kmyriad {
namespace {

// One leg; the signs say in which quadrant it lies.
struct Leg {
  int number;
  int x_sign;
  int y_sign;
  const char* ankle_axis;
  const char* ankle_range;
};

// In the order of the bodies, hence of qpos and qvel.
constexpr Leg kLegs[] = {
    {1, 1, 1, "-1 1 0", "30 70"},
    {2, -1, 1, "1 1 0", "-70 -30"},
    {3, -1, -1, "-1 1 0", "-70 -30"},
    {4, 1, -1, "1 1 0", "30 70"},
};

// In the order of the actuators, hence of the actions.
constexpr int kActuatorLegs[] = {4, 1, 2, 3};

// Offset of `length` metres along both axes into the leg's quadrant.
std::string Offset(const Leg& leg, double length) {
  return absl::StrCat(leg.x_sign * length, " ", leg.y_sign * length, " 0");
}

std::string Capsule(const Leg& leg, double length) {
  return absl::StrCat("<geom type=\"capsule\" size=\"0.08\" fromto=\"0 0 0 ",
                      Offset(leg, length), "\"/>\n");
}

std::string LegMjcf(const Leg& leg) {
  const std::string n = absl::StrCat(leg.number);
  return absl::StrCat(
      "<body name=\"leg_", n, "\">\n", Capsule(leg, 0.2), "<body name=\"aux_",
      n, "\" pos=\"", Offset(leg, 0.2), "\">\n", "<joint name=\"hip_", n,
      "\" type=\"hinge\" axis=\"0 0 1\" ", "range=\"-30 30\"/>\n",
      Capsule(leg, 0.2), "<body name=\"foot_", n, "\" pos=\"", Offset(leg, 0.2),
      "\">\n", "<joint name=\"ankle_", n, "\" type=\"hinge\" axis=\"",
      leg.ankle_axis, "\" range=\"", leg.ankle_range, "\"/>\n",
      Capsule(leg, 0.4), "</body>\n</body>\n</body>\n");
}

std::string BoxMjcf(const StaticBox& box) {
  return absl::StrFormat(
      "<geom type=\"box\" conaffinity=\"1\" pos=\"%.17g %.17g %.17g\" "
      "size=\"%.17g %.17g %.17g\"/>\n",
      box.center[0], box.center[1], box.center[2], box.half[0], box.half[1],
      box.half[2]);
}

const char* IntegratorName(Integrator integrator) {
  return integrator == Integrator::kRungeKutta4 ? "RK4" : "implicitfast";
}

}  // namespace

std::string AntMjcf(const PhysicsOptions& options) {
  // 4 MiB hold several hundred contacts, far beyond what 13 geoms can have;
  // only pages that are used take memory.
  std::string text = absl::StrFormat(
      "<mujoco model=\"ant\">\n"
      "<compiler angle=\"degree\" inertiafromgeom=\"true\"/>\n"
      "<option integrator=\"%s\" timestep=\"%.17g\"/>\n"
      "<size memory=\"4M\"/>\n"
      "<default>\n"
      "<joint armature=\"1\" damping=\"1\" limited=\"true\"/>\n"
      "<geom conaffinity=\"0\" condim=\"3\" density=\"5\" "
      "friction=\"1 0.5 0.5\" margin=\"0.01\"/>\n"
      "</default>\n"
      "<worldbody>\n"
      "<geom name=\"floor\" type=\"plane\" size=\"40 40 40\" "
      "conaffinity=\"1\"/>\n",
      IntegratorName(options.integrator), options.timestep);
  for (const StaticBox& box : options.boxes) {
    absl::StrAppend(&text, BoxMjcf(box));
  }
  absl::StrAppend(&text,
                  "<body name=\"torso\" pos=\"0 0 0.75\">\n"
                  "<geom name=\"torso\" type=\"sphere\" size=\"0.25\"/>\n"
                  "<joint name=\"root\" type=\"free\" armature=\"0\" "
                  "damping=\"0\" limited=\"false\" margin=\"0.01\"/>\n");
  for (const Leg& leg : kLegs) absl::StrAppend(&text, LegMjcf(leg));
  absl::StrAppend(&text, "</body>\n</worldbody>\n<actuator>\n");
  for (const int leg : kActuatorLegs) {
    for (const char* joint : {"hip", "ankle"}) {
      absl::StrAppend(&text, "<motor joint=\"", joint, "_", leg,
                      "\" gear=\"150\" ctrllimited=\"true\" "
                      "ctrlrange=\"-1 1\"/>\n");
    }
  }
  absl::StrAppend(&text, "</actuator>\n</mujoco>\n");
  return text;
}

}  // namespace kmyriad
