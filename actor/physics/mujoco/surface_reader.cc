#include "actor/physics/mujoco/surface_reader.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

std::string GeomName(const mjModel& m, int g) {
  const char* name = mj_id2name(&m, mjOBJ_GEOM, g);
  return name != nullptr && *name != '\0'
             ? absl::StrCat("geom ", g, " (", name, ")")
             : absl::StrCat("geom ", g);
}

absl::Status Unsupported(const std::string& what, absl::string_view mend) {
  return absl::InvalidArgumentError(absl::StrCat(
      "physics: ", what, " is not supported by the batched stepper: ", mend));
}

bool Excluded(const mjModel& m, int body1, int body2) {
  for (int k = 0; k < m.nexclude; ++k) {
    const int signature = m.exclude_signature[k];
    if (signature == (body1 << 16) + body2 ||
        signature == (body2 << 16) + body1) {
      return true;
    }
  }
  return false;
}

// The engine's filter, but for bodies of one tree.
bool MayTouch(const mjModel& m, int g1, int g2) {
  const bool wanted = (m.geom_contype[g1] & m.geom_conaffinity[g2]) != 0 ||
                      (m.geom_contype[g2] & m.geom_conaffinity[g1]) != 0;
  return wanted && !Excluded(m, m.geom_bodyid[g1], m.geom_bodyid[g2]);
}

// Whether both geoms are of one rigid body, or of a body and its parent.
bool Joined(const mjModel& m, int g1, int g2) {
  const int weld1 = m.body_weldid[m.geom_bodyid[g1]];
  const int weld2 = m.body_weldid[m.geom_bodyid[g2]];
  const int above1 = m.body_weldid[m.body_parentid[weld1]];
  const int above2 = m.body_weldid[m.body_parentid[weld2]];
  return weld1 == weld2 || weld1 == above2 || weld2 == above1;
}

bool SameNumbers(const mjtNum* a, const mjtNum* b, int count) {
  return std::equal(a, a + count, b);
}

// Whether every geom meets both static geoms alike.
bool SameSurface(const mjModel& m, int a, int b) {
  return m.geom_contype[a] == m.geom_contype[b] &&
         m.geom_conaffinity[a] == m.geom_conaffinity[b] &&
         m.geom_condim[a] == m.geom_condim[b] &&
         m.geom_priority[a] == m.geom_priority[b] &&
         m.geom_solmix[a] == m.geom_solmix[b] &&
         m.geom_margin[a] == m.geom_margin[b] &&
         m.geom_gap[a] == m.geom_gap[b] &&
         (m.nexclude == 0 || m.geom_bodyid[a] == m.geom_bodyid[b]) &&
         SameNumbers(m.geom_friction + 3 * a, m.geom_friction + 3 * b, 3) &&
         SameNumbers(m.geom_solref + mjNREF * a, m.geom_solref + mjNREF * b,
                     mjNREF) &&
         SameNumbers(m.geom_solimp + mjNIMP * a, m.geom_solimp + mjNIMP * b,
                     mjNIMP);
}

// Weight of geom `a` in a mixture (reference/physics.md 2.5).
double MixOf(const mjModel& m, int a, int b) {
  if (m.geom_priority[a] != m.geom_priority[b]) {
    return m.geom_priority[a] > m.geom_priority[b] ? 1 : 0;
  }
  const double mix1 = m.geom_solmix[a], mix2 = m.geom_solmix[b];
  if (mix1 >= mjMINVAL && mix2 >= mjMINVAL) return mix1 / (mix1 + mix2);
  if (mix1 < mjMINVAL && mix2 < mjMINVAL) return 0.5;
  return mix1 < mjMINVAL ? 0 : 1;
}

absl::Status ReadPair(const mjModel& m, int g1, int g2,
                      ContactPair<double>* pair) {
  pair->collides = 1;
  pair->margin = m.geom_margin[g1] + m.geom_margin[g2];
  pair->detection = pair->margin + m.geom_gap[g1] + m.geom_gap[g2];
  pair->inverse_weight = m.body_invweight0[2 * m.geom_bodyid[g1]] +
                         m.body_invweight0[2 * m.geom_bodyid[g2]];
  const bool first = m.geom_priority[g1] > m.geom_priority[g2];
  const bool equal = m.geom_priority[g1] == m.geom_priority[g2];
  const int condim = equal ? std::max(m.geom_condim[g1], m.geom_condim[g2])
                           : m.geom_condim[first ? g1 : g2];
  if (condim != 3) {
    return Unsupported(absl::StrCat(GeomName(m, g1), " with ", GeomName(m, g2)),
                       "contacts have condim 3");
  }
  const double slide1 = m.geom_friction[3 * g1];
  const double slide2 = m.geom_friction[3 * g2];
  const double slide =
      equal ? std::max(slide1, slide2) : (first ? slide1 : slide2);
  pair->friction = std::max(slide, mjMINMU);
  const double mix = MixOf(m, g1, g2);
  mjtNum solref[mjNREF], solimp[mjNIMP];
  const mjtNum* ref1 = m.geom_solref + mjNREF * g1;
  const mjtNum* ref2 = m.geom_solref + mjNREF * g2;
  for (int i = 0; i < mjNREF; ++i) {
    const bool standard = ref1[0] > 0 && ref2[0] > 0;
    solref[i] = standard || !equal ? mix * ref1[i] + (1 - mix) * ref2[i]
                                   : std::min(ref1[i], ref2[i]);
  }
  for (int i = 0; i < mjNIMP; ++i) {
    solimp[i] = mix * m.geom_solimp[mjNIMP * g1 + i] +
                (1 - mix) * m.geom_solimp[mjNIMP * g2 + i];
  }
  if (!MakeRowParameters(m, solref, solimp, &pair->row)) {
    return Unsupported(absl::StrCat(GeomName(m, g1), " with ", GeomName(m, g2)),
                       "the power in solimp is 1 or 2");
  }
  return absl::OkStatus();
}

absl::Status AddStatic(const mjModel& m, int g, const RigidFrame& frame,
                       int32_t surface, RobotModel<double>* robot,
                       std::vector<SurfaceBox>* boxes) {
  mjtNum rotation[9];
  mju_quat2Mat(rotation, frame.rotation);
  if (m.geom_type[g] == mjGEOM_PLANE) {
    if (robot->planes == kMaxPlanes) {
      return Unsupported(GeomName(m, g),
                         absl::StrCat("at most ", kMaxPlanes, " planes"));
    }
    StaticPlane<double>& plane = robot->plane[robot->planes++];
    plane.id = g;
    plane.surface = surface;
    for (int i = 0; i < 3; ++i) {
      plane.position[i] = frame.position[i];
      plane.normal[i] = rotation[3 * i + 2];
    }
    return absl::OkStatus();
  }
  for (int i = 0; i < 9; ++i) {
    if (m.geom_type[g] != mjGEOM_BOX ||
        std::abs(rotation[i] - (i % 4 == 0 ? 1 : 0)) > 1e-12) {
      return Unsupported(
          GeomName(m, g),
          "what the robot touches are static planes and axis-aligned boxes");
    }
  }
  SurfaceBox box = {g, surface, {}, {}};
  mju_copy3(box.center, frame.position);
  mju_copy3(box.half, m.geom_size + 3 * g);
  boxes->push_back(box);
  return absl::OkStatus();
}

absl::Status AddRobotGeom(const mjModel& m, int g, const BodyFrames& bodies,
                          RobotModel<double>* robot) {
  const int body = m.geom_bodyid[g];
  const int type = m.geom_type[g];
  if (type != mjGEOM_SPHERE && type != mjGEOM_CAPSULE) {
    return Unsupported(GeomName(m, g),
                       "what touches something is a sphere or a capsule");
  }
  if (robot->geoms == kMaxGeoms) {
    return Unsupported(GeomName(m, g),
                       absl::StrCat("at most ", kMaxGeoms, " geoms"));
  }
  RobotGeom<double>& geom = robot->geom[robot->geoms++];
  const RigidFrame frame =
      Compose(bodies.frame[body], {m.geom_pos + 3 * g, m.geom_quat + 4 * g});
  mjtNum rotation[9];
  mju_quat2Mat(rotation, frame.rotation);
  geom.id = g;
  geom.link = bodies.link[body];
  geom.capsule = type == mjGEOM_CAPSULE;
  geom.radius = m.geom_size[3 * g];
  geom.half_length = geom.capsule ? m.geom_size[3 * g + 1] : 0;
  for (int i = 0; i < 3; ++i) {
    geom.position[i] = frame.position[i];
    geom.axis[i] = rotation[3 * i + 2];
  }
  return absl::OkStatus();
}

bool Active(const mjModel& m, int g) {
  for (int i = 0; i < 6; ++i) {
    if (m.geom_surfacevel[6 * g + i] != 0) return true;
  }
  return m.geom_adhesion[g] != 0;
}

}  // namespace

bool MakeRowParameters(const mjModel& m, const mjtNum* solref,
                       const mjtNum* solimp, RowParameters<double>* row) {
  const double low = std::clamp(solimp[0], mjMINIMP, mjMAXIMP);
  const double high = std::clamp(solimp[1], mjMINIMP, mjMAXIMP);
  const double width = std::max(0.0, solimp[2]);
  const double power = std::max(1.0, solimp[4]);
  row->impedance_min = low;
  row->impedance_max = high;
  row->width = width;
  row->midpoint = std::clamp(solimp[3], mjMINIMP, mjMAXIMP);
  row->linear = power == 1;
  if (low == high || width <= mjMINVAL) {
    row->impedance_min = row->impedance_max = 0.5 * (low + high);
    row->width = 1;
  } else if (power != 1 && power != 2) {
    return false;
  }
  if (solref[0] > 0) {
    const double time = std::max(solref[0], 2 * m.opt.timestep);
    row->stiffness = 1 / std::max(mjMINVAL, high * high * time * time *
                                                solref[1] * solref[1]);
    row->damping = 2 / std::max(mjMINVAL, high * time);
  } else {
    row->stiffness = -solref[0] / std::max(mjMINVAL, high * high);
    row->damping = -solref[1] / std::max(mjMINVAL, high);
  }
  return true;
}

absl::Status ReadSurfaces(const mjModel& m, const BodyFrames& bodies,
                          RobotModel<double>* robot,
                          std::vector<SurfaceBox>* boxes) {
  std::vector<int> fixed, moving;
  const auto moves = [&](int g) { return bodies.link[m.geom_bodyid[g]] >= 0; };
  for (int g = 0; g < m.ngeom; ++g) (moves(g) ? moving : fixed).push_back(g);
  for (size_t a = 0; a < moving.size(); ++a) {
    for (size_t b = a + 1; b < moving.size(); ++b) {
      if (MayTouch(m, moving[a], moving[b]) &&
          !Joined(m, moving[a], moving[b])) {
        return Unsupported(absl::StrCat("contact of ", GeomName(m, moving[a]),
                                        " with ", GeomName(m, moving[b])),
                           "a robot may not touch itself; mend contype and "
                           "conaffinity, or exclude the pair");
      }
    }
  }
  std::vector<int> kinds;  // a static geom of each surface
  for (const int g : fixed) {
    const auto met = [&](int other) { return MayTouch(m, g, other); };
    if (std::none_of(moving.begin(), moving.end(), met)) continue;
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](int kind) {
      return SameSurface(m, kind, g);
    });
    const auto surface = static_cast<int32_t>(same - kinds.begin());
    if (same == kinds.end()) {
      if (kinds.size() == kMaxSurfaces || Active(m, g)) {
        return Unsupported(
            GeomName(m, g),
            absl::StrCat("at most ", kMaxSurfaces,
                         " kinds of surface, without surfacevel or adhesion"));
      }
      kinds.push_back(g);
    }
    const RigidFrame frame = Compose(bodies.frame[m.geom_bodyid[g]],
                                     {m.geom_pos + 3 * g, m.geom_quat + 4 * g});
    KMYRIAD_RETURN_IF_ERROR(AddStatic(m, g, frame, surface, robot, boxes));
  }
  robot->surfaces = static_cast<int32_t>(kinds.size());
  for (const int g : moving) {
    const auto met = [&](int kind) { return MayTouch(m, kind, g); };
    if (std::none_of(kinds.begin(), kinds.end(), met)) continue;
    if (Active(m, g)) {
      return Unsupported(GeomName(m, g), "no surfacevel, no adhesion");
    }
    KMYRIAD_RETURN_IF_ERROR(AddRobotGeom(m, g, bodies, robot));
    for (size_t k = 0; k < kinds.size(); ++k) {
      if (!met(kinds[k])) continue;
      KMYRIAD_RETURN_IF_ERROR(
          ReadPair(m, kinds[k], g, &robot->pairs[robot->geoms - 1][k]));
    }
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
