#include "deploy/launcher/evaluation.h"

#include <vector>

#include "gmock/gmock.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kHorizon = 100;

std::shared_ptr<const EnvironmentModel> Maze() {
  auto model = EnvironmentModel::Create({.task = "point_mass",
                                         .terrain = "maze",
                                         .horizon = kHorizon,
                                         .frame_skip = 1,
                                         .integrator = "none",
                                         .action_scale = 1,
                                         .backend = "none"});
  EXPECT_THAT(model, IsOk());
  return *model;
}

// Two agents that always go one way, whatever they see: the first one east, the
// second one north.
PolicyWeights Walkers() {
  PolicyWeights weights = RandomPolicy({.obs_dim = 3,
                                        .trunk = {16},
                                        .act_dim = 2,
                                        .agents = 2,
                                        .activation = Activation::kTanh},
                                       1);
  std::fill(weights.head_weight.begin(), weights.head_weight.end(), 0.0f);
  weights.head_bias = {4, 0, 0, 4};
  std::fill(weights.head_log_std.begin(), weights.head_log_std.end(), -2.0f);
  return weights;
}

TEST(Evaluate, CountsWhatHappens) {
  const auto model = Maze();
  const EnvironmentSpec& spec = model->spec();
  // The start's row is open for two cells to the east, and closed to the north
  // behind one cell.
  const float x = spec.start_x;
  const float y = spec.start_y;
  const std::vector<GoalTask> goals = {{{"east", x + 1, y, 1}, 0.4f},
                                       {{"north", x, y + 1, 1}, 0.4f},
                                       {{"nowhere", 0, 9, 1}, 0.4f}};
  const auto result = Evaluate(model, Walkers(), goals,
                               {.run_seed = 1, .episodes = 10, .threads = 2});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->scores[0][0].successes, 10u);
  EXPECT_EQ(result->scores[0][1].successes, 0u);
  EXPECT_EQ(result->scores[1][0].successes, 0u);
  EXPECT_EQ(result->scores[1][1].successes, 10u);
  EXPECT_EQ(result->scores[0][2].successes + result->scores[1][2].successes,
            0u);
  // 0.35 to 0.85 of a cell at most 0.15 per step.
  EXPECT_GE(result->scores[0][0].mean_steps(), 2);
  EXPECT_LE(result->scores[0][0].mean_steps(), 8);
  EXPECT_EQ(result->env_steps, 2u * 10 * kHorizon);
  EXPECT_THAT(RankAgents(*result, 0), ElementsAre(0));
  EXPECT_THAT(RankAgents(*result, 1), ElementsAre(1));
  EXPECT_THAT(RankAgents(*result, 2), IsEmpty());
  EXPECT_GE(result->cells_together,
            std::max(result->cells[0], result->cells[1]));
  EXPECT_LE(result->cells_together, result->cells[0] + result->cells[1]);
  EXPECT_LT(result->cells_together, result->cells_reachable);
  // The start's square, and those that each walker comes to before a wall.
  EXPECT_GE(result->unit_squares, 3u);
  EXPECT_LE(result->unit_squares, 12u);
  // As many states of each agent: all of an episode's.
  ASSERT_EQ(result->states.size(), size_t{2} * kHorizon * spec.obs_dim());
  EXPECT_NE(result->states[0], result->states[(kHorizon - 1) * spec.obs_dim()]);
}

TEST(RankAgents, PrefersSuccessesThenSpeedThenOrder) {
  Evaluation evaluation;
  evaluation.scores = {
      {{4, 2, 60}}, {{4, 3, 200}}, {{4, 3, 150}}, {{4, 3, 150}}, {{4, 0, 0}}};
  EXPECT_THAT(RankAgents(evaluation, 0), ElementsAre(2, 3, 1, 0));
}

}  // namespace
}  // namespace kmyriad
