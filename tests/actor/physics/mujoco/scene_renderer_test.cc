#include "actor/physics/mujoco/scene_renderer.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

// The drivers of OpenGL leak, and are unloaded before anyone could tell that it
// was they.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kWidth = 96;
constexpr uint32_t kHeight = 64;
using Picture = std::vector<uint8_t>;

PhysicsOptions WorldWithABox() {
  PhysicsOptions options;
  options.boxes = {{{3, 0, 0.5}, {0.5, 0.5, 0.5}}};
  return options;
}

// Upright, at a place.
std::vector<double> AntAt(double x, double y) {
  std::vector<double> qpos(15);
  qpos[0] = x;
  qpos[1] = y;
  qpos[2] = 0.75;
  qpos[3] = 1;
  return qpos;
}

// Mean column of the pixels of a colour, and how many there are.
struct Blot {
  double column = 0;
  int pixels = 0;
};
Blot RedOf(const Picture& picture) {
  Blot blot;
  for (size_t i = 0; i < picture.size() / 3; ++i) {
    if (picture[3 * i] < picture[3 * i + 1] + 60) continue;
    blot.column += static_cast<double>(i % kWidth);
    ++blot.pixels;
  }
  blot.column /= std::max(1, blot.pixels);
  return blot;
}

class SceneRendererTest : public ::testing::Test {
 protected:
  // Two would be one too many for a process.
  void SetUp() override {
    auto renderer = SceneRenderer::Create(WorldWithABox(), kWidth, kHeight, 2);
    if (renderer.ok()) {
      renderer_ = *std::move(renderer);
      return;
    }
    // Nothing to draw with: then that is what it says, and no more is tested.
    EXPECT_THAT(renderer.status(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("no OpenGL to draw with")));
  }
  Picture Draw(const std::vector<DrawnRobot>& robots) {
    CameraView view;
    view.elevation = -80;
    auto picture = renderer_->Draw(robots, view);
    EXPECT_THAT(picture, IsOk());
    return picture.value_or(Picture());
  }
  std::unique_ptr<SceneRenderer> renderer_;
};

TEST_F(SceneRendererTest, AnAntIsWhereItIs) {
  if (renderer_ == nullptr) return;
  const std::vector<double> left = AntAt(-2, 0), right = AntAt(2, 0);
  const Picture first = Draw({{left.data(), {1, 0, 0}}});
  ASSERT_EQ(first.size(), size_t{kWidth} * kHeight * 3);
  const Blot before = RedOf(first);
  const Blot after = RedOf(Draw({{right.data(), {1, 0, 0}}}));
  EXPECT_GT(before.pixels, 20);
  EXPECT_GT(after.pixels, 20);
  // Seen with x to the right.
  EXPECT_LT(before.column, kWidth / 2.0 - 5);
  EXPECT_GT(after.column, kWidth / 2.0 + 5);
  EXPECT_EQ(Draw({{left.data(), {1, 0, 0}}}), first);
}

TEST_F(SceneRendererTest, AntsAreDrawnTogetherEachInItsColor) {
  if (renderer_ == nullptr) return;
  const std::vector<double> left = AntAt(-2, 0), right = AntAt(2, 0);
  const int one = RedOf(Draw({{left.data(), {1, 0, 0}}})).pixels;
  const Picture both =
      Draw({{left.data(), {1, 0, 0}}, {right.data(), {0, 0, 1}}});
  EXPECT_NEAR(RedOf(both).pixels, one, 3);
  int blue = 0;
  for (size_t i = 0; i < both.size(); i += 3) {
    blue += both[i + 2] > both[i] + 60 && both[i + 2] > both[i + 1] + 60;
  }
  EXPECT_GT(blue, 20);
}

TEST(GlContextChoiceTest, WhatDrawsOnAScreenIsRefusedInOneLine) {
  setenv("MUJOCO_GL", "glfw", 1);
  const auto renderer = SceneRenderer::Create(WorldWithABox(), 32, 32, 1);
  unsetenv("MUJOCO_GL");
  EXPECT_THAT(renderer.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("MUJOCO_GL = glfw")));
}

}  // namespace
}  // namespace kmyriad
