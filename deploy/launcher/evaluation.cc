#include "deploy/launcher/evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

using UnitSquares = std::set<std::pair<int32_t, int32_t>>;

UnitSquares SquaresOf(const Episode& episode, uint32_t feature_dim) {
  // No terrain is as wide; what is not a number lies outside as well.
  constexpr float kWidest = 1e6f;
  UnitSquares squares;
  for (uint32_t t = 0; t < episode.steps; ++t) {
    if ((episode.view.flags[t] & kSampleMasked) != 0) continue;
    const float* place = episode.view.features + size_t{t} * feature_dim;
    if (!(std::abs(place[0]) < kWidest && std::abs(place[1]) < kWidest)) {
      continue;
    }
    squares.emplace(static_cast<int32_t>(std::floor(place[0])),
                    static_cast<int32_t>(std::floor(place[1])));
  }
  return squares;
}

// `count` observations of an episode, evenly spaced.
void CopyStates(const Episode& episode, uint32_t obs_dim, uint32_t count,
                float* states) {
  for (uint32_t i = 0; i < count; ++i) {
    const size_t step = size_t{i} * episode.steps / count;
    std::copy_n(episode.view.observations + step * obs_dim, obs_dim,
                states + size_t{i} * obs_dim);
  }
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(
    const std::shared_ptr<const EnvironmentModel>& model,
    const PolicyWeights& weights, const std::vector<GoalTask>& goals,
    const EpisodeOptions& options) {
  const EnvironmentSpec& spec = model->spec();
  const uint32_t agents = weights.agent_count;
  const uint32_t horizon = model->options().horizon;
  const uint32_t states_each = std::clamp(kMostStates / agents, 1u, horizon);
  const size_t states_size = size_t{states_each} * spec.obs_dim();
  Evaluation result;
  result.scores.assign(agents, std::vector<GoalScore>(goals.size()));
  result.states.resize(agents * states_size);
  std::vector<CellSet> cells(agents, CellSet(spec.coverage));
  UnitSquares squares;
  // Held while an episode is added; in sets and integer sums their order does
  // not matter.
  absl::Mutex mutex;
  KMYRIAD_RETURN_IF_ERROR(
      RunEpisodes(model, weights, options, [&](const Episode& episode) {
        UnitSquares own = SquaresOf(episode, spec.feature_dim());
        absl::MutexLock lock(&mutex);
        squares.merge(own);
        cells[episode.agent].Add(episode, spec.feature_dim());
        if (episode.number == 0) {
          CopyStates(episode, spec.obs_dim(), states_each,
                     result.states.data() + episode.agent * states_size);
        }
        for (size_t goal = 0; goal < goals.size(); ++goal) {
          const uint32_t step = FirstStepAtGoal(
              goals[goal], episode.view.features, spec.feature_dim(),
              episode.view.flags, episode.steps);
          const bool there = step < horizon;
          result.scores[episode.agent][goal].Add(
              {1, there ? 1u : 0u, there ? uint64_t{step} + 1 : 0});
        }
      }));
  result.unit_squares = squares.size();
  result.env_steps = uint64_t{agents} * options.episodes * horizon;
  result.cells_reachable = static_cast<uint64_t>(
      std::count(spec.coverage.reachable.begin(), spec.coverage.reachable.end(),
                 uint8_t{1}));
  CellSet together(spec.coverage);
  for (const CellSet& own : cells) {
    together.Add(own);
    result.cells.push_back(own.reached());
  }
  result.cells_together = together.reached();
  return result;
}

std::vector<uint32_t> RankAgents(const Evaluation& evaluation, size_t goal) {
  std::vector<uint32_t> successes;
  std::vector<uint64_t> steps;
  for (const std::vector<GoalScore>& scores : evaluation.scores) {
    successes.push_back(scores[goal].successes);
    steps.push_back(scores[goal].steps);
  }
  return RankBySuccess(successes, steps);
}

}  // namespace kmyriad
