#ifndef KMYRIAD_DEPLOY_LAUNCHER_POLICY_GRAPH_H_
#define KMYRIAD_DEPLOY_LAUNCHER_POLICY_GRAPH_H_

#include <string>

#include "common/policy/policy_weights.h"
#include "learner/checkpoint/safetensors.h"

namespace kmyriad {

// One agent's policy as other programs read it. `head` holds exactly one head.
// Both forms compute, from raw observations o [batch, obs_dim],
//   mean = network(clip((o - normalizer.mean) * normalizer.inv_std, -5, 5)),
//   action = action_scale * tanh(mean);
// a sample replaces mean by mean + exp(log_std) * normal noise. `contract` is
// stored with it under the key "kmyriad".

// An ONNX model (IR 8, operators 13) with the input "observation" and the
// outputs "action", "mean" [batch, act_dim] and "log_std" [act_dim].
std::string PolicyAsOnnx(const PolicyWeights& head, float action_scale,
                         const std::string& contract);

// Tensors normalizer.{mean,inv_std}, trunk.L.{weight [out, in],bias},
// head.{weight [in, out],bias,log_std}, action_scale [1].
SafetensorsContent PolicyAsTensors(const PolicyWeights& head,
                                   float action_scale,
                                   const std::string& contract);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_POLICY_GRAPH_H_
