#include "actor/rollout/cuda/device_rollout.h"

#include <algorithm>
#include <utility>

#include "actor/env/tasks/ant.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/overflow_log.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace kmyriad {

DeviceRollout::DeviceRollout(std::shared_ptr<const EnvironmentModel> model,
                             std::unique_ptr<SegmentDevice> device,
                             uint32_t batch)
    : model_(std::move(model)),
      device_(std::move(device)),
      batch_(batch),
      policy_(*device_),
      walls_(*device_),
      layers_(*device_),
      first_env_(*device_),
      agent_(*device_),
      observations_(*device_),
      actions_(*device_),
      log_probs_(*device_),
      features_(*device_),
      flags_(*device_) {}

absl::StatusOr<std::unique_ptr<DeviceRollout>> DeviceRollout::Create(
    std::shared_ptr<const EnvironmentModel> model,
    std::unique_ptr<SegmentDevice> device, uint32_t batch) {
  KMYRIAD_CHECK(batch > 0);
  std::unique_ptr<DeviceRollout> rollout(
      new DeviceRollout(std::move(model), std::move(device), batch));
  KMYRIAD_RETURN_IF_ERROR(rollout->Place());
  return rollout;
}

absl::Status DeviceRollout::Place() {
  const AntOnDevice ant = DescribeAnt(*model_);
  const EnvironmentSpec& spec = model_->spec();
  KMYRIAD_ASSIGN_OR_RETURN(const Robot robot,
                           CompileRobot(AntMjcf(ant.physics)));
  const uint32_t robots = batch_ * kBlockLanes;
  KMYRIAD_ASSIGN_OR_RETURN(
      fleet_,
      RobotFleet<float>::Create(*device_, *robot.model, robot.boxes, robots));
  shape_ = {kBlockLanes, ant.task.horizon, spec.obs_dim(), spec.act_dim,
            spec.feature_dim()};
  const size_t samples = size_t{robots} * shape_.horizon;
  KMYRIAD_RETURN_IF_ERROR(first_env_.Allocate(batch_));
  KMYRIAD_RETURN_IF_ERROR(agent_.Allocate(robots));
  KMYRIAD_RETURN_IF_ERROR(observations_.Allocate(samples * shape_.obs_dim));
  KMYRIAD_RETURN_IF_ERROR(actions_.Allocate(samples * shape_.act_dim));
  KMYRIAD_RETURN_IF_ERROR(log_probs_.Allocate(samples));
  KMYRIAD_RETURN_IF_ERROR(features_.Allocate(samples * shape_.feature_dim));
  KMYRIAD_RETURN_IF_ERROR(flags_.Allocate(samples));
  const GroundMap& ground = ant.task.ground;
  KMYRIAD_RETURN_IF_ERROR(walls_.AllocateCopy(
      {ground.walls, size_t{ground.columns} * ground.rows}));
  KMYRIAD_RETURN_IF_ERROR(
      layers_.AllocateCopy({ground.layers, ground.layer_count}));
  view_.step = fleet_->view();
  view_.step.substeps = model_->options().frame_skip;
  view_.task = ant.task;
  view_.task.ground.walls = walls_.data();
  view_.task.ground.layers = layers_.data();
  view_.first_env = first_env_.data();
  view_.agent = agent_.data();
  view_.control = fleet_->control();
  view_.observations = observations_.data();
  view_.actions = actions_.data();
  view_.log_probs = log_probs_.data();
  view_.features = features_.data();
  view_.flags = flags_.data();
  return absl::OkStatus();
}

absl::Status DeviceRollout::Run(absl::Span<const RolloutRequest> requests) {
  const RolloutRequest& first = requests[0];
  const auto* policy = dynamic_cast<const DevicePolicy*>(first.policy);
  KMYRIAD_CHECK(policy != nullptr);
  const PolicyWeights& weights = policy->weights();
  KMYRIAD_CHECK(weights.shape.obs_dim == shape_.obs_dim &&
                weights.shape.act_dim == shape_.act_dim);
  KMYRIAD_CHECK(first.population.horizon <= shape_.horizon);
  std::vector<uint32_t> first_env, agent;
  for (const RolloutRequest& request : requests) {
    KMYRIAD_CHECK(request.block < request.population.blocks());
    KMYRIAD_CHECK(request.policy == first.policy &&
                  request.seed == first.seed && request.epoch == first.epoch);
    first_env.push_back(request.block * kBlockLanes);
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      agent.push_back(request.population.AgentOf(request.block, lane) -
                      weights.first_agent);
      KMYRIAD_CHECK(agent.back() < weights.agent_count);
    }
  }
  KMYRIAD_RETURN_IF_ERROR(policy_.Load(*policy));
  KMYRIAD_RETURN_IF_ERROR(first_env_.Upload(first_env));
  KMYRIAD_RETURN_IF_ERROR(agent_.Upload(agent));
  view_.policy = policy_.view();
  view_.seed = first.seed;
  view_.epoch = first.epoch;
  view_.horizon = first.population.horizon;
  view_.blocks = static_cast<uint32_t>(requests.size());
  view_.step.robots = view_.blocks * kBlockLanes;
  return device_->Run(view_);
}

absl::Status DeviceRollout::Fetch(size_t index, const RolloutRequest& request,
                                  Segment& segment) const {
  ShapeSegment(request, shape_, segment);
  const auto fetch = [&](const auto& column, uint32_t dim, auto& out) {
    const size_t first = index * kBlockLanes * request.population.horizon * dim;
    return device_->Download(column.data() + first, out.size() * sizeof(out[0]),
                             out.data());
  };
  KMYRIAD_RETURN_IF_ERROR(
      fetch(observations_, shape_.obs_dim, segment.observations));
  KMYRIAD_RETURN_IF_ERROR(fetch(actions_, shape_.act_dim, segment.actions));
  KMYRIAD_RETURN_IF_ERROR(fetch(log_probs_, 1, segment.log_probs));
  KMYRIAD_RETURN_IF_ERROR(
      fetch(features_, shape_.feature_dim, segment.features));
  KMYRIAD_RETURN_IF_ERROR(fetch(flags_, 1, segment.flags));
  segment.nonfinite = static_cast<uint64_t>(std::count_if(
      segment.flags.begin(), segment.flags.end(),
      [](uint8_t flags) { return (flags & kSampleNonfinite) != 0; }));
  return absl::OkStatus();
}

absl::Status DeviceRollout::FetchAll(absl::Span<const RolloutRequest> requests,
                                     absl::Span<RolloutResult> results) {
  for (size_t i = 0; i < requests.size(); ++i) {
    KMYRIAD_RETURN_IF_ERROR(Fetch(i, requests[i], results[i].segment));
  }
  KMYRIAD_RETURN_IF_ERROR(fleet_->DownloadCounters());
  const uint64_t now = fleet_->Counters().overflows;
  LogOverflows(std::exchange(overflows_, now), now);
  return absl::OkStatus();
}

absl::Status DeviceRollout::Rollout(absl::Span<const RolloutRequest> requests,
                                    const Progress& progress,
                                    absl::Span<RolloutResult> results) {
  KMYRIAD_CHECK(!requests.empty() && requests.size() <= batch_ &&
                requests.size() == results.size());
  for (RolloutResult& result : results) result.whole = false;
  const double start = RealClock().MonotonicSeconds();
  KMYRIAD_RETURN_IF_ERROR(Run(requests));
  KMYRIAD_RETURN_IF_ERROR(FetchAll(requests, results));
  const double seconds = (RealClock().MonotonicSeconds() - start) /
                         static_cast<double>(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    results[i].times = {.physics_seconds = seconds, .inference_seconds = 0};
    results[i].whole = true;
    for (uint32_t step = 1; step <= view_.horizon && results[i].whole; ++step) {
      results[i].whole = progress(i, step);
    }
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
