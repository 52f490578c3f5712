// The collision functions give the same bits in every lane type and at every
// instruction set.
#include "tests/actor/physics/simd/collision_lanes.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "common/base/simd_level.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// Capsules around boxes, every third along an axis.
std::vector<float> Poses(std::mt19937& random) {
  std::vector<float> poses(16 * kPoseNumbers);
  const auto uniform = [&](float low, float high) {
    const auto unit = static_cast<float>(random() >> 8) * 0x1p-24f;
    return low + (high - low) * unit;
  };
  for (int lane = 0; lane < 16; ++lane) {
    float pose[kPoseNumbers];
    float axis[3] = {uniform(-1, 1), uniform(-1, 1), uniform(-1, 1)};
    if (random() % 3 == 0) axis[random() % 3] = axis[random() % 3] = 0;
    const float length = std::hypot(axis[0], axis[1], axis[2]);
    for (int i = 0; i < 3; ++i) {
      pose[3 + i] = length > 0 ? axis[i] / length : (i == 2 ? 1.0f : 0.0f);
      pose[8 + i] = 0.25f * static_cast<float>(random() % 8);
      pose[11 + i] = 0.25f * static_cast<float>(1 + random() % 4);
      pose[i] = pose[8 + i] + uniform(-1.2f, 1.2f) * pose[11 + i];
    }
    pose[6] = 0.08f;
    pose[7] = uniform(0.1f, 0.5f);
    for (int i = 0; i < kPoseNumbers; ++i) {
      poses[static_cast<size_t>(16 * i + lane)] = pose[i];
    }
  }
  return poses;
}

TEST(CollisionLanesTest, EveryLevelGivesTheBitsOfPlainFloat) {
  std::vector<CollideLanes*> levels = {&CollideLanesScalar};
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (SupportsSimdLevel(SimdLevel::kAvx2)) levels.push_back(&CollideLanesAvx2);
  if (SupportsSimdLevel(SimdLevel::kAvx512)) {
    levels.push_back(&CollideLanesAvx512);
  }
#endif
  std::mt19937 random(1);
  int touching = 0;
  for (int n = 0; n < 2000; ++n) {
    const std::vector<float> poses = Poses(random);
    std::vector<float> expected(16 * kContactNumbers);
    CollideFloats(poses.data(), expected.data());
    for (const float number : expected) touching += number != 0;
    for (CollideLanes* collide : levels) {
      std::vector<float> numbers(expected.size());
      collide(poses.data(), numbers.data());
      ASSERT_EQ(std::memcmp(numbers.data(), expected.data(),
                            expected.size() * sizeof(float)),
                0);
    }
  }
  EXPECT_GT(touching, 100000);
}

}  // namespace
}  // namespace kmyriad
