#include "deploy/launcher/head_choice.h"

#include <algorithm>
#include <set>

#include "common/base/tensor.h"
#include "common/policy/forgetting_monitor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/run_directory.h"
#include "learner/checkpoint/safetensors.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kObs = 5;
constexpr uint32_t kAct = 2;

Population Five() {
  Population population;
  population.weights = RandomPolicy({.obs_dim = kObs,
                                     .trunk = {16},
                                     .act_dim = kAct,
                                     .agents = 5,
                                     .activation = Activation::kTanh},
                                    3);
  const PolicyWeights& weights = population.weights;
  population.parameters = {
      MakeTensor("trunk.0.weight", {16, kObs}, weights.trunk[0].weight),
      MakeTensor("trunk.0.bias", {16}, weights.trunk[0].bias),
      MakeTensor("heads.weight", {5, 16, kAct}, weights.head_weight),
      MakeTensor("heads.bias", {5, 1, kAct}, weights.head_bias),
      MakeTensor("heads.log_std", {5, 1, kAct}, weights.head_log_std),
      {"critic.value.bias", TensorType::kFloat32, {1}, {1, 2, 3, 4}},
      {"embedding", TensorType::kFloat32, {5, 1}, {}}};
  for (uint8_t i = 0; i < 20; ++i) {
    population.parameters.back().data.push_back(i);
  }
  return population;
}

std::vector<float> FloatsOf(const SafetensorsContent& content,
                            const std::string& name) {
  const NamedTensor* const tensor = FindTensor(content.tensors, name);
  if (tensor == nullptr) {
    ADD_FAILURE() << name << " is missing";
    return {};
  }
  return ElementsOf<float>(*tensor);
}

TEST(HalfOfTest, DividesEnvironmentsAndStopsAtFour) {
  EXPECT_EQ(HalfOf(32, 32), 16u);
  EXPECT_EQ(HalfOf(8, 32), 4u);
  EXPECT_EQ(HalfOf(4, 32), 0u);
  EXPECT_EQ(HalfOf(7, 32), 0u);
  // 50, 25, 10, 5 of 1000 environments.
  EXPECT_EQ(HalfOf(50, 1000), 25u);
  EXPECT_EQ(HalfOf(25, 1000), 10u);
  EXPECT_EQ(HalfOf(10, 1000), 5u);
  EXPECT_EQ(HalfOf(5, 1000), 0u);
}

TEST(SeedOfNextRoundTest, NoRoundHasTheSeedOfAnother) {
  std::set<uint64_t> seeds;
  for (uint64_t first = 0; first < 200; ++first) {
    uint64_t seed = first;
    for (int round = 0; round < 5; ++round) {
      EXPECT_TRUE(seeds.insert(seed).second) << first << ", round " << round;
      seed = SeedOfNextRound(seed);
    }
  }
}

TEST(EncodeInitialTest, HoldsTheChosenHeadsInOrderAndWhatIsWatched) {
  const Population population = Five();
  HeadChoice choice;
  choice.agents = {1, 4};
  choice.states.assign(kObs * 7, 0.25f);
  const auto bytes = EncodeInitial(population, choice);
  ASSERT_THAT(bytes, IsOk());
  const auto content = DecodeSafetensors(*bytes);
  ASSERT_THAT(content, IsOk());
  const std::vector<float> bias = FloatsOf(*content, "heads.bias");
  const std::vector<float>& all = population.weights.head_bias;
  EXPECT_THAT(bias, ElementsAre(all[2], all[3], all[8], all[9]));
  EXPECT_EQ(FindTensor(content->tensors, "heads.weight")->shape,
            (std::vector<int64_t>{2, 16, kAct}));
  EXPECT_EQ(FloatsOf(*content, "trunk.0.weight"),
            population.weights.trunk[0].weight);
  EXPECT_EQ(FindTensor(content->tensors, "embedding"), nullptr);
  NetworkShape shape = population.weights.shape;
  shape.agents = 2;
  EXPECT_THAT(ForgettingMonitor::Create(content->tensors, shape), IsOk());
}

TEST(EncodeContinuationTest, TakesTheCriticAlongAndWhatItIsComparedWith) {
  TempDir folder;
  FileSystem& files = PosixFileSystem();
  Population population = Five();
  population.run_folder = folder.path();
  HeadChoice all;
  all.agents = {0, 1, 2, 3, 4};
  for (size_t i = 0; i < kObs * 3; ++i) {
    all.states.push_back(static_cast<float>(i) / 10);
  }
  const auto before = EncodeInitial(population, all);
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(files.WriteAndSync(folder.File(kInitialPolicyFile), *before),
              IsOk());
  const auto old = DecodeSafetensors(*before);
  // The round has moved the heads.
  std::vector<float>& moved = population.weights.head_bias;
  for (float& bias : moved) bias += 1;
  population.parameters[3] = MakeTensor("heads.bias", {5, 1, kAct}, moved);
  HeadChoice half;
  half.agents = {0, 3};
  const auto after = EncodeContinuation(files, population, half);
  ASSERT_THAT(after, IsOk());
  const auto content = DecodeSafetensors(*after);
  ASSERT_THAT(content, IsOk());
  EXPECT_THAT(FloatsOf(*content, "heads.bias"),
              ElementsAre(moved[0], moved[1], moved[6], moved[7]));
  EXPECT_EQ(FindTensor(content->tensors, "critic.value.bias")->data,
            (std::vector<uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(FindTensor(content->tensors, "embedding")->data,
            (std::vector<uint8_t>{0, 1, 2, 3, 12, 13, 14, 15}));
  EXPECT_EQ(FloatsOf(*content, "pretrained.states"),
            FloatsOf(*old, "pretrained.states"));
  const std::vector<float> means = FloatsOf(*content, "pretrained.means");
  const std::vector<float> was = FloatsOf(*old, "pretrained.means");
  ASSERT_EQ(means.size(), 2u * 3 * kAct);
  EXPECT_TRUE(std::equal(means.begin(), means.begin() + 3 * kAct, was.begin()));
  EXPECT_TRUE(std::equal(means.begin() + 3 * kAct, means.end(),
                         was.begin() + 3 * 3 * kAct));
}

}  // namespace
}  // namespace kmyriad
