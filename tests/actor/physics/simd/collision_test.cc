// Collision functions against those of MuJoCo C, pair by pair: in double the
// same contacts to the last bits, ties and degenerate poses included.
#include <mujoco/mujoco.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "actor/physics/simd/capsule_box.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr char kModel[] = R"(<mujoco><worldbody>
  <geom type="plane" size="1 1 1"/>
  <geom type="box" size="1 1 1"/>
  <body><freejoint/><geom type="sphere" size=".1"/></body>
  <body><freejoint/><geom type="capsule" size=".1 .2"/></body>
  </worldbody></mujoco>)";
enum Geom { kPlane, kBox, kSphere, kCapsule };

struct Pose {
  RoundGeom<double> round;
  BoxGeom<double> box;
  double margin = 0.02;
};

using Contacts = std::vector<std::array<double, 13>>;  // dist, pos, frame

// One pair at a time in the engine, geoms put where the pose says.
class Engine {
 public:
  Engine() {
    char error[300] = "";
    mjSpec* spec = mj_parseXMLString(kModel, nullptr, error, sizeof(error));
    EXPECT_NE(spec, nullptr) << error;
    model_.reset(mj_compile(spec, nullptr));
    mj_deleteSpec(spec);
    data_.reset(mj_makeData(model_.get()));
    mj_kinematics(model_.get(), data_.get());
  }

  Contacts Collide(const Pose& pose, Geom geom1, Geom geom2) {
    mjModel* m = model_.get();
    mjData* d = data_.get();
    const Geom round = geom1 == kPlane ? geom2 : geom1;
    m->geom_size[3 * round] = pose.round.radius;
    m->geom_size[3 * round + 1] = pose.round.half_length;
    for (int i = 0; i < 3; ++i) {
      d->geom_xpos[3 * round + i] = pose.round.position[i];
      d->geom_xmat[9 * round + 3 * i + 2] = pose.round.axis[i];
      d->geom_xpos[3 * kBox + i] = pose.box.center[i];
      m->geom_size[3 * kBox + i] = pose.box.half[i];
    }
    mjPreContact found[50];
    const mjfCollision collide =
        mjCOLLISIONFUNC[m->geom_type[geom1]][m->geom_type[geom2]];
    const int count = collide(m, d, found, geom1, geom2, pose.margin);
    Contacts contacts(static_cast<size_t>(count));
    for (int k = 0; k < count; ++k) {
      std::array<double, 13>& c = contacts[static_cast<size_t>(k)];
      c[0] = found[k].dist;
      std::copy_n(found[k].pos, 3, &c[1]);
      // As the engine completes it; its function for that is not exported.
      Vector3<double> normal, seed, frame[3];
      std::copy_n(found[k].normal, 3, normal.x);
      std::copy_n(found[k].tangent, 3, seed.x);
      CompleteFrame(normal, seed, frame);
      std::copy_n(frame[0].x, 9, &c[4]);
    }
    return contacts;
  }

 private:
  struct Free {
    void operator()(mjModel* m) const { mj_deleteModel(m); }
    void operator()(mjData* d) const { mj_deleteData(d); }
  };
  std::unique_ptr<mjModel, Free> model_;
  std::unique_ptr<mjData, Free> data_;
};

Contacts Collected(const ContactPoint<double>* points, int count) {
  Contacts contacts;
  for (int k = 0; k < count; ++k) {
    if (!points[k].valid) continue;
    std::array<double, 13> c;
    c[0] = points[k].distance;
    std::copy_n(points[k].position.x, 3, &c[1]);
    Vector3<double> frame[3];
    CompleteFrame(points[k].normal, points[k].seed, frame);
    std::copy_n(frame[0].x, 9, &c[4]);
    contacts.push_back(c);
  }
  return contacts;
}

constexpr Vector3<double> kUp = {{0, 0, 1}};
constexpr Vector3<double> kOrigin = {{0, 0, 0}};

Contacts Ours(const Pose& p, Geom geom1, Geom geom2) {
  ContactPoint<double> points[2];
  if (geom1 == kPlane && geom2 == kSphere) {
    points[0] = CollidePlaneSphere(kOrigin, kUp, p.round.position,
                                   p.round.radius, p.margin);
    return Collected(points, 1);
  }
  if (geom1 == kPlane) {
    CollidePlaneCapsule(kOrigin, kUp, p.round, p.margin, points);
    return Collected(points, 2);
  }
  if (geom1 == kSphere) {
    points[0] = CollideSphereBox(p.round, p.box, p.margin);
    return Collected(points, 1);
  }
  CollideCapsuleBox(p.round, p.box, p.margin, points);
  return Collected(points, 2);
}

class Poses {
 public:
  double Uniform(double low, double high) {
    const double unit = static_cast<double>(random_() >> 11) * 0x1p-53;
    return low + (high - low) * unit;
  }
  int Below(int n) { return static_cast<int>(random_() % uint64_t(n)); }

  // Anywhere near the box, any direction.
  Pose Random() {
    Pose pose;
    pose.margin = Below(2) == 0 ? 0.02 : Uniform(0, 0.5);
    for (int i = 0; i < 3; ++i) {
      pose.box.half[i] = Uniform(0.05, 2);
      pose.box.center[i] = Uniform(-12, 12);
      pose.round.axis[i] = Uniform(-1, 1);
    }
    pose.round.radius = Uniform(0.02, 0.5);
    pose.round.half_length = Uniform(0.01, 1);
    Normalize(&pose.round.axis);
    for (int i = 0; i < 3; ++i) {
      const double reach = pose.box.half[i] + pose.round.radius;
      pose.round.position[i] =
          pose.box.center[i] + Uniform(-1.3 * reach, 1.3 * reach);
    }
    return pose;
  }

  // Along an edge of a long box and beside it by next to nothing: neither over
  // a face nor crossing the edge, so that a feature far away counts.
  Pose BesideEdge() {
    Pose pose = Random();
    pose.margin = 0.02;
    const int along = Below(3), beside = (along + 1 + Below(2)) % 3;
    const int above = 3 - along - beside;
    pose.box.half[along] = Uniform(1, 20);
    for (int i = 0; i < 3; ++i) pose.round.axis[i] = 0;
    pose.round.axis[along] = 1 - 2 * Below(2);
    const double room = pose.box.half[along] - pose.round.half_length;
    pose.round.position[along] =
        pose.box.center[along] + Uniform(-1, 1) * std::max(room, 0.0);
    pose.round.position[beside] =
        pose.box.center[beside] +
        (pose.box.half[beside] + Uniform(0, 1e-7)) * (1 - 2 * Below(2));
    pose.round.position[above] =
        pose.box.center[above] +
        (pose.box.half[above] + pose.round.radius) * (1 - 2 * Below(2));
    return pose;
  }

  // Axes along the world's or nearly so, coordinates on faces, edges and
  // seams: where features tie.
  Pose Tie() {
    Pose pose = Random();
    constexpr double kGrid[] = {-1, -0.5, 0, 0.5, 1};
    const int along = Below(3);
    const int kind = Below(3);
    for (int i = 0; i < 3; ++i) {
      pose.box.half[i] = 0.25 * (1 + Below(4));
      pose.box.center[i] = 0.25 * Below(9) - 1;
      const double noise = kind == 1   ? Uniform(-1, 1) * 1e-16
                           : kind == 2 ? Uniform(-1, 1) * 1e-8
                                       : 0;
      pose.round.axis[i] = (i == along ? 1 - 2 * Below(2) : 0) + noise;
      pose.round.position[i] =
          pose.box.center[i] + kGrid[Below(5)] * pose.box.half[i];
    }
    if (Below(4) == 0) {  // in the diagonal of two axes
      pose.round.axis[(along + 1) % 3] = pose.round.axis[along];
    }
    Normalize(&pose.round.axis);
    pose.round.radius = 0.0625 * (1 + Below(4));
    pose.round.half_length = 0.125 * (1 + Below(8));
    const int off = Below(3);
    const double lift = pose.round.radius * (1 + 0.25 * (Below(5) - 3));
    pose.round.position[off] =
        pose.box.center[off] + (pose.box.half[off] + lift) * (1 - 2 * Below(2));
    return pose;
  }

 private:
  std::mt19937_64 random_{1};
};

// The largest deviation of any number; -1 if the counts differ.
double Deviation(const Contacts& ours, const Contacts& theirs) {
  if (ours.size() != theirs.size()) return -1;
  double largest = 0;
  for (size_t k = 0; k < ours.size(); ++k) {
    for (size_t i = 0; i < 13; ++i) {
      largest = std::max(largest, std::abs(ours[k][i] - theirs[k][i]));
    }
  }
  return largest;
}

struct Tally {
  int pairs = 0, mismatched = 0, contacts = 0, doubles = 0;
  double largest = 0;
};

Tally Compare(Geom geom1, Geom geom2, bool ties, int pairs) {
  Engine engine;
  Poses poses;
  Tally tally;
  for (int n = 0; n < pairs; ++n) {
    Pose pose = ties ? poses.Tie() : poses.Random();
    if (geom1 == kPlane) pose.round.position[2] = poses.Uniform(-0.5, 1.5);
    const Contacts theirs = engine.Collide(pose, geom1, geom2);
    const double deviation = Deviation(Ours(pose, geom1, geom2), theirs);
    ++tally.pairs;
    tally.mismatched += deviation < 0;
    tally.contacts += static_cast<int>(theirs.size());
    tally.doubles += theirs.size() == 2;
    tally.largest = std::max(tally.largest, deviation);
  }
  return tally;
}

class CollisionTest
    : public ::testing::TestWithParam<std::tuple<Geom, Geom, bool>> {};

TEST_P(CollisionTest, FindsTheContactsOfTheEngine) {
  const auto [geom1, geom2, ties] = GetParam();
  const Tally tally = Compare(geom1, geom2, ties, 200000);
  EXPECT_EQ(tally.mismatched, 0);
  EXPECT_LE(tally.largest, 1e-12);
  // The poses are worth comparing.
  EXPECT_GT(tally.contacts, tally.pairs / 10);
  if (geom2 == kCapsule || geom1 == kCapsule) {
    EXPECT_GT(tally.doubles, tally.pairs / 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Pairs, CollisionTest,
                         ::testing::Values(std::tuple(kPlane, kSphere, false),
                                           std::tuple(kPlane, kCapsule, false),
                                           std::tuple(kPlane, kCapsule, true),
                                           std::tuple(kSphere, kBox, false),
                                           std::tuple(kSphere, kBox, true),
                                           std::tuple(kCapsule, kBox, false),
                                           std::tuple(kCapsule, kBox, true)));

// Whole contacts of mj_collision, where margins of a pair add up and frames are
// completed: capsules in any attitude, upright and lying ones among them, on a
// plane and on a box.
TEST(CollisionFrameTest, FramesAndMarginsAreThoseOfTheEngine) {
  constexpr char kWorld[] = R"(<mujoco><worldbody>
    <geom type="plane" size="9 9 9" margin=".01"/>
    <geom type="box" size="1 1 1" pos="3 0 1" margin=".01"/>
    <body><freejoint/><geom type="capsule" size=".1 .2" margin=".01"/></body>
    </worldbody></mujoco>)";
  mjSpec* spec = mj_parseXMLString(kWorld, nullptr, nullptr, 0);
  ASSERT_NE(spec, nullptr);
  mjModel* model = mj_compile(spec, nullptr);
  mj_deleteSpec(spec);
  mjData* data = mj_makeData(model);
  Poses poses;
  int contacts = 0;
  for (int n = 0; n < 50000; ++n) {
    const bool on_plane = n % 2 == 0;
    mju_copy3(
        data->qpos,
        std::array<double, 3>{
            on_plane ? 0 : poses.Uniform(1.7, 4.3), poses.Uniform(-1.3, 1.3),
            on_plane ? poses.Uniform(0, 0.4) : poses.Uniform(0.5, 2.4)}
            .data());
    for (int i = 3; i < 7; ++i) data->qpos[i] = poses.Uniform(-1, 1);
    if (n % 8 < 2)
      mju_copy4(data->qpos + 3, std::array{1.0, 0.0, 0.0, 0.0}.data());
    if (n % 8 == 2)
      mju_copy4(data->qpos + 3, std::array{1.0, 1.0, 0.0, 0.0}.data());
    mj_kinematics(model, data);
    mj_collision(model, data);
    RoundGeom<double> capsule = {{}, {}, 0.1, 0.2};
    mju_copy3(capsule.position.x, data->geom_xpos + 6);
    for (int i = 0; i < 3; ++i) capsule.axis[i] = data->geom_xmat[20 + 3 * i];
    ContactPoint<double> points[4];
    CollidePlaneCapsule(kOrigin, kUp, capsule, 0.02, points);
    CollideCapsuleBox(capsule, {{{3, 0, 1}}, {{1, 1, 1}}}, 0.02, points + 2);
    const Contacts ours = Collected(points, 4);
    Contacts theirs(static_cast<size_t>(data->ncon));
    for (size_t k = 0; k < theirs.size(); ++k) {
      theirs[k][0] = data->contact[k].dist;
      std::copy_n(data->contact[k].pos, 3, &theirs[k][1]);
      std::copy_n(data->contact[k].frame, 9, &theirs[k][4]);
    }
    const double deviation = Deviation(ours, theirs);
    ASSERT_GE(deviation, 0) << n;
    ASSERT_LE(deviation, 1e-12) << n;
    contacts += data->ncon;
  }
  EXPECT_GT(contacts, 10000);
  mj_deleteData(data);
  mj_deleteModel(model);
}

TEST(CollisionEdgeTest, AFeatureFarAwayCountsWhereNoneIsNear) {
  Engine engine;
  Poses poses;
  int contacts = 0;
  for (int n = 0; n < 50000; ++n) {
    const Pose pose = poses.BesideEdge();
    const Contacts theirs = engine.Collide(pose, kCapsule, kBox);
    const double deviation = Deviation(Ours(pose, kCapsule, kBox), theirs);
    ASSERT_GE(deviation, 0) << n;
    ASSERT_LE(deviation, 1e-12) << n;
    contacts += static_cast<int>(theirs.size());
  }
  EXPECT_GT(contacts, 50000);
}

// The negative control: a margin that is a maximum instead of a sum loses
// contacts, and the comparison sees it.
TEST(CollisionControlTest, AnotherMarginRuleIsSeen) {
  Engine engine;
  Poses poses;
  int mismatched = 0;
  for (int n = 0; n < 20000; ++n) {
    Pose pose = poses.Random();
    pose.margin = 0.02;
    const Contacts theirs = engine.Collide(pose, kCapsule, kBox);
    pose.margin = 0.01;
    mismatched += Deviation(Ours(pose, kCapsule, kBox), theirs) != 0;
  }
  EXPECT_GT(mismatched, 20);
}

}  // namespace
}  // namespace kmyriad
