#include "learner/checkpoint/checkpoint_policy.h"

#include <limits>
#include <string>
#include <vector>

#include "common/base/tensor.h"
#include "common/policy/observation_normalizer.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

const std::vector<ObservationColumn> kColumns = {
    {"x", 0, 1, false}, {"z", 0.5f, 0.25f, true}, {"t", 0, 1, false}};

NetworkShape Shape() {
  return {.obs_dim = 3,
          .trunk = {32, 16},
          .act_dim = 2,
          .agents = 5,
          .activation = Activation::kTanh};
}

// A checkpoint with the tensors of `weights`, and of a critic.
CheckpointContent ContentOf(const PolicyWeights& weights) {
  CheckpointContent content;
  content.parameters = {
      MakeTensor<float>("critic.0.weight", {1}, {0.5f}),
      MakeTensor("trunk.0.weight", {32, 3}, weights.trunk[0].weight),
      MakeTensor("trunk.0.bias", {32}, weights.trunk[0].bias),
      MakeTensor("trunk.1.weight", {16, 32}, weights.trunk[1].weight),
      MakeTensor("trunk.1.bias", {16}, weights.trunk[1].bias),
      MakeTensor("heads.weight", {5, 16, 2}, weights.head_weight),
      MakeTensor("heads.bias", {5, 1, 2}, weights.head_bias),
      MakeTensor("heads.log_std", {5, 1, 2}, weights.head_log_std)};
  ObservationNormalizer normalizer(kColumns);
  const std::vector<float> rows = {1, 2, 3, -1, 4, 0.5f};
  normalizer.Merge(rows.data(), 2);
  content.normalizer = normalizer.Save();
  return content;
}

TEST(CheckpointPolicy, IsThePolicyOfTheTensors) {
  PolicyWeights weights = RandomPolicy(Shape(), 1);
  const CheckpointContent content = ContentOf(weights);
  ObservationNormalizer normalizer(kColumns);
  ASSERT_THAT(normalizer.Load(content.normalizer), IsOk());
  weights.normalizer_mean = normalizer.Mean();
  weights.normalizer_inv_std = normalizer.InverseStd();
  const auto read = PolicyOfCheckpoint(content, Shape(), kColumns);
  ASSERT_THAT(read, IsOk());
  // The hash covers every tensor and the shape.
  EXPECT_EQ(HashPolicy(*read)->policy, HashPolicy(weights)->policy);
  weights.head_bias[9] += 1;
  EXPECT_NE(HashPolicy(*read)->policy, HashPolicy(weights)->policy);
}

TEST(CheckpointPolicy, NamesTheTensorThatIsMissingOrDoesNotFit) {
  const CheckpointContent good = ContentOf(RandomPolicy(Shape(), 1));
  for (size_t i = 1; i < good.parameters.size(); ++i) {
    const std::string name = good.parameters[i].name;
    CheckpointContent content = good;
    content.parameters[i].shape.push_back(1);
    EXPECT_THAT(PolicyOfCheckpoint(content, Shape(), kColumns),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
    content.parameters.erase(content.parameters.begin() + i);
    EXPECT_THAT(PolicyOfCheckpoint(content, Shape(), kColumns),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
  }
  CheckpointContent content = good;
  content.normalizer.pop_back();
  EXPECT_THAT(PolicyOfCheckpoint(content, Shape(), kColumns),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("normalizer.frozen")));
  NetworkShape wrong = Shape();
  wrong.agents = 4;
  EXPECT_FALSE(PolicyOfCheckpoint(good, wrong, kColumns).ok());
  wrong = Shape();
  wrong.obs_dim = 4;
  EXPECT_FALSE(PolicyOfCheckpoint(good, wrong, kColumns).ok());
}

TEST(CheckpointPolicy, RefusesNumbersThatAreNotFinite) {
  PolicyWeights weights = RandomPolicy(Shape(), 1);
  weights.head_weight[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(PolicyOfCheckpoint(ContentOf(weights), Shape(), kColumns).ok());
}

}  // namespace
}  // namespace kmyriad
