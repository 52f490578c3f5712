#include "deploy/launcher/episodes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/rollout/rollout_worker.h"
#include "common/base/check.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/math/elementary.h"
#include "common/math/philox.h"
#include "common/policy/policy_inference.h"

namespace kmyriad {
namespace {

// Acts with the mean: what the policy would do without noise.
class MeanPolicy : public PolicyInference {
 public:
  explicit MeanPolicy(const PolicyInference& policy, uint32_t act_dim)
      : policy_(policy), act_dim_(act_dim) {}

  void Act(const float* observations, const uint32_t* agents,
           const ActionNoiseKey& noise, Scratch& scratch, float* mean,
           float* actions, float* squashed, float* log_probs) const override {
    policy_.Act(observations, agents, noise, scratch, mean, actions, squashed,
                log_probs);
    for (uint32_t i = 0; i < act_dim_ * kBlockLanes; ++i) {
      actions[i] = mean[i];
      squashed[i] = Tanh(mean[i]);
    }
  }
  void Means(const float* observations, Scratch& scratch,
             float* means) const override {
    policy_.Means(observations, scratch, means);
  }
  uint64_t FlopsPerBlock() const override { return policy_.FlopsPerBlock(); }

 private:
  const PolicyInference& policy_;
  const uint32_t act_dim_;
};

uint64_t EvaluationSeed(const EpisodeOptions& options) {
  const PhiloxBlock random =
      RunRandom(options.run_seed, RandomStream::kEvaluation, options.set,
                options.epoch, 0, 0);
  return (uint64_t{random.word[1]} << 32) | random.word[0];
}

void VisitRows(const Segment& segment, uint32_t block, uint32_t episodes,
               const std::function<void(const Episode&)>& visit) {
  const SegmentShape& shape = segment.shape;
  for (uint32_t row = 0; row < shape.rows; ++row) {
    const uint32_t env = block * kBlockLanes + row;
    const size_t first = size_t{row} * shape.horizon;
    visit({env / episodes,
           env % episodes,
           shape.horizon,
           {segment.observations.data() + first * shape.obs_dim,
            segment.actions.data() + first * shape.act_dim,
            segment.log_probs.data() + first,
            segment.features.data() + first * shape.feature_dim,
            segment.flags.data() + first}});
  }
}

}  // namespace

absl::Status RunEpisodes(std::shared_ptr<const EnvironmentModel> model,
                         const PolicyWeights& weights,
                         const EpisodeOptions& options,
                         const std::function<void(const Episode&)>& visit) {
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<PolicyInference> sampled,
                           PolicyInference::Create(weights, level));
  const MeanPolicy mean(*sampled, weights.shape.act_dim);
  RolloutRequest request;
  request.seed = EvaluationSeed(options);
  request.epoch = options.epoch;
  request.population = {weights.agent_count * options.episodes,
                        weights.agent_count, model->options().horizon};
  request.policy = options.mean_actions
                       ? static_cast<const PolicyInference*>(&mean)
                       : sampled.get();
  const uint32_t blocks = request.population.blocks();
  const size_t threads = std::min<size_t>(options.threads, blocks);
  std::vector<std::unique_ptr<RolloutWorker>> workers;
  for (size_t i = 0; i < threads; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<VectorEnv> env,
                             VectorEnv::Create(model));
    workers.push_back(
        std::make_unique<RolloutWorker>(std::move(env), model->spec()));
  }
  std::atomic<uint32_t> next{0};
  const auto work = [&](size_t worker) {
    RolloutRequest mine = request;
    RolloutResult result;
    for (mine.block = next++; mine.block < blocks; mine.block = next++) {
      const absl::Status status = workers[worker]->Rollout(
          {&mine, 1}, [](size_t, uint32_t) { return true; }, {&result, 1});
      KMYRIAD_CHECK(status.ok() && result.whole);
      VisitRows(result.segment, mine.block, options.episodes, visit);
    }
  };
  if (threads == 1) {
    work(0);
  } else {
    ThreadPool(static_cast<int>(threads) - 1).ParallelFor(threads, work);
  }
  return absl::OkStatus();
}

int64_t CoverageCellOf(const CoverageGrid& grid, float x, float y) {
  const auto along = [&grid](float value, float low, uint32_t count) {
    const float cell = std::floor((value - low) / grid.cell_size);
    // Written so that what is not a number lies outside.
    if (!(cell >= 0 && cell < static_cast<float>(count))) return int64_t{-1};
    return static_cast<int64_t>(cell);
  };
  const int64_t column = along(x, grid.x_min, grid.nx);
  const int64_t row = along(y, grid.y_min, grid.ny);
  return column < 0 || row < 0 ? -1 : row * grid.nx + column;
}

void CellSet::Add(const Episode& episode, uint32_t feature_dim) {
  for (uint32_t t = 0; t < episode.steps; ++t) {
    if ((episode.view.flags[t] & kSampleMasked) != 0) continue;
    const float* place = episode.view.features + size_t{t} * feature_dim;
    const int64_t cell = CoverageCellOf(grid_, place[0], place[1]);
    if (cell >= 0 && grid_.reachable[cell] != 0) hit_[cell] = 1;
  }
}

void CellSet::Add(const CellSet& other) {
  for (size_t i = 0; i < hit_.size(); ++i) hit_[i] |= other.hit_[i];
}

uint64_t CellSet::reached() const {
  return static_cast<uint64_t>(std::count(hit_.begin(), hit_.end(), 1));
}

}  // namespace kmyriad
