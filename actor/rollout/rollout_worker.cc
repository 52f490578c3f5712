#include "actor/rollout/rollout_worker.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/clock.h"

namespace kmyriad {
namespace {

// [dim, 16] to the lanes' rows of a [rows, horizon, dim] column.
template <typename T>
void StoreColumn(const T* step_values, uint32_t dim, uint32_t step,
                 const SegmentShape& shape, std::vector<T>& column) {
  for (size_t lane = 0; lane < shape.rows; ++lane) {
    T* out = column.data() + (lane * shape.horizon + step) * dim;
    for (size_t i = 0; i < dim; ++i) {
      out[i] = step_values[i * kBlockLanes + lane];
    }
  }
}

}  // namespace

RolloutWorker::RolloutWorker(std::unique_ptr<VectorEnv> env,
                             const EnvironmentSpec& spec)
    : env_(std::move(env)),
      obs_dim_(spec.obs_dim()),
      act_dim_(spec.act_dim),
      feature_dim_(spec.feature_dim()),
      observations_(size_t{obs_dim_} * kBlockLanes),
      mean_(size_t{act_dim_} * kBlockLanes),
      actions_(size_t{act_dim_} * kBlockLanes),
      squashed_(size_t{act_dim_} * kBlockLanes),
      features_(size_t{feature_dim_} * kBlockLanes) {}

void RolloutWorker::StoreStep(uint32_t step, Segment& segment) const {
  const SegmentShape& shape = segment.shape;
  StoreColumn(observations_.data(), obs_dim_, step, shape,
              segment.observations);
  StoreColumn(actions_.data(), act_dim_, step, shape, segment.actions);
  StoreColumn(log_probs_, 1, step, shape, segment.log_probs);
  StoreColumn(features_.data(), feature_dim_, step, shape, segment.features);
  StoreColumn(flags_, 1, step, shape, segment.flags);
  for (uint32_t lane = 0; lane < shape.rows; ++lane) {
    if ((flags_[lane] & kSampleNonfinite) != 0) ++segment.nonfinite;
  }
}

absl::Status RolloutWorker::Rollout(absl::Span<const RolloutRequest> requests,
                                    const Progress& progress,
                                    absl::Span<RolloutResult> results) {
  KMYRIAD_CHECK(requests.size() == 1 && results.size() == 1);
  const RolloutRequest& request = requests[0];
  RolloutResult& result = results[0];
  KMYRIAD_CHECK(request.block < request.population.blocks());
  const auto* policy = dynamic_cast<const PolicyInference*>(request.policy);
  KMYRIAD_CHECK(policy != nullptr);
  ShapeSegment(request, {0, 0, obs_dim_, act_dim_, feature_dim_},
               result.segment);
  result.whole = false;
  uint32_t agents[kBlockLanes];
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    agents[lane] = request.population.AgentOf(request.block, lane);
  }
  const uint32_t first_env = request.block * kBlockLanes;
  Clock& clock = RealClock();
  RolloutTimes& times = result.times;
  times = {};
  double mark = clock.MonotonicSeconds();
  const auto lap = [&clock, &mark](double& sum) {
    const double now = clock.MonotonicSeconds();
    sum += now - mark;
    mark = now;
  };
  env_->Reset(request.seed, request.epoch, first_env);
  for (uint32_t step = 0; step < request.population.horizon; ++step) {
    env_->Observe(observations_.data());
    lap(times.physics_seconds);
    policy->Act(observations_.data(), agents,
                {request.seed, first_env, request.epoch, step}, scratch_,
                mean_.data(), actions_.data(), squashed_.data(), log_probs_);
    lap(times.inference_seconds);
    env_->Step(squashed_.data(), features_.data(), flags_);
    lap(times.physics_seconds);
    StoreStep(step, result.segment);
    if (!progress(0, step + 1)) return absl::OkStatus();
    // Storing and sending count as neither.
    mark = clock.MonotonicSeconds();
  }
  result.whole = true;
  return absl::OkStatus();
}

}  // namespace kmyriad
