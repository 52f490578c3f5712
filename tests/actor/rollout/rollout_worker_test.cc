#include "actor/rollout/rollout_worker.h"

#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

class RolloutWorkerTest : public ::testing::Test {
 protected:
  Segment Run(RolloutWorker& worker, uint64_t seed, uint32_t epoch,
              uint32_t block, const PolicyInference& policy) {
    RolloutRequest request{seed, epoch, block, run_.population, &policy};
    RolloutResult result;
    EXPECT_THAT(
        worker.Rollout({&request, 1}, [](size_t, uint32_t) { return true; },
                       {&result, 1}),
        IsOk());
    EXPECT_TRUE(result.whole);
    EXPECT_GE(result.times.physics_seconds, 0);
    EXPECT_GE(result.times.inference_seconds, 0);
    return result.segment;
  }
  Digest HashOf(RolloutWorker& worker, uint64_t seed, uint32_t epoch,
                uint32_t block, const PolicyInference& policy) {
    return HashSegment(Run(worker, seed, epoch, block, policy));
  }

  const SmallRun run_;
};

TEST_F(RolloutWorkerTest, AgentsFollowEnvironmentsAcrossBlocks) {
  // Eight environments per agent.
  EXPECT_EQ(run_.population.AgentOf(0, 0), 0u);
  EXPECT_EQ(run_.population.AgentOf(0, 7), 0u);
  EXPECT_EQ(run_.population.AgentOf(0, 8), 1u);
  EXPECT_EQ(run_.population.AgentOf(1, 15), 3u);
  EXPECT_EQ(run_.population.AgentOf(2, 7), 4u);
  // Padding.
  EXPECT_EQ(run_.population.AgentOf(2, 8), 4u);
  EXPECT_EQ(run_.population.AgentOf(2, 15), 4u);
}

TEST_F(RolloutWorkerTest, SegmentIsAPureFunction) {
  const auto policy = run_.MakePolicy(1);
  const auto other_policy = run_.MakePolicy(2);
  std::vector<Digest> wanted;
  for (uint32_t block = 0; block < 3; ++block) {
    wanted.push_back(HashSegment(run_.Reference(7, 3, block, 1)));
  }
  // A used worker, blocks in another order, other work in between.
  const auto worker = run_.MakeWorker();
  for (const uint32_t block : {2u, 0u, 1u, 0u, 2u}) {
    EXPECT_EQ(HashOf(*worker, 7, 3, block, *policy), wanted[block]) << block;
    HashOf(*worker, 8, 4, 2 - block, *other_policy);
  }
  // Other threads, at the same time, on one policy.
  std::vector<std::thread> threads;
  std::vector<Digest> hashes(6);
  for (uint32_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      const auto own = run_.MakeWorker();
      hashes[t] = HashOf(*own, 7, 3, t % 3, *policy);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint32_t t = 0; t < 6; ++t) EXPECT_EQ(hashes[t], wanted[t % 3]);
}

TEST_F(RolloutWorkerTest, AnotherInputIsAnotherSegment) {
  const auto worker = run_.MakeWorker();
  const auto policy = run_.MakePolicy(1);
  const auto other = run_.MakePolicy(2);
  const Digest base = HashOf(*worker, 7, 3, 0, *policy);
  EXPECT_EQ(HashOf(*worker, 7, 3, 0, *policy), base);
  EXPECT_NE(HashOf(*worker, 8, 3, 0, *policy), base);
  EXPECT_NE(HashOf(*worker, 7, 4, 0, *policy), base);
  EXPECT_NE(HashOf(*worker, 7, 3, 1, *policy), base);
  EXPECT_NE(HashOf(*worker, 7, 3, 0, *other), base);
}

TEST_F(RolloutWorkerTest, LanesAreDistinctAndFinite) {
  const Segment segment = run_.Reference(1, 1, 1, 1);
  ASSERT_EQ(segment.shape.rows, 16u);
  const size_t row = size_t{segment.shape.horizon} * segment.shape.act_dim;
  for (size_t lane = 1; lane < 16; ++lane) {
    EXPECT_NE(std::vector<float>(segment.actions.begin(),
                                 segment.actions.begin() + row),
              std::vector<float>(segment.actions.begin() + lane * row,
                                 segment.actions.begin() + (lane + 1) * row));
  }
  for (const std::vector<float>* column :
       {&segment.observations, &segment.actions, &segment.log_probs,
        &segment.features}) {
    for (const float value : *column) ASSERT_TRUE(std::isfinite(value));
  }
}

TEST_F(RolloutWorkerTest, TheLastBlockHasItsEnvironmentsOnly) {
  const Segment segment = run_.Reference(1, 1, 2, 1);
  EXPECT_EQ(segment.shape.rows, 8u);
  EXPECT_EQ(segment.flags.size(), 8u * 20u);
}

// The same by the plain interfaces, lane-minor, one environment at a time.
TEST_F(RolloutWorkerTest, ColumnsAreWhatEnvironmentAndPolicySay) {
  const Segment segment = run_.Reference(5, 2, 1, 1);
  const auto policy = run_.MakePolicy(1);
  const auto env = run_.MakeEnv();
  const EnvironmentSpec& spec = run_.model->spec();
  std::vector<float> obs(spec.obs_dim() * 16), mean(spec.act_dim * 16),
      actions(mean.size()), squashed(mean.size()),
      features(spec.feature_dim() * 16), log_probs(16);
  std::vector<uint8_t> flags(16);
  uint32_t agents[16];
  for (uint32_t lane = 0; lane < 16; ++lane) agents[lane] = (16 + lane) / 8;
  PolicyInference::Scratch scratch;
  env->Reset(5, 2, 16);
  for (uint32_t t = 0; t < run_.population.horizon; ++t) {
    env->Observe(obs.data());
    policy->Act(obs.data(), agents, {5, 16, 2, t}, scratch, mean.data(),
                actions.data(), squashed.data(), log_probs.data());
    env->Step(squashed.data(), features.data(), flags.data());
    for (size_t lane = 0; lane < 16; ++lane) {
      const size_t sample = lane * run_.population.horizon + t;
      for (size_t d = 0; d < spec.obs_dim(); ++d) {
        ASSERT_EQ(segment.observations[sample * spec.obs_dim() + d],
                  obs[d * 16 + lane]);
      }
      for (size_t d = 0; d < spec.act_dim; ++d) {
        ASSERT_EQ(segment.actions[sample * spec.act_dim + d],
                  actions[d * 16 + lane]);
      }
      for (size_t d = 0; d < spec.feature_dim(); ++d) {
        ASSERT_EQ(segment.features[sample * spec.feature_dim() + d],
                  features[d * 16 + lane]);
      }
      ASSERT_EQ(segment.log_probs[sample], log_probs[lane]);
      ASSERT_EQ(segment.flags[sample], flags[lane]);
    }
  }
}

TEST_F(RolloutWorkerTest, ProgressComesStepByStepAndCanAbandon) {
  const auto worker = run_.MakeWorker();
  const auto policy = run_.MakePolicy(1);
  RolloutRequest request{7, 3, 0, run_.population, policy.get()};
  std::vector<uint32_t> steps;
  RolloutResult result;
  result.whole = true;
  EXPECT_THAT(worker->Rollout({&request, 1},
                              [&steps](size_t, uint32_t done) {
                                steps.push_back(done);
                                return done < 5;
                              },
                              {&result, 1}),
              IsOk());
  EXPECT_FALSE(result.whole);
  EXPECT_EQ(steps, (std::vector<uint32_t>{1, 2, 3, 4, 5}));
  // An abandoned rollout leaves nothing behind.
  EXPECT_EQ(HashOf(*worker, 7, 3, 0, *policy),
            HashSegment(run_.Reference(7, 3, 0, 1)));
}

// Puts a lane back at step 3, as an environment whose state blew up does.
class BlowingUpEnv : public VectorEnv {
 public:
  void Reset(uint64_t, uint32_t, uint32_t) override { step_ = 0; }
  void Observe(float* observations) const override {
    for (int i = 0; i < 2 * 16; ++i) observations[i] = 0;
  }
  void Step(const float*, float* features, uint8_t* flags) override {
    for (int i = 0; i < 2 * 16; ++i) features[i] = 0;
    for (int lane = 0; lane < 16; ++lane) {
      flags[lane] =
          step_ == 3 && lane >= 7 ? kSampleNonfinite : kSampleUpsideDown;
    }
    ++step_;
  }

 private:
  int step_ = 0;
};

class ZeroPolicy : public PolicyInference {
 public:
  void Act(const float*, const uint32_t*, const ActionNoiseKey&, Scratch&,
           float* mean, float* actions, float* squashed,
           float* log_probs) const override {
    for (int i = 0; i < 16; ++i) {
      mean[i] = actions[i] = squashed[i] = log_probs[i] = 0;
    }
  }
  void Means(const float*, Scratch&, float*) const override {}
  uint64_t FlopsPerBlock() const override { return 0; }
};

TEST_F(RolloutWorkerTest, CountsNonFiniteStatesOfExistingEnvironments) {
  EnvironmentSpec spec;
  spec.act_dim = 1;
  spec.observation.resize(2);
  spec.features = {"x", "y"};
  RolloutWorker worker(std::make_unique<BlowingUpEnv>(), spec);
  const ZeroPolicy policy;
  // The last block has eight environments: lane 7 counts, padding does not.
  RolloutRequest request{1, 1, 1, {24, 3, 6}, &policy};
  RolloutResult result;
  const auto on = [](size_t, uint32_t) { return true; };
  ASSERT_THAT(worker.Rollout({&request, 1}, on, {&result, 1}), IsOk());
  EXPECT_EQ(result.segment.nonfinite, 1u);
  request.block = 0;
  ASSERT_THAT(worker.Rollout({&request, 1}, on, {&result, 1}), IsOk());
  EXPECT_EQ(result.segment.nonfinite, 9u);
}

}  // namespace
}  // namespace kmyriad
