#include "entropy_service/epoch_evaluation.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/metrics/metrics_registry.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

class EpochEvaluationTest : public testing::Test {
 protected:
  EpochEvaluationTest() : epoch_(TestEpoch::Uniform()), log_weights_(600) {
    epoch_.request.keep_neighbors = true;
    for (size_t i = 0; i < 600; i += 9) epoch_.mask[i] = 0;
    SeededRandom random(6);
    for (float& weight : log_weights_) {
      weight = static_cast<float>(0.2 * random.Normal());
    }
  }
  std::shared_ptr<const ScoredEpoch> Scored() {
    EntropyEngineOptions options;
    options.threads = 2;
    auto engine = EntropyEngine::Create(options, metrics_, clock_);
    EXPECT_THAT(engine, IsOk());
    auto scored = (*engine)->Score(epoch_.Particles(), nullptr);
    EXPECT_THAT(scored, IsOk());
    return *scored;
  }
  EpochEvaluation Evaluation(WeightedForm form) {
    auto evaluation = EpochEvaluation::Create(Scored(), form);
    EXPECT_THAT(evaluation, IsOk());
    return *std::move(evaluation);
  }
  std::string Bytes(size_t first, size_t count) const {
    return std::string(
        reinterpret_cast<const char*>(log_weights_.data() + first),
        count * sizeof(float));
  }

  MetricsRegistry registry_;
  EntropyMetrics metrics_{registry_};
  FakeClock clock_;
  TestEpoch epoch_;
  std::vector<float> log_weights_;
};

TEST_F(EpochEvaluationTest, EqualWeightsGiveTheScoresOfTheEpoch) {
  log_weights_.assign(600, 0);
  // As many masked particles in each agent, so that all weights are equal.
  epoch_.mask.assign(600, 1);
  for (size_t i = 0; i < 600; i += 10) epoch_.mask[i] = 0;
  epoch_.request.reward = RewardKind::kSelfnormReverse;
  const auto scored = Scored();
  auto evaluation = Evaluation(WeightedForm::kSelfNormalized);
  ASSERT_THAT(evaluation.Append(0, Bytes(0, 600)), IsOk());
  const EvaluatedEpoch result = evaluation.Compute();
  EXPECT_NEAR(result.entropy_nats, scored->entropy_nats, 1e-12);
  EXPECT_NEAR(result.kl_nats, 0, 1e-12);
  EXPECT_NEAR(result.effective_samples, 540, 1e-9);
  ASSERT_EQ(result.agent_effective_samples.size(), 3u);
  // The gradient is the reward up to each agent's own mean and 1 / N.
  for (uint32_t agent = 0; agent < 3; ++agent) {
    double mean = 0;
    for (size_t i = agent * 200; i < agent * 200 + 200; ++i) {
      if (epoch_.mask[i] != 0) mean += scored->rewards[i] / 180;
    }
    EXPECT_NEAR(result.agent_effective_samples[agent], 180, 1e-9);
    for (size_t i = agent * 200; i < agent * 200 + 200; ++i) {
      EXPECT_NEAR(540 * result.entropy_gradient[i],
                  epoch_.mask[i] != 0 ? scored->rewards[i] - mean : 0, 1e-4);
    }
  }
}

TEST_F(EpochEvaluationTest, ChunksOfAnySizeGiveTheSameBits) {
  auto whole = Evaluation(WeightedForm::kMepol);
  ASSERT_THAT(whole.Append(0, Bytes(0, 600)), IsOk());
  auto parts = Evaluation(WeightedForm::kMepol);
  for (size_t first = 0; first < 600; first += 75) {
    EXPECT_FALSE(parts.complete());
    ASSERT_THAT(parts.Append(first, Bytes(first, 75)), IsOk());
  }
  ASSERT_TRUE(parts.complete());
  const EvaluatedEpoch a = whole.Compute();
  const EvaluatedEpoch b = parts.Compute();
  EXPECT_EQ(a.entropy_nats, b.entropy_nats);
  EXPECT_EQ(a.kl_nats, b.kl_nats);
  EXPECT_EQ(a.entropy_gradient, b.entropy_gradient);
}

TEST_F(EpochEvaluationTest, MaskedParticlesCountNothing) {
  auto evaluation = Evaluation(WeightedForm::kSelfNormalized);
  ASSERT_THAT(evaluation.Append(0, Bytes(0, 600)), IsOk());
  const EvaluatedEpoch expected = evaluation.Compute();
  for (size_t i = 0; i < 600; i += 9) {
    log_weights_[i] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(expected.entropy_gradient[i], 0);
  }
  auto other = Evaluation(WeightedForm::kSelfNormalized);
  ASSERT_THAT(other.Append(0, Bytes(0, 600)), IsOk());
  EXPECT_EQ(other.Compute().entropy_gradient, expected.entropy_gradient);
}

TEST_F(EpochEvaluationTest, BadChunksAreRefusedAndChangeNothing) {
  auto evaluation = Evaluation(WeightedForm::kSelfNormalized);
  ASSERT_THAT(evaluation.Append(0, Bytes(0, 200)), IsOk());
  const auto refused = [&](uint64_t first, const std::string& bytes,
                           const char* names) {
    EXPECT_THAT(evaluation.Append(first, bytes),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(names)));
  };
  refused(0, Bytes(0, 200), "expected particle 200");
  refused(201, Bytes(201, 10), "expected particle 200");
  refused(200, "", "0 bytes after 200");
  refused(200, Bytes(200, 10) + "x", "41 bytes");
  refused(200, std::string(401 * 4, '\0'), "has 600 particles");
  log_weights_[311] = 300.5f;
  refused(200, Bytes(200, 400), "log_weight of particle 311 = 300.5");
  log_weights_[311] = std::numeric_limits<float>::quiet_NaN();
  refused(200, Bytes(200, 400), "particle 311 = nan");
  log_weights_[311] = -300;
  EXPECT_EQ(evaluation.received(), 200u);
  ASSERT_THAT(evaluation.Append(200, Bytes(200, 400)), IsOk());
  EXPECT_TRUE(std::isfinite(evaluation.Compute().entropy_nats));
}

TEST_F(EpochEvaluationTest, AnEpochWithoutNeighboursIsAFailedPrecondition) {
  epoch_.request.keep_neighbors = false;
  EXPECT_THAT(EpochEvaluation::Create(Scored(), WeightedForm::kMepol).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("keep_neighbors")));
}

}  // namespace
}  // namespace kmyriad
