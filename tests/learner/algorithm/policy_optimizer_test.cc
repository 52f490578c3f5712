#include "learner/algorithm/policy_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "common/math/philox.h"
#include "common/policy/policy_inference.h"
#include "tests/learner/algorithm/optimizer_probe.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(PolicyOptimizerTest, FirstRatiosAreOneForActorsThatFollowTheFormula) {
  for (const Activation activation : {Activation::kRelu, Activation::kTanh}) {
    PolicyOptimizerOptions options = SmallOptions();
    options.shape.activation = activation;
    const auto optimizer = MakeOptimizer(options);
    EXPECT_LT(MustUpdate(*optimizer, 1).ratio_max_error, 1e-4);
    EXPECT_LT(MustUpdate(*optimizer, 2).ratio_max_error, 1e-4);
  }
}

// Acts with the actors' kernel, block by block, as an actor does.
SyntheticEpoch ActWithInference(const PolicyWeights& policy, uint32_t blocks,
                                uint32_t horizon) {
  constexpr uint32_t kLanes = 16;
  const uint32_t obs_dim = policy.shape.obs_dim;
  const uint32_t act_dim = policy.shape.act_dim;
  const auto inference =
      PolicyInference::Create(policy, ChooseSimdLevel().value());
  EXPECT_TRUE(inference.ok()) << inference.status();
  SyntheticEpoch epoch;
  epoch.envs = blocks * kLanes;
  epoch.horizon = horizon;
  const size_t samples = size_t{epoch.envs} * horizon;
  epoch.observations.resize(samples * obs_dim);
  epoch.actions.resize(samples * act_dim);
  epoch.log_probs.resize(samples);
  epoch.rewards.resize(samples);
  PolicyInference::Scratch scratch;
  alignas(64) float x[16 * kLanes], mean[16 * kLanes], u[16 * kLanes],
      squashed[16 * kLanes], log_probs[kLanes];
  for (uint32_t block = 0; block < blocks; ++block) {
    uint32_t agents[kLanes];
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      agents[lane] =
          (block * kLanes + lane) / (epoch.envs / policy.shape.agents);
    }
    for (uint32_t t = 0; t < horizon; ++t) {
      for (uint32_t i = 0; i < obs_dim * kLanes; ++i) {
        const PhiloxBlock random =
            RunRandom(3, RandomStream::kEvaluation, block, t, i, 0);
        x[i] = 12 * UniformOpen(random.word[0]) - 6;
      }
      (*inference)
          ->Act(x, agents, {7, block * kLanes, 1, t}, scratch, mean, u,
                squashed, log_probs);
      for (uint32_t lane = 0; lane < kLanes; ++lane) {
        const size_t sample = (size_t{block} * kLanes + lane) * horizon + t;
        for (uint32_t i = 0; i < obs_dim; ++i) {
          epoch.observations[sample * obs_dim + i] = x[i * kLanes + lane];
        }
        for (uint32_t a = 0; a < act_dim; ++a) {
          epoch.actions[sample * act_dim + a] = u[a * kLanes + lane];
        }
        epoch.log_probs[sample] = log_probs[lane];
        epoch.rewards[sample] = squashed[lane];
      }
    }
  }
  return epoch;
}

TEST(PolicyOptimizerTest, ActorsLogProbabilitiesAreTheLearners) {
  for (const Activation activation : {Activation::kRelu, Activation::kTanh}) {
    PolicyOptimizerOptions options = SmallOptions();
    options.shape.trunk = {128, 64};
    options.shape.activation = activation;
    options.head_noise = 1;
    options.minibatches = 1;
    const auto optimizer = MakeOptimizer(options);
    // After some learning nothing is at its initial value.
    MustUpdate(*optimizer, 1);
    const SyntheticEpoch data = ActWithInference(PolicyOf(*optimizer), 3, 20);
    const auto stats =
        optimizer->Update(data.View(), 2, kMean, kInvStd, nullptr);
    ASSERT_TRUE(stats.ok()) << stats.status();
    EXPECT_LT(stats->ratio_max_error, 1e-4);
    EXPECT_GT(stats->ratio_max_error, 0);
  }
}

TEST(PolicyOptimizerTest, RatioErrorShowsWrongLogProbabilities) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  SyntheticEpoch data = EpochOf(*optimizer, 1);
  data.log_probs[3] += 0.5f;
  const auto stats = optimizer->Update(data.View(), 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(stats.ok()) << stats.status();
  // Only if sample 3 is in the first minibatch; all are in a single one.
  PolicyOptimizerOptions options = SmallOptions();
  options.minibatches = 1;
  const auto whole = MakeOptimizer(options);
  const auto all = whole->Update(data.View(), 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_NEAR(all->ratio_max_error, 1 - std::exp(-0.5), 1e-3);
}

TEST(PolicyOptimizerTest, ZeroLearningRateChangesNoParameter) {
  PolicyOptimizerOptions options = SmallOptions();
  options.learning_rate = 0;
  options.critic_learning_rate = 0;
  const auto optimizer = MakeOptimizer(options);
  const std::vector<uint8_t> before = Bytes(optimizer->SaveParameters());
  MustUpdate(*optimizer, 1);
  EXPECT_EQ(Bytes(optimizer->SaveParameters()), before);
}

TEST(PolicyOptimizerTest, UpdatesAreTheSameBitsWhenRepeated) {
  for (const char* precision : {"fp32", "bf16"}) {
    for (const int threads : {1, 2}) {
      PolicyOptimizerOptions options = SmallOptions();
      options.threads = threads;
      options.precision = precision;
      const auto first = MakeOptimizer(options);
      const auto second = MakeOptimizer(options);
      for (uint64_t epoch = 1; epoch <= 2; ++epoch) {
        MustUpdate(*first, epoch);
        MustUpdate(*second, epoch);
      }
      EXPECT_EQ(StateOf(*first), StateOf(*second)) << precision << threads;
    }
  }
}

TEST(PolicyOptimizerTest, SeedsGiveDifferentPopulations) {
  PolicyOptimizerOptions options = SmallOptions();
  const auto first = MakeOptimizer(options);
  options.seed = 8;
  const auto second = MakeOptimizer(options);
  EXPECT_NE(StateOf(*first), StateOf(*second));
}

TEST(PolicyOptimizerTest, LoadThenUpdateEqualsNeverStopping) {
  const auto straight = MakeOptimizer(SmallOptions());
  MustUpdate(*straight, 1);
  PolicyOptimizerOptions options = SmallOptions();
  options.seed = 7;
  const auto resumed = MakeOptimizer(options);
  // Something else in between must leave no trace.
  MustUpdate(*resumed, 5);
  ASSERT_TRUE(
      resumed->Load(straight->SaveParameters(), straight->SaveOptimizer())
          .ok());
  MustUpdate(*straight, 2);
  MustUpdate(*resumed, 2);
  EXPECT_EQ(StateOf(*resumed), StateOf(*straight));
}

TEST(PolicyOptimizerTest, LoadNamesTheTensorAndChangesNothing) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  MustUpdate(*optimizer, 1);
  const std::vector<uint8_t> before = StateOf(*optimizer);
  const std::vector<NamedTensor> parameters = optimizer->SaveParameters();
  const std::vector<NamedTensor> state = optimizer->SaveOptimizer();

  std::vector<NamedTensor> missing = parameters;
  missing.erase(missing.begin() + 1);
  EXPECT_THAT(std::string(optimizer->Load(missing, state).message()),
              AllOf(HasSubstr("trunk.0.bias"), HasSubstr("missing")));
  std::vector<NamedTensor> reshaped = parameters;
  reshaped[0].shape = {5, 32};
  EXPECT_THAT(std::string(optimizer->Load(reshaped, state).message()),
              AllOf(HasSubstr("trunk.0.weight"), HasSubstr("[5, 32]")));
  std::vector<NamedTensor> unknown = parameters;
  unknown.push_back(unknown[0]);
  unknown.back().name = "other";
  EXPECT_THAT(std::string(optimizer->Load(unknown, state).message()),
              HasSubstr("other is unknown"));
  std::vector<NamedTensor> short_data = parameters;
  short_data[2].data.pop_back();
  EXPECT_EQ(optimizer->Load(short_data, state).code(),
            absl::StatusCode::kInvalidArgument);
  std::vector<NamedTensor> no_steps = state;
  no_steps.pop_back();
  EXPECT_THAT(std::string(optimizer->Load(parameters, no_steps).message()),
              HasSubstr("adam.steps is missing"));
  EXPECT_EQ(StateOf(*optimizer), before);
}

TEST(PolicyOptimizerTest, AbandonedUpdateLeavesTheStateOfBefore) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  MustUpdate(*optimizer, 1);
  const std::vector<uint8_t> before = StateOf(*optimizer);
  const SyntheticEpoch data = EpochOf(*optimizer, 2);
  double last = 0;
  const auto stats =
      optimizer->Update(data.View(), 2, kMean, kInvStd, [&](double share) {
        EXPECT_GT(share, last);
        last = share;
        return share < 0.6;
      });
  EXPECT_EQ(stats.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(StateOf(*optimizer), before);
  // And goes on as if nothing had happened.
  const auto other = MakeOptimizer(SmallOptions());
  MustUpdate(*other, 1);
  MustUpdate(*other, 2);
  MustUpdate(*optimizer, 2);
  EXPECT_EQ(StateOf(*optimizer), StateOf(*other));
}

TEST(PolicyOptimizerTest, ProgressEndsAtOne) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  const SyntheticEpoch data = EpochOf(*optimizer, 1);
  double last = 0;
  ASSERT_TRUE(optimizer
                  ->Update(data.View(), 1, kMean, kInvStd,
                           [&](double share) {
                             last = share;
                             return true;
                           })
                  .ok());
  EXPECT_DOUBLE_EQ(last, 1.0);
}

TEST(PolicyOptimizerTest, NotFiniteSamplesLeaveTheStateOfBefore) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  MustUpdate(*optimizer, 1);
  const std::vector<uint8_t> before = StateOf(*optimizer);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  SyntheticEpoch data = EpochOf(*optimizer, 2);
  data.rewards[17] = nan;
  EXPECT_EQ(optimizer->Update(data.View(), 2, kMean, kInvStd, nullptr)
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(StateOf(*optimizer), before);
  data = EpochOf(*optimizer, 2);
  data.log_probs[17] = nan;
  EXPECT_EQ(optimizer->Update(data.View(), 2, kMean, kInvStd, nullptr)
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(StateOf(*optimizer), before);
}

TEST(PolicyOptimizerTest, LearningRateIsAFunctionOfTheAbsoluteEpoch) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  EXPECT_DOUBLE_EQ(MustUpdate(*optimizer, 10).learning_rate, 1e-4);
  EXPECT_DOUBLE_EQ(MustUpdate(*optimizer, 1).learning_rate, 1e-3);
  EXPECT_DOUBLE_EQ(MustUpdate(*optimizer, 1000).learning_rate, 1e-4);
}

// Step 1 of Adam, in which the trunk cannot yet carry one head's change to
// another.
TEST(PolicyOptimizerTest, AnExplodingHeadDoesNotChangeTheOthers) {
  PolicyOptimizerOptions options = SmallOptions();
  options.epochs = 1;
  options.minibatches = 1;
  options.normalize_advantages = false;
  const auto calm = MakeOptimizer(options);
  const auto exploding = MakeOptimizer(options);
  SyntheticEpoch data = EpochOf(*calm, 1);
  const auto calm_stats = calm->Update(data.View(), 1, kMean, kInvStd, nullptr);
  for (uint32_t i = 0; i < kEnvs / 4 * kHorizon; ++i) {
    data.rewards[i] *= 1e6f;
  }
  const auto stats = exploding->Update(data.View(), 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(calm_stats.ok() && stats.ok());
  EXPECT_GT(stats->head_grad_norm_max, 1e4 * calm_stats->head_grad_norm_max);
  for (const char* name : {"heads.weight", "heads.bias", "heads.log_std"}) {
    const std::vector<float> a = FloatsOf(*calm, name);
    const std::vector<float> b = FloatsOf(*exploding, name);
    const std::ptrdiff_t head = static_cast<std::ptrdiff_t>(a.size() / 4);
    EXPECT_TRUE(std::equal(a.begin() + head, a.end(), b.begin() + head))
        << name;
  }
  EXPECT_NE(FloatsOf(*calm, "heads.weight"),
            FloatsOf(*exploding, "heads.weight"));
}

TEST(PolicyOptimizerTest, PassesStopWhenThePolicyHasMovedFarEnough) {
  PolicyOptimizerOptions options = SmallOptions();
  options.learning_rate = 0.01;
  options.epochs = 20;
  const UpdateStats all = MustUpdate(*MakeOptimizer(options), 1);
  EXPECT_EQ(all.passes, 20u);
  options.kl_stop = 0.02;
  const UpdateStats some = MustUpdate(*MakeOptimizer(options), 1);
  EXPECT_LT(some.passes, 20u);
  EXPECT_GT(some.kl_mean, 0.02);
}

TEST(PolicyOptimizerTest, TheReturnOfAContextualBanditRises) {
  for (const char* precision : {"fp32", "bf16"}) {
    PolicyOptimizerOptions options = SmallOptions();
    options.learning_rate = 3e-3;
    options.gamma = 0;
    options.precision = precision;
    const auto optimizer = MakeOptimizer(options);
    const double before = MeanReward(*optimizer);
    UpdateStats stats;
    for (uint64_t epoch = 1; epoch <= 15; ++epoch) {
      stats = MustUpdate(*optimizer, epoch);
    }
    EXPECT_GT(MeanReward(*optimizer), before + 0.4) << precision;
    EXPECT_GT(stats.explained_variance, 0.1) << precision;
  }
}

TEST(PolicyOptimizerTest, WrongRewardsTeachNothing) {
  PolicyOptimizerOptions options = SmallOptions();
  options.learning_rate = 3e-3;
  options.gamma = 0;
  const auto optimizer = MakeOptimizer(options);
  const double before = MeanReward(*optimizer);
  for (uint64_t epoch = 1; epoch <= 15; ++epoch) {
    SyntheticEpoch data = EpochOf(*optimizer, static_cast<uint32_t>(epoch));
    std::rotate(data.rewards.begin(), data.rewards.begin() + 7,
                data.rewards.end());
    ASSERT_TRUE(
        optimizer->Update(data.View(), epoch, kMean, kInvStd, nullptr).ok());
  }
  EXPECT_NEAR(MeanReward(*optimizer), before, 0.15);
}

TEST(PolicyOptimizerTest, Bf16UpdatesAgreeLooselyWithFp32) {
  PolicyOptimizerOptions options = SmallOptions();
  const auto fp32 = MakeOptimizer(options);
  const SyntheticEpoch data = EpochOf(*fp32, 1);
  const std::vector<float> initial = FloatsOf(*fp32, "trunk.1.weight");
  options.precision = "bf16";
  const auto bf16 = MakeOptimizer(options);
  const auto a = fp32->Update(data.View(), 1, kMean, kInvStd, nullptr);
  const auto b = bf16->Update(data.View(), 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(a.ok() && b.ok());
  // Eight bits of mantissa in the trunk's activations.
  EXPECT_LT(b->ratio_max_error, 0.1);
  EXPECT_GT(b->ratio_max_error, a->ratio_max_error);
  EXPECT_NEAR(a->value_loss, b->value_loss, 0.05 * a->value_loss);
  EXPECT_NEAR(a->trunk_grad_norm, b->trunk_grad_norm, 0.1 * a->trunk_grad_norm);
  // The directions of the updates agree.
  const std::vector<float> x = FloatsOf(*fp32, "trunk.1.weight");
  const std::vector<float> y = FloatsOf(*bf16, "trunk.1.weight");
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = double{x[i]} - initial[i];
    const double dy = double{y[i]} - initial[i];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  EXPECT_GT(xy / std::sqrt(xx * yy), 0.9);
}

TEST(PolicyOptimizerTest, TheNumberOfThreadsDoesNotChangeTheBits) {
  for (const char* precision : {"fp32", "bf16"}) {
    PolicyOptimizerOptions options = SmallOptions();
    options.minibatches = 1;
    options.precision = precision;
    std::vector<uint8_t> one;
    for (const int threads : {1, 2, 5}) {
      options.threads = threads;
      const auto optimizer = MakeOptimizer(options);
      const SyntheticEpoch data =
          MakeEpoch(PolicyOf(*optimizer), 40, 40, 1, AlignReward);
      ASSERT_TRUE(
          optimizer->Update(data.View(), 1, kMean, kInvStd, nullptr).ok());
      if (threads == 1) one = StateOf(*optimizer);
      EXPECT_EQ(StateOf(*optimizer), one) << precision << " " << threads;
    }
  }
}

TEST(PolicyOptimizerTest, SamplesThatDoNotFitAreRefused) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  const SyntheticEpoch data = EpochOf(*optimizer, 1);
  EpochSamples view = data.View();
  view.envs = 6;
  EXPECT_THAT(std::string(optimizer->Update(view, 1, kMean, kInvStd, nullptr)
                              .status()
                              .message()),
              HasSubstr("6 environments"));
  view = data.View();
  view.envs = 4;
  view.horizon = 3;
  EXPECT_THAT(std::string(optimizer->Update(view, 1, kMean, kInvStd, nullptr)
                              .status()
                              .message()),
              HasSubstr("3 samples per agent"));
  EXPECT_EQ(optimizer->Update(data.View(), 1, {1.0f}, kInvStd, nullptr)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PolicyOptimizerTest, CreateNamesWhatIsWrong) {
  const auto message = [](const PolicyOptimizerOptions& options) {
    return std::string(PolicyOptimizer::Create(options).status().message());
  };
  PolicyOptimizerOptions options = SmallOptions();
  options.precision = "fp8";
  EXPECT_THAT(message(options), HasSubstr("learner.precision = fp8"));
  options = SmallOptions();
  options.objective = "reinforce";
  EXPECT_THAT(message(options), HasSubstr("objective.kind = reinforce"));
  options.objective = "iw_entropy";
  EXPECT_THAT(message(options), HasSubstr("objective.steps = 0"));
  options = SmallOptions();
  options.device = "tpu";
  EXPECT_THAT(message(options), HasSubstr("learner.device = tpu"));
  options = SmallOptions();
  options.device = "cuda:x";
  EXPECT_THAT(message(options), HasSubstr("learner.device = cuda:x"));
}

TEST(PolicyOptimizerTest, CudaWithoutADeviceIsOneClearLine) {
  PolicyOptimizerOptions options = SmallOptions();
  options.device = "cuda:63";
  const absl::Status status = PolicyOptimizer::Create(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("learner.device = cuda:63: "),
                    HasSubstr("set learner.device = cpu")));
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
}

TEST(NumericsInfoTest, NamesWhatBitsDependOn) {
  const auto info = NumericsInfo("cpu");
  EXPECT_EQ(info.at("device"), "cpu");
  EXPECT_THAT(info.at("libtorch"), HasSubstr("2."));
  EXPECT_FALSE(info.at("mkl_mode").empty());
  EXPECT_FALSE(info.at("cpu_capability").empty());
  EXPECT_EQ(info.at(kUpdateArithmetic), "3");
}

}  // namespace
}  // namespace kmyriad
