#ifndef KMYRIAD_LEARNER_NETWORK_MULTI_HEAD_ACTOR_CRITIC_H_
#define KMYRIAD_LEARNER_NETWORK_MULTI_HEAD_ACTOR_CRITIC_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/base/tensor.h"
#include "common/policy/network_shape.h"
#include "common/policy/policy_weights.h"
#include "learner/network/dense_trunk.h"
#include "learner/network/named_tensors.h"
#include "learner/network/parameter.h"
#include "learner/network/workspace.h"

namespace kmyriad {

// The population's network (design section 10): a shared trunk with one head
// per agent, run as batched products over [m, H, A], and a critic with a trunk
// of its own that sees a learnt embedding of the agent beside the observation.
// Forward and backward passes are written out by hand (see DenseTrunk); rows
// are grouped by agent, [m, b, .], so no row is ever gathered by head.
//
// Samples go in as rows made by FillRows: [embedding | observation | 1 | 0].
// Callers hold a c10::InferenceMode guard. Not thread-safe.
class MultiHeadActorCritic {
 public:
  // Parameters are zero until Load. `master` gives device and type of the
  // parameters (fp64 serves tests); `product_type` that of the trunks'
  // products.
  MultiHeadActorCritic(const NetworkShape& shape, at::TensorOptions master,
                       at::ScalarType product_type);

  // A network over the same parameters with gradients and buffers of its own,
  // for another thread. Refresh the original after changes, not the replica.
  std::unique_ptr<MultiHeadActorCritic> Replica() const;

  // Columns of a row; those of the observation start at kEmbeddingSize.
  int64_t row_columns() const { return row_columns_; }
  at::ScalarType product_type() const { return product_type_; }

  // Writes normalised observations [m, b, obs_dim] and the constant column
  // into rows [m, b, row_columns()]; embeddings are filled in by Forward.
  void FillRows(const at::Tensor& observations, at::Tensor rows) const;

  // Mean actions [m, b, A] before tanh, in master type; rows as above, in
  // product type, contiguous. Valid until the next call.
  const at::Tensor& ForwardPolicy(const at::Tensor& rows);
  // Accumulates gradients for the last ForwardPolicy. mean_gradient
  // [m, b, A], log_std_gradient [m, 1, A]. What reaches the trunk is scaled
  // by 1/m (method.md 1.3).
  void BackwardPolicy(const at::Tensor& rows, const at::Tensor& mean_gradient,
                      const at::Tensor& log_std_gradient);

  // Values [m, b]; writes the embeddings into rows. Valid until the next call.
  const at::Tensor& ForwardValue(at::Tensor rows);
  void BackwardValue(const at::Tensor& rows, const at::Tensor& value_gradient);

  ParameterList TrunkParameters() { return trunk_.Parameters(); }
  // weight [m, H, A], bias [m, 1, A], log_std [m, 1, A].
  ParameterList HeadParameters();
  // Critic's trunk, value layer and embedding.
  ParameterList CriticParameters();
  // That of the agents [m, kEmbeddingSize].
  Parameter* Embedding() { return &embedding_; }
  // All of them, in the order of InitialParameters.
  ParameterList AllParameters();

  const at::Tensor& log_std() const { return head_log_std_.value; }
  // Agent `to` gets the head and the embedding of `from`; `noise` [H, A] is
  // added to the head's weights.
  void CopyHead(int64_t from, int64_t to, const at::Tensor& noise);
  // Exchanges the gradients, in the order of AllParameters, with `gradients`.
  void SwapGradients(std::vector<at::Tensor>* gradients);
  // Takes over changed parameters; after each optimiser step.
  void Refresh();

  // fp32 on the CPU, in the order of InitialParameters.
  std::vector<NamedTensor> Save();
  // INVALID_ARGUMENT naming the tensor that is missing, unknown or of another
  // shape or type; nothing is changed then.
  absl::Status Load(const std::vector<NamedTensor>& tensors);
  // Names and places of all parameters, to check and load them together with
  // other tensors.
  std::vector<TensorSlot> Slots();

  // The acting part, for all agents.
  PolicyWeights Policy(const std::vector<float>& normalizer_mean,
                       const std::vector<float>& normalizer_inv_std);

 private:
  const NetworkShape shape_;
  const at::TensorOptions master_;
  const at::ScalarType product_type_;
  const int64_t agents_;
  const int64_t width_;
  const int64_t row_columns_;

  DenseTrunk trunk_;
  DenseTrunk critic_;
  Parameter head_weight_;
  Parameter head_bias_;
  Parameter head_log_std_;
  Parameter value_weight_;
  Parameter value_bias_;
  Parameter embedding_;

  // Trunk's and critic's output in master type, where that is another one.
  Workspace features_space_;
  Workspace critic_features_space_;
  Workspace feature_gradient_space_;
  Workspace mean_space_;
  Workspace embedding_gradient_space_;
  at::Tensor features_;
  at::Tensor critic_features_;
  at::Tensor mean_;
  at::Tensor values_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_MULTI_HEAD_ACTOR_CRITIC_H_
