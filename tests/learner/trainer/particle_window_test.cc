#include "learner/trainer/particle_window.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;

// Two environments of two steps and one feature: epoch e is e0, e1 | e2, e3.
struct Epoch {
  explicit Epoch(int number) {
    for (int i = 0; i < 4; ++i) {
      features.push_back(static_cast<float>(10 * number + i));
      mask.push_back((number + i) % 3 == 0 ? 0 : 1);
    }
  }
  std::vector<float> features;
  std::vector<uint8_t> mask;
};

void Push(ParticleWindow& window, int number) {
  const Epoch epoch(number);
  window.Push(epoch.features.data(), epoch.mask.data());
}

ParticleWindow::Pool With(const ParticleWindow& window, int number) {
  const Epoch epoch(number);
  return window.With(epoch.features.data(), epoch.mask.data());
}

TEST(ParticleWindowTest, HoldsTheLastEpochsOldestFirstPerEnvironment) {
  ParticleWindow window(3, 2, 2, 1);
  EXPECT_EQ(With(window, 1).epochs, 1u);
  EXPECT_THAT(With(window, 1).features, ElementsAre(10, 11, 12, 13));
  Push(window, 1);
  Push(window, 2);
  const ParticleWindow::Pool three = With(window, 3);
  EXPECT_EQ(three.epochs, 3u);
  EXPECT_THAT(three.features,
              ElementsAre(10, 11, 20, 21, 30, 31, 12, 13, 22, 23, 32, 33));
  EXPECT_THAT(three.mask, ElementsAre(1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0));
  Push(window, 3);
  EXPECT_THAT(With(window, 4).features,
              ElementsAre(20, 21, 30, 31, 40, 41, 22, 23, 32, 33, 42, 43));
}

TEST(ParticleWindowTest, OfOneEpochKeepsAndSavesNothing) {
  ParticleWindow window(1, 2, 2, 1);
  Push(window, 1);
  EXPECT_THAT(With(window, 2).features, ElementsAre(20, 21, 22, 23));
  std::vector<NamedTensor> tensors;
  window.Save(&tensors);
  EXPECT_TRUE(tensors.empty());
}

TEST(ParticleWindowTest, WhatIsSavedGoesOnTheSame) {
  ParticleWindow window(3, 2, 2, 1);
  for (int epoch = 1; epoch <= 5; ++epoch) {
    std::vector<NamedTensor> tensors;
    window.Save(&tensors);
    ParticleWindow restored(3, 2, 2, 1);
    Push(restored, 9);  // Is forgotten.
    ASSERT_THAT(restored.Load(tensors), IsOk());
    EXPECT_EQ(With(restored, epoch).features, With(window, epoch).features);
    EXPECT_EQ(With(restored, epoch).mask, With(window, epoch).mask);
    Push(window, epoch);
  }
}

TEST(ParticleWindowTest, AnotherWindowTakesTheNewest) {
  ParticleWindow window(4, 2, 2, 1);
  for (int epoch = 1; epoch <= 3; ++epoch) Push(window, epoch);
  std::vector<NamedTensor> tensors;
  window.Save(&tensors);
  ParticleWindow shorter(2, 2, 2, 1);
  ASSERT_THAT(shorter.Load(tensors), IsOk());
  EXPECT_THAT(With(shorter, 4).features,
              ElementsAre(30, 31, 40, 41, 32, 33, 42, 43));
  ASSERT_THAT(shorter.Load({}), IsOk());
  EXPECT_EQ(With(shorter, 4).epochs, 1u);
}

TEST(ParticleWindowTest, TensorsOfAnotherShapeAreRefused) {
  ParticleWindow window(3, 2, 2, 1);
  Push(window, 1);
  std::vector<NamedTensor> good;
  window.Save(&good);
  for (int wrong = 0; wrong < 4; ++wrong) {
    std::vector<NamedTensor> tensors = good;
    if (wrong == 0) tensors.pop_back();
    if (wrong == 1) tensors[0].data.pop_back();
    if (wrong == 2) tensors[1].data.push_back(1);
    if (wrong == 3) tensors[0].type = TensorType::kUint32;
    EXPECT_THAT(window.Load(tensors),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << wrong;
    EXPECT_EQ(With(window, 2).epochs, 2u);
  }
}

}  // namespace
}  // namespace kmyriad
