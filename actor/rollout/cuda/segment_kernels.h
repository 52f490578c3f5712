#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_KERNELS_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_KERNELS_H_

// A whole segment on the device: T times a kernel that acts and one that steps
// (actor/physics/cuda), with the bits of RolloutWorker.
//
// ActInBlock: a block of 256 threads is a block of 16 environments. A thread
// has one or two outputs of a layer for all 16: their sums stay in registers,
// a weight is read once per block (neighbours in memory by neighbouring
// threads), an input is a broadcast from shared memory. Activations go back and
// forth between two shared buffers: 48 KB for the trunk 512-256. Heads: a
// thread per action and environment; noise: per pair of actions and
// environment. Sums run over the inputs in order, one fma each, as in
// common/policy.
//
// Traffic per block of environments and step, trunk 512-256: 590 KB of weights
// out of the L2 cache, which all blocks share, and 8 KB of head per agent; 2 KB
// of state, 3 KB of columns. Sizes: those of common/policy/network_shape.h.

#include "actor/physics/cuda/robot_state.h"
#include "actor/rollout/cuda/dense_outputs.h"
#include "actor/rollout/cuda/segment_view.h"
#include "common/device/block.h"
#include "common/policy/action_distribution.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

KMYRIAD_HOST_DEVICE inline uint32_t LargerOf(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}
// Floats per lane of the buffers: observation and second layer, first layer;
// the one that is free in the end holds means and log-densities.
KMYRIAD_HOST_DEVICE inline uint32_t FirstBuffer(const KernelPolicy& policy) {
  const uint32_t second = policy.layers == 2 ? policy.trunk[1].out : 0;
  return LargerOf(LargerOf(policy.obs_dim, second), 2 * policy.act_dim);
}
KMYRIAD_HOST_DEVICE inline uint32_t SecondBuffer(const KernelPolicy& policy) {
  return LargerOf(policy.trunk[0].out, 2 * policy.act_dim);
}
inline uint64_t ActSharedBytes(const KernelPolicy& policy) {
  return 4 * kStepLanes * uint64_t{FirstBuffer(policy) + SecondBuffer(policy)};
}

KMYRIAD_HOST_DEVICE inline void StartRobot(const SegmentView& view,
                                           uint32_t robot) {
  const uint32_t env = view.first_env[robot / kStepLanes] + robot % kStepLanes;
  const AntState state = AntStart(view.task, view.seed, view.epoch, env);
  PutRobot(view.step, robot, kAntPositions, kAntVelocities, true, state.q,
           state.v);
}

// Features and flags of the state that `step` led to, the start's if it is
// lost.
KMYRIAD_HOST_DEVICE inline void RecordRobot(const SegmentView& view,
                                            uint32_t robot, uint32_t step) {
  const bool lost = view.step.bad[robot] != 0;
  if (lost) StartRobot(view, robot);
  AntState state;
  for (uint32_t i = 0; i < kAntPositions; ++i) {
    state.q[i] = RobotPosition(view.step, robot, kAntPositions, i);
  }
  for (uint32_t d = 0; d < kAntVelocities; ++d) {
    state.v[d] = RobotVelocity(view.step, robot, kAntVelocities, d);
  }
  const uint64_t sample = uint64_t{robot} * view.horizon + step;
  for (uint32_t i = 0; i < view.task.feature_count; ++i) {
    view.features[sample * view.task.feature_count + i] =
        AntFeature(view.task.feature[i], state);
  }
  view.flags[sample] = lost ? kSampleNonfinite : AntFlags(view.task, state.q);
}

// The end of the step before, or the start, then observation and action. With
// step = horizon, the end of the last one alone.
struct ActInBlock {
  static constexpr uint32_t kThreads = 256;
  SegmentView view;
  uint32_t step;

  // Number `row` of a robot's observation.
  KMYRIAD_KERNEL float Observe(uint32_t robot, uint32_t row) const {
    if (row == kAntObservations - 1) return AntTime(view.task, step);
    const double value =
        row < kAntPositions
            ? RobotPosition(view.step, robot, kAntPositions, row)
            : RobotVelocity(view.step, robot, kAntVelocities,
                            row - kAntPositions);
    return AntObservation(view.task, row, value);
  }

  KMYRIAD_KERNEL float Mean(uint32_t agent, uint32_t action, uint32_t lane,
                            const float* hidden, uint32_t width) const {
    const KernelPolicy& policy = view.policy;
    const float* weight =
        policy.head_weight + uint64_t{agent} * width * policy.act_dim + action;
    float sum = policy.head_bias[agent * policy.act_dim + action];
    for (uint32_t k = 0; k < width; ++k) {
      sum = Fma(weight[uint64_t{k} * policy.act_dim],
                hidden[kStepLanes * k + lane], sum);
    }
    return sum;
  }

  // Actions 2 `pair` and, if there is one, 2 `pair` + 1 of a robot from
  // their means in `head`; their log-densities go behind the means.
  KMYRIAD_KERNEL void Sample(uint32_t robot, uint32_t pair, float* head) const {
    const KernelPolicy& policy = view.policy;
    const uint32_t block = robot / kStepLanes, lane = robot % kStepLanes;
    float noise[2];
    ActionNoise(view.seed, static_cast<uint32_t>(RandomStream::kActionNoise),
                view.epoch, step, pair, view.first_env[block] + lane, noise,
                noise + 1);
    const uint64_t sample = uint64_t{robot} * view.horizon + step;
    for (uint32_t a = 2 * pair; a < 2 * pair + 2 && a < policy.act_dim; ++a) {
      const uint32_t at = view.agent[robot] * policy.act_dim + a;
      const SampledAction<float> action =
          SampleAction(head[kStepLanes * a + lane], policy.head_std[at],
                       policy.head_log_std[at], noise[a % 2]);
      head[kStepLanes * (policy.act_dim + a) + lane] = action.log_density;
      view.actions[sample * policy.act_dim + a] = action.u;
      view.control[RobotField(robot, policy.act_dim, a)] =
          Tanh(action.u) * view.task.action_scale;
    }
  }

  template <typename Block>
  KMYRIAD_KERNEL void Dense(Block& block, const KernelLayer& layer,
                            const float* x, float* y) const {
    block.ForEachThread([&](uint32_t thread) {
      for (uint32_t r = thread; r < layer.out; r += 2 * kThreads) {
        if (r + kThreads < layer.out) {
          DenseOutputs<2, kThreads>(layer, view.policy.relu, x, r, y);
        } else {
          DenseOutputs<1, kThreads>(layer, view.policy.relu, x, r, y);
        }
      }
    });
  }

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    const KernelPolicy& policy = view.policy;
    const uint32_t first_robot = block.index() * kStepLanes;
    float* hidden = block.template Shared<float>(0);
    float* other = hidden + kStepLanes * FirstBuffer(policy);
    block.ForEachThread([&](uint32_t thread) {
      if (thread >= kStepLanes) return;
      if (step == 0) {
        StartRobot(view, first_robot + thread);
      } else {
        RecordRobot(view, first_robot + thread, step - 1);
      }
    });
    if (step == view.horizon) return;
    block.ForEachThread([&](uint32_t thread) {
      for (uint32_t i = thread; i < kAntObservations * kStepLanes;
           i += kThreads) {
        const uint32_t lane = i / kAntObservations, row = i % kAntObservations;
        const uint32_t robot = first_robot + lane;
        const float value = Observe(robot, row);
        view.observations[(uint64_t{robot} * view.horizon + step) *
                              kAntObservations +
                          row] = value;
        hidden[kStepLanes * row + lane] =
            NormalizeObservation(value, policy.mean[row], policy.inv_std[row]);
      }
    });
    for (uint32_t l = 0; l < policy.layers; ++l) {
      Dense(block, policy.trunk[l], hidden, other);
      float* const free = hidden;
      hidden = other;
      other = free;
    }
    const uint32_t width = policy.trunk[policy.layers - 1].out;
    float* const head = other;
    block.ForEachThread([&](uint32_t thread) {
      for (uint32_t i = thread; i < policy.act_dim * kStepLanes;
           i += kThreads) {
        const uint32_t lane = i / policy.act_dim, a = i % policy.act_dim;
        head[kStepLanes * a + lane] =
            Mean(view.agent[first_robot + lane], a, lane, hidden, width);
      }
    });
    block.ForEachThread([&](uint32_t thread) {
      const uint32_t pair = thread / kStepLanes;
      if (2 * pair >= policy.act_dim) return;
      Sample(first_robot + thread % kStepLanes, pair, head);
    });
    block.ForEachThread([&](uint32_t thread) {
      if (thread >= kStepLanes) return;
      float log_prob = 0;
      for (uint32_t a = 0; a < policy.act_dim; ++a) {
        log_prob = log_prob + head[kStepLanes * (policy.act_dim + a) + thread];
      }
      view.log_probs[uint64_t{first_robot + thread} * view.horizon + step] =
          log_prob;
    });
  }
};

// The whole segment, on a TwinStream or a DeviceStream; `steps` enqueues those
// of a StepView there.
template <class Stream, class Steps>
void EnqueueSegment(const SegmentView& view, Stream& stream,
                    const Steps& steps) {
  const uint64_t shared = ActSharedBytes(view.policy);
  for (uint32_t step = 0; step < view.horizon; ++step) {
    stream.Launch(ActInBlock{view, step}, view.blocks, shared);
    steps(view.step);
  }
  stream.Launch(ActInBlock{view, view.horizon}, view.blocks, shared);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_KERNELS_H_
