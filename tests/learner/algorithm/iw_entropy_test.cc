#include "learner/algorithm/iw_entropy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "common/math/normal.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/estimator/graph_of.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kAgents = 3;
constexpr uint32_t kEnvs = 6;
constexpr uint32_t kHorizon = 20;
constexpr uint32_t kNeighbors = 4;
constexpr size_t kSamples = kEnvs * kHorizon;
constexpr size_t kParameters = 5;
using Parameters = std::vector<double>;

// Walkers on a line: u ~ N(a x + b t / T + c_agent, 1), x += u / 4. Five
// parameters, whose densities and gradients can be written down.
class Walkers : public AscendingPolicy {
 public:
  Walkers() : measured_(Walk()) {}

  absl::StatusOr<std::vector<float>> LogDensities() override {
    std::vector<float> densities(kSamples);
    for (size_t i = 0; i < kSamples; ++i) {
      densities[i] = static_cast<float>(LogDensity(parameters, i));
    }
    return densities;
  }
  absl::Status Differentiate(const std::vector<float>& given) override {
    factors = given;
    gradient.assign(kParameters, 0);
    for (size_t i = 0; i < kSamples; ++i) {
      const double z = actions_[i] - Mean(parameters, i);
      gradient[0] += given[i] * z * places_[i];
      gradient[1] += given[i] * z * Time(i);
      gradient[2 + Agent(i)] += given[i] * z;
    }
    if (on_gradient) on_gradient();
    return absl::OkStatus();
  }
  void Step(double rate) override {
    for (size_t p = 0; p < kParameters; ++p)
      parameters[p] += rate * gradient[p];
  }
  void Keep() override { kept_ = parameters; }
  void GoBack() override { parameters = kept_; }

  WeightedEntropy Entropy(const std::vector<double>& log_weights,
                          WeightedForm form) const {
    std::vector<uint32_t> groups(kSamples);
    for (size_t i = 0; i < kSamples; ++i) groups[i] = Agent(i);
    return EvaluateWeights(
        {measured_.graph, measured_.log_volumes, groups, kAgents},
        NeighborSet::kSelfAndNearest, form, log_weights);
  }
  // H of the walk reweighted to other parameters, in double throughout.
  double EntropyAt(const Parameters& at, WeightedForm form) const {
    std::vector<double> log_weights(kSamples);
    double sum = 0;
    for (size_t i = 0; i < kSamples; ++i) {
      if (i % kHorizon == 0) sum = 0;
      sum += LogDensity(at, i) - LogDensity(Parameters(kParameters), i);
      log_weights[i] = sum;
    }
    return Entropy(log_weights, form).entropy_nats;
  }
  WeightsEvaluator Evaluator(WeightedForm form) const {
    return [this, form](const std::vector<float>& log_weights)
               -> absl::StatusOr<WeightedValue> {
      const WeightedEntropy worth =
          Entropy({log_weights.begin(), log_weights.end()}, form);
      return WeightedValue{
          worth.entropy_nats,
          worth.kl_nats,
          worth.effective_samples,
          {worth.entropy_gradient.begin(), worth.entropy_gradient.end()}};
    };
  }
  const NeighborGraph& graph() const { return measured_.graph; }
  const std::vector<double>& log_volumes() const {
    return measured_.log_volumes;
  }

  Parameters parameters = Parameters(kParameters);
  Parameters gradient;
  std::vector<float> factors;
  std::function<void()> on_gradient;

  static uint32_t Agent(size_t sample) {
    return static_cast<uint32_t>(sample / kHorizon / (kEnvs / kAgents));
  }

 private:
  static double Time(size_t sample) {
    return static_cast<double>(sample % kHorizon) / kHorizon;
  }
  double Mean(const Parameters& at, size_t i) const {
    return at[0] * places_[i] + at[1] * Time(i) + at[2 + Agent(i)];
  }
  double LogDensity(const Parameters& at, size_t i) const {
    const double z = actions_[i] - Mean(at, i);
    return -0.5 * z * z - 0.9189385332046727;
  }
  // Under the parameters 0.
  TestGraph Walk() {
    std::vector<float> reached;
    double place = 0;
    for (uint32_t i = 0; i < kSamples; ++i) {
      if (i % kHorizon == 0) place = 0;
      places_.push_back(place);
      actions_.push_back(
          double{RunNormals(4, RandomStream::kEvaluation, i, 0, 0, 0).first});
      place += actions_.back() / 4;
      reached.push_back(static_cast<float>(place));
    }
    return GraphOf(reached, 1, kNeighbors);
  }

  std::vector<double> places_;
  std::vector<double> actions_;
  TestGraph measured_;
  Parameters kept_;
};

constexpr IwEntropyOptions kWide = {5, 100, 1000, 0};

TEST(IwEntropyTest, GradientsAreThoseOfFiniteDifferences) {
  for (const WeightedForm form :
       {WeightedForm::kSelfNormalized, WeightedForm::kMepol}) {
    Walkers walkers;
    int gradients = 0;
    walkers.on_gradient = [&] {
      ++gradients;
      for (size_t p = 0; p < kParameters; ++p) {
        constexpr double kStep = 1e-5;
        Parameters above = walkers.parameters;
        Parameters below = walkers.parameters;
        above[p] += kStep;
        below[p] -= kStep;
        const double difference =
            (walkers.EntropyAt(above, form) - walkers.EntropyAt(below, form)) /
            (2 * kStep);
        // Times the number of agents.
        EXPECT_NEAR(walkers.gradient[p] / kAgents, difference,
                    1e-4 * (1 + std::abs(difference)))
            << "parameter " << p << " at step " << gradients;
      }
    };
    const auto stats = AscendIwEntropy(kWide, kAgents, kEnvs, kHorizon, 0.01,
                                       walkers, walkers.Evaluator(form));
    ASSERT_THAT(stats, IsOk());
    // Where the samples were drawn, and away from there.
    EXPECT_EQ(gradients, 5);
    EXPECT_GT(std::abs(walkers.parameters[2]), 0.01);
    EXPECT_GT(stats->entropy_nats, stats->entropy_before_nats + 0.01);
    EXPECT_NEAR(stats->entropy_nats,
                walkers.EntropyAt(walkers.parameters, form), 1e-5);
  }
}

// g_j = (1/k) sum_{i: j in N_i} (ln(N V_i / k) - 1) with respect to w_j
// (method.md 1.5), then through weights that are normalised per agent.
TEST(IwEntropyTest, AtEqualWeightsTheGradientIsTheClosedForm) {
  Walkers walkers;
  IwEntropyOptions options = kWide;
  options.steps = 1;
  ASSERT_THAT(AscendIwEntropy(options, kAgents, kEnvs, kHorizon, 0, walkers,
                              walkers.Evaluator(WeightedForm::kMepol)),
              IsOk());
  std::vector<double> g(kSamples);
  for (size_t i = 0; i < kSamples; ++i) {
    const double slope = (std::log(double{kSamples} / kNeighbors) +
                          walkers.log_volumes()[i] - 1) /
                         kNeighbors;
    ForEachMember(walkers.graph(), NeighborSet::kSelfAndNearest, i,
                  [&](size_t j) { g[j] += slope; });
  }
  double mean[kAgents] = {};
  for (size_t j = 0; j < kSamples; ++j) {
    mean[Walkers::Agent(j)] += g[j] * kAgents / kSamples;
  }
  double sum = 0;
  for (size_t j = kSamples; j-- > 0;) {
    if (j % kHorizon == kHorizon - 1) sum = 0;
    sum += (g[j] - mean[Walkers::Agent(j)]) / kSamples;
    EXPECT_NEAR(walkers.factors[j], kAgents * sum, 1e-6) << j;
  }
}

// One number; what it is worth, and where the trust region ends, is said by the
// test.
class Dot : public AscendingPolicy {
 public:
  explicit Dot(size_t samples) : samples_(samples) {}
  absl::StatusOr<std::vector<float>> LogDensities() override {
    return std::vector<float>(samples_, static_cast<float>(place));
  }
  absl::Status Differentiate(const std::vector<float>& given) override {
    factors = given;
    return absl::OkStatus();
  }
  void Step(double rate) override { place += rate; }
  void Keep() override { kept_ = place; }
  void GoBack() override { place = kept_; }
  double place = 0;
  std::vector<float> factors;

 private:
  const size_t samples_;
  double kept_ = 0;
};

WeightedValue ValueAt(const std::vector<float>& log_weights) {
  return {log_weights[0], 0, 100, std::vector<float>(log_weights.size(), 1)};
}

TEST(IwEntropyTest, AStepThatLeavesTheRegionIsHalvedAndTheLast) {
  Dot dot(1);
  const auto stats = AscendIwEntropy(
      {5, /*state_kl=*/0.3, 1000, 0}, 1, 1, 1, /*rate=*/0.25, dot,
      [](const std::vector<float>& log_weights)
          -> absl::StatusOr<WeightedValue> {
        WeightedValue value = ValueAt(log_weights);
        value.state_kl_nats = log_weights[0];
        return value;
      });
  ASSERT_THAT(stats, IsOk());
  // 0.25, then 0.5 and 0.375 do not fit, then 0.3125 neither; 0.28125 does.
  EXPECT_EQ(dot.place, 0.28125);
  EXPECT_EQ(stats->steps, 2u);
  EXPECT_EQ(stats->backtracks, 3u);
  EXPECT_EQ(stats->state_kl_nats, 0.28125);
  EXPECT_EQ(stats->entropy_nats, 0.28125);
}

TEST(IwEntropyTest, WhoFindsNoWayOutStaysWhereHeIs) {
  Dot dot(1);
  int calls = 0;
  const auto stats = AscendIwEntropy({5, 0.3, 1000, 0}, 1, 1, 1, 0.25, dot,
                                     [&](const std::vector<float>& log_weights)
                                         -> absl::StatusOr<WeightedValue> {
                                       WeightedValue value =
                                           ValueAt(log_weights);
                                       if (++calls > 1) value.state_kl_nats = 1;
                                       return value;
                                     });
  ASSERT_THAT(stats, IsOk());
  EXPECT_EQ(dot.place, 0);
  EXPECT_EQ(stats->steps, 0u);
  EXPECT_EQ(stats->backtracks, 11u);
  EXPECT_EQ(stats->state_kl_nats, 0);
}

TEST(IwEntropyTest, FewEffectiveSamplesAndAFarPolicyEndItToo) {
  Dot scarce(1);
  const auto few = AscendIwEntropy(
      {5, 100, 1000, /*effective_share=*/0.5}, 1, 1, 1, 0.25, scarce,
      [](const std::vector<float>& log_weights)
          -> absl::StatusOr<WeightedValue> {
        WeightedValue value = ValueAt(log_weights);
        // Half of the 80 at equal weights.
        value.effective_samples = 80 - 100 * log_weights[0];
        return value;
      });
  ASSERT_THAT(few, IsOk());
  EXPECT_LE(scarce.place, 0.4);
  EXPECT_GT(scarce.place, 0.25);
  EXPECT_NEAR(few->effective_share, (80 - 100 * scarce.place) / 80, 1e-5);

  // Ten steps: each ratio counts ten times.
  Dot far(10);
  const auto near = AscendIwEntropy(
      {5, 100, /*policy_kl=*/0.5, 0}, 1, 1, 10, 0.25, far,
      [](const std::vector<float>& log_weights)
          -> absl::StatusOr<WeightedValue> { return ValueAt(log_weights); });
  ASSERT_THAT(near, IsOk());
  EXPECT_GT(far.place, 0.25);
  EXPECT_LE(10 * (std::expm1(far.place) - far.place), 0.5);
  EXPECT_NEAR(near->policy_kl_step_nats, std::expm1(far.place) - far.place,
              1e-6);
}

TEST(IwEntropyTest, LogWeightsAreCutOffAndThenMoveNothing) {
  Dot dot(30);
  std::vector<float> last;
  const auto stats =
      AscendIwEntropy({2, 1e9, 1e9, 0}, 1, 1, 30, /*rate=*/1, dot,
                      [&](const std::vector<float>& log_weights)
                          -> absl::StatusOr<WeightedValue> {
                        last = log_weights;
                        return ValueAt(log_weights);
                      });
  ASSERT_THAT(stats, IsOk());
  EXPECT_EQ(last[4], 10);
  EXPECT_EQ(last[29], 20);
  EXPECT_DOUBLE_EQ(stats->clamped_share, 21.0 / 30);
  // The second gradient was taken at 1: of 1, 2, ..., those from 20 on are cut.
  EXPECT_EQ(dot.factors[18], 1);
  EXPECT_EQ(dot.factors[19], 0);
  EXPECT_EQ(dot.factors[0], 19);
}

TEST(IwEntropyTest, FailuresAndDensitiesThatAreNotFiniteEndIt) {
  Dot dot(1);
  int calls = 0;
  const WeightsEvaluator evaluator = [&](const std::vector<float>& log_weights)
      -> absl::StatusOr<WeightedValue> {
    if (++calls == 2) return absl::CancelledError("given up");
    return ValueAt(log_weights);
  };
  EXPECT_THAT(AscendIwEntropy(kWide, 1, 1, 1, 0.1, dot, evaluator),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("given up")));
  Dot nowhere(1);
  nowhere.place = std::nan("");
  EXPECT_THAT(AscendIwEntropy(kWide, 1, 1, 1, 0.1, nowhere, evaluator),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("not finite")));
  // A step to where nothing is finite is taken back like any other.
  Dot cliff(1);
  const auto stats = AscendIwEntropy(kWide, 1, 1, 1, 1e30, cliff, evaluator);
  ASSERT_THAT(stats, IsOk());
  EXPECT_EQ(cliff.place, 0);
}

}  // namespace
}  // namespace kmyriad
