#include "deploy/launcher/episodes.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/math/elementary.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr uint32_t kAgents = 7;
constexpr uint32_t kHorizon = 40;

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

PolicyWeights Policy() {
  return RandomPolicy({.obs_dim = 3,
                       .trunk = {32},
                       .act_dim = 2,
                       .agents = kAgents,
                       .activation = Activation::kTanh},
                      3);
}

// Digest of every episode, [agent, number].
std::vector<std::string> Digests(const PolicyWeights& policy,
                                 const EpisodeOptions& options) {
  std::vector<std::string> digests(kAgents * options.episodes);
  const absl::Status status =
      RunEpisodes(Maze(), policy, options, [&](const Episode& episode) {
        Sha256 hash;
        HashLane({1, episode.steps, 3, 2, 2}, episode.view, hash);
        std::string& digest =
            digests[episode.agent * options.episodes + episode.number];
        EXPECT_TRUE(digest.empty()) << "visited twice";
        EXPECT_EQ(episode.steps, kHorizon);
        digest = ToHex(hash.Finish());
      });
  EXPECT_THAT(status, IsOk());
  for (const std::string& digest : digests) EXPECT_FALSE(digest.empty());
  return digests;
}

TEST(Episodes, DependOnTheirOptionsAlone) {
  const EpisodeOptions options{.run_seed = 9, .epoch = 4, .episodes = 5};
  const std::vector<std::string> once = Digests(Policy(), options);
  EpisodeOptions threads = options;
  threads.threads = 3;
  EXPECT_EQ(Digests(Policy(), threads), once);
  for (size_t i = 1; i < once.size(); ++i) EXPECT_NE(once[i], once[0]);
  for (int change = 0; change < 4; ++change) {
    EpisodeOptions other = options;
    if (change == 0) other.run_seed = 10;
    if (change == 1) other.epoch = 5;
    if (change == 2) other.set = 1;
    if (change == 3) other.mean_actions = true;
    EXPECT_NE(Digests(Policy(), other)[3], once[3]) << change;
  }
}

TEST(Episodes, AnAgentActsWithItsOwnHead) {
  const EpisodeOptions options{.run_seed = 9, .epoch = 4, .episodes = 3};
  const std::vector<std::string> before = Digests(Policy(), options);
  PolicyWeights changed = Policy();
  // Bias of agent 2.
  changed.head_bias[2 * 2] += 1;
  const std::vector<std::string> after = Digests(changed, options);
  for (uint32_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i] == before[i], i / 3 != 2) << i;
  }
}

TEST(Episodes, MeanActionsLeadWhereTheMeanLeads) {
  const EpisodeOptions options{
      .run_seed = 9, .epoch = 4, .episodes = 1, .mean_actions = true};
  const absl::Status status =
      RunEpisodes(Maze(), Policy(), options, [](const Episode& episode) {
        for (uint32_t t = 0; t + 1 < episode.steps; ++t) {
          for (int axis = 0; axis < 2; ++axis) {
            // Arena of +-3; walls only ever shorten a step.
            const float moved =
                3 * (episode.view.observations[3 * (t + 1) + axis] -
                     episode.view.observations[3 * t + axis]);
            const float wanted =
                0.15f * Tanh(episode.view.actions[2 * t + axis]);
            EXPECT_LE(std::abs(moved), std::abs(wanted) + 1e-5f);
          }
        }
      });
  EXPECT_THAT(status, IsOk());
}

TEST(CoverageCells, AreCountedOnceAndOnlyIfReachable) {
  const CoverageGrid grid{.x_min = -1,
                          .y_min = 0,
                          .cell_size = 0.5f,
                          .nx = 4,
                          .ny = 2,
                          .reachable = {1, 1, 1, 1, 0, 1, 1, 1}};
  EXPECT_EQ(CoverageCellOf(grid, -1, 0), 0);
  EXPECT_EQ(CoverageCellOf(grid, 0.99f, 0.99f), 7);
  EXPECT_EQ(CoverageCellOf(grid, 1, 0), -1);
  EXPECT_EQ(CoverageCellOf(grid, 0, -0.01f), -1);
  EXPECT_EQ(CoverageCellOf(grid, std::numeric_limits<float>::quiet_NaN(), 0),
            -1);
  const std::vector<float> features = {-1,    0,    -0.9f, 0.1f, 0.6f, 0.6f,
                                       -0.9f, 0.9f, 0.1f,  0.1f, 5,    5};
  std::vector<uint8_t> flags = {0, 0, 0, 0, kSampleOutside, 0};
  Episode episode;
  episode.steps = 6;
  episode.view.features = features.data();
  episode.view.flags = flags.data();
  CellSet cells(grid);
  cells.Add(episode, 2);
  // Cells 0 (twice) and 7; 4 is out of reach, the fifth sample masked.
  EXPECT_EQ(cells.reached(), 2u);
  flags[4] = 0;
  CellSet more(grid);
  more.Add(episode, 2);
  EXPECT_EQ(more.reached(), 3u);
  cells.Add(more);
  EXPECT_EQ(cells.reached(), 3u);
}

}  // namespace
}  // namespace kmyriad
