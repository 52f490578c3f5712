#include "tests/gpu/device_benchmark.h"

#include <utility>
#include <vector>

#include "actor/env/tasks/ant.h"
#include "actor/physics/cuda/robot_fleet.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/rollout/rollout_identity.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/device/forwarding_device.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

constexpr uint32_t kFrameSkip = 5;
constexpr uint64_t kSeed = 1;

// Segments whose robots do not move.
class StillDevice final
    : public ForwardingDevice<SegmentDevice, SegmentDevice> {
 public:
  using ForwardingDevice::ForwardingDevice;

  absl::Status Run(const SegmentView& view) override {
    SegmentView still = view;
    still.step.substeps = 0;
    return device().Run(still);
  }
};

// Calls of `work`, which waits for the device, per second.
absl::StatusOr<double> CallsPerSecond(
    double seconds, const std::function<absl::Status()>& work) {
  KMYRIAD_RETURN_IF_ERROR(work());
  const double start = RealClock().MonotonicSeconds();
  double taken = 0;
  double calls = 0;
  while (taken < seconds || calls == 0) {
    KMYRIAD_RETURN_IF_ERROR(work());
    ++calls;
    taken = RealClock().MonotonicSeconds() - start;
  }
  return calls / taken;
}

absl::StatusOr<std::shared_ptr<const EnvironmentModel>> MakeModel(
    const DeviceBenchmarkOptions& options) {
  VectorEnvOptions env;
  env.task = "ant";
  env.terrain = options.terrain;
  env.horizon = options.horizon;
  env.frame_skip = kFrameSkip;
  env.integrator = options.integrator;
  env.action_scale = 0.3f;
  // The kernels are given by hand.
  env.backend = "simd";
  return EnvironmentModel::Create(env);
}

absl::StatusOr<double> StepRate(const DeviceBenchmarkOptions& options,
                                const EnvironmentModel& model,
                                StepDevice& device) {
  const AntOnDevice ant = DescribeAnt(model);
  KMYRIAD_ASSIGN_OR_RETURN(const Robot robot,
                           CompileRobot(AntMjcf(ant.physics)));
  KMYRIAD_ASSIGN_OR_RETURN(
      const auto fleet, RobotFleet<float>::Create(device, *robot.model,
                                                  robot.boxes, options.envs));
  for (uint32_t e = 0; e < options.envs; ++e) {
    const AntState start = AntStart(ant.task, kSeed, 0, e);
    fleet->Reset(e, start.q, start.v);
  }
  // Other controls in every segment.
  uint32_t segment = 0;
  std::vector<float> controls(size_t{options.envs} * kAntActions);
  StepView<float> view = fleet->view();
  view.substeps = kFrameSkip;
  KMYRIAD_ASSIGN_OR_RETURN(
      const double segments,
      CallsPerSecond(options.seconds, [&]() -> absl::Status {
        for (uint32_t i = 0; i < controls.size(); ++i) {
          const PhiloxBlock random =
              RunRandom(kSeed, RandomStream::kEvaluation, i, segment, 0, 0);
          controls[i] = 0.6f * UniformOpen(random.word[0]) - 0.3f;
        }
        ++segment;
        KMYRIAD_RETURN_IF_ERROR(fleet->Upload(controls));
        for (uint32_t step = 0; step < options.horizon; ++step) {
          KMYRIAD_RETURN_IF_ERROR(device.Step(view));
        }
        return fleet->Download();
      }));
  return segments * options.horizon * options.envs;
}

absl::StatusOr<double> SegmentRate(
    const DeviceBenchmarkOptions& options,
    const std::shared_ptr<const EnvironmentModel>& model,
    const MakeSegmentDevice& make_segments) {
  const PopulationShape population = {options.envs, 1, options.horizon};
  const RolloutBackend backend =
      DeviceRolloutBackend(model, make_segments, population.blocks());
  KMYRIAD_ASSIGN_OR_RETURN(const auto rollout, backend.make_rollout());
  NetworkShape network;
  network.obs_dim = model->spec().obs_dim();
  network.act_dim = model->spec().act_dim;
  network.trunk = {512, 256};
  KMYRIAD_ASSIGN_OR_RETURN(const auto policy, backend.make_policy(GoldenWeights(
                                                  model->spec(), network)));
  std::vector<RolloutRequest> requests;
  for (uint32_t b = 0; b < population.blocks(); ++b) {
    requests.push_back({kSeed, 0, b, population, policy.get()});
  }
  std::vector<RolloutResult> results(requests.size());
  KMYRIAD_ASSIGN_OR_RETURN(
      const double segments, CallsPerSecond(options.seconds, [&] {
        return rollout->Rollout(
            requests, [](size_t, uint32_t) { return true; },
            absl::MakeSpan(results));
      }));
  return segments * options.horizon * options.envs;
}

}  // namespace

absl::StatusOr<nlohmann::ordered_json> RunDeviceBenchmark(
    const DeviceBenchmarkOptions& options, StepDevice& device,
    const MakeSegmentDevice& make_segments) {
  KMYRIAD_ASSIGN_OR_RETURN(const auto model, MakeModel(options));
  KMYRIAD_ASSIGN_OR_RETURN(const double step,
                           StepRate(options, *model, device));
  const auto make_still =
      [&]() -> absl::StatusOr<std::unique_ptr<SegmentDevice>> {
    KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<SegmentDevice> segments,
                             make_segments());
    return std::make_unique<StillDevice>(std::move(segments));
  };
  KMYRIAD_ASSIGN_OR_RETURN(const double act,
                           SegmentRate(options, model, make_still));
  KMYRIAD_ASSIGN_OR_RETURN(const double segment,
                           SegmentRate(options, model, make_segments));
  const double evaluations =
      kFrameSkip * (options.integrator == "rk4" ? 4.0 : 1.0);
  return nlohmann::ordered_json{
      {"benchmark", "device"},
      {"terrain", options.terrain},
      {"integrator", options.integrator},
      {"envs", options.envs},
      {"horizon", options.horizon},
      {"step_env_steps_per_second", step},
      {"step_evaluations_per_second", step * evaluations},
      {"act_env_steps_per_second", act},
      {"segment_env_steps_per_second", segment}};
}

}  // namespace kmyriad
