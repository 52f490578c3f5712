#include "learner/network/multi_head_actor_critic.h"

#include <utility>

#include "learner/network/initial_weights.h"
#include "learner/network/matrix_product.h"
#include "learner/network/named_tensors.h"

namespace kmyriad {
namespace {

// Embedding, observation, one; rounded up so that rows stay aligned.
int64_t RowColumns(const NetworkShape& shape) {
  return (kEmbeddingSize + shape.obs_dim + 1 + 7) / 8 * 8;
}

Parameter MakeParameter(const char* name, at::IntArrayRef size,
                        at::TensorOptions options) {
  return {name, at::zeros(size, options), at::zeros(size, options)};
}

}  // namespace

MultiHeadActorCritic::MultiHeadActorCritic(const NetworkShape& shape,
                                           at::TensorOptions master,
                                           at::ScalarType product_type)
    : shape_(shape),
      master_(master),
      product_type_(product_type),
      agents_(shape.agents),
      width_(shape.trunk.back()),
      row_columns_(RowColumns(shape)),
      trunk_("trunk", shape.obs_dim, row_columns_ - kEmbeddingSize, shape.trunk,
             shape.activation, master, product_type),
      critic_("critic", kEmbeddingSize + shape.obs_dim, row_columns_,
              shape.trunk, shape.activation, master, product_type),
      features_space_(master),
      critic_features_space_(master),
      feature_gradient_space_(master),
      mean_space_(master),
      embedding_gradient_space_(master.dtype(product_type)) {
  const int64_t actions = shape.act_dim;
  head_weight_ =
      MakeParameter("heads.weight", {agents_, width_, actions}, master);
  head_bias_ = MakeParameter("heads.bias", {agents_, 1, actions}, master);
  head_log_std_ = MakeParameter("heads.log_std", {agents_, 1, actions}, master);
  value_weight_ = MakeParameter("critic.value.weight", {1, width_}, master);
  value_bias_ = MakeParameter("critic.value.bias", {1}, master);
  embedding_ = MakeParameter("embedding", {agents_, kEmbeddingSize}, master);
  Refresh();
}

std::unique_ptr<MultiHeadActorCritic> MultiHeadActorCritic::Replica() const {
  auto replica =
      std::make_unique<MultiHeadActorCritic>(shape_, master_, product_type_);
  replica->trunk_.ShareParameters(trunk_);
  replica->critic_.ShareParameters(critic_);
  replica->head_weight_.value = head_weight_.value;
  replica->head_bias_.value = head_bias_.value;
  replica->head_log_std_.value = head_log_std_.value;
  replica->value_weight_.value = value_weight_.value;
  replica->value_bias_.value = value_bias_.value;
  replica->embedding_.value = embedding_.value;
  return replica;
}

void MultiHeadActorCritic::FillRows(const at::Tensor& observations,
                                    at::Tensor rows) const {
  const int64_t obs_dim = shape_.obs_dim;
  rows.zero_();
  rows.narrow(2, kEmbeddingSize, obs_dim).copy_(observations);
  rows.select(2, kEmbeddingSize + obs_dim).fill_(1);
}

const at::Tensor& MultiHeadActorCritic::ForwardPolicy(const at::Tensor& rows) {
  const int64_t b = rows.size(1);
  const at::Tensor inputs =
      rows.view({agents_ * b, row_columns_})
          .narrow(1, kEmbeddingSize, row_columns_ - kEmbeddingSize);
  const at::Tensor& output = trunk_.Forward(inputs);
  features_ = output;
  if (output.scalar_type() != mean_space_.type()) {
    features_ = features_space_.Get({agents_ * b, width_});
    features_.copy_(output);
  }
  features_ = features_.view({agents_, b, width_});
  mean_ = mean_space_.Get({agents_, b, shape_.act_dim});
  mean_.copy_(head_bias_.value.expand_as(mean_));
  MatrixProduct(features_, head_weight_.value, true, mean_);
  return mean_;
}

void MultiHeadActorCritic::BackwardPolicy(const at::Tensor& rows,
                                          const at::Tensor& mean_gradient,
                                          const at::Tensor& log_std_gradient) {
  const int64_t b = rows.size(1);
  MatrixProduct(features_.transpose(1, 2), mean_gradient, true,
                head_weight_.gradient);
  head_bias_.gradient.add_(mean_gradient.sum(1, true));
  head_log_std_.gradient.add_(log_std_gradient);

  // Only the trunk sees the mean over agents.
  const at::Tensor scaled =
      mean_gradient * (1.0 / static_cast<double>(agents_));
  const at::Tensor& output_gradient = trunk_.OutputGradient();
  const at::Tensor target =
      output_gradient.scalar_type() == mean_space_.type()
          ? output_gradient.view({agents_, b, width_})
          : feature_gradient_space_.Get({agents_, b, width_});
  MatrixProduct(scaled, head_weight_.value.transpose(1, 2), false, target);
  if (!target.is_alias_of(output_gradient)) {
    output_gradient.copy_(target.view({agents_ * b, width_}));
  }
  trunk_.Backward(
      rows.view({agents_ * b, row_columns_})
          .narrow(1, kEmbeddingSize, row_columns_ - kEmbeddingSize));
}

const at::Tensor& MultiHeadActorCritic::ForwardValue(at::Tensor rows) {
  const int64_t b = rows.size(1);
  rows.narrow(2, 0, kEmbeddingSize)
      .copy_(
          embedding_.value.unsqueeze(1).expand({agents_, b, kEmbeddingSize}));
  const at::Tensor& output =
      critic_.Forward(rows.view({agents_ * b, row_columns_}));
  critic_features_ = output;
  if (output.scalar_type() != mean_space_.type()) {
    critic_features_ = critic_features_space_.Get({agents_ * b, width_});
    critic_features_.copy_(output);
  }
  values_ = at::addmv(value_bias_.value.expand({agents_ * b}), critic_features_,
                      value_weight_.value[0])
                .view({agents_, b});
  return values_;
}

void MultiHeadActorCritic::BackwardValue(const at::Tensor& rows,
                                         const at::Tensor& value_gradient) {
  const int64_t b = rows.size(1);
  const at::Tensor gradient = value_gradient.view({agents_ * b});
  value_weight_.gradient[0].addmv_(critic_features_.t(), gradient);
  value_bias_.gradient.add_(gradient.sum());
  at::Tensor output_gradient = critic_.OutputGradient();
  at::mul_out(output_gradient,
              gradient.to(output_gradient.scalar_type()).unsqueeze(1),
              value_weight_.value.to(output_gradient.scalar_type()));
  const at::Tensor& delta =
      critic_.Backward(rows.view({agents_ * b, row_columns_}));
  const at::Tensor per_row =
      embedding_gradient_space_.Get({agents_ * b, kEmbeddingSize});
  MatrixProduct(delta, critic_.PackedFirstLayer().narrow(1, 0, kEmbeddingSize),
                false, per_row);
  embedding_.gradient.add_(per_row.view({agents_, b, kEmbeddingSize})
                               .sum(1, false, mean_space_.type()));
}

void MultiHeadActorCritic::CopyHead(int64_t from, int64_t to,
                                    const at::Tensor& noise) {
  for (Parameter* parameter :
       {&head_weight_, &head_bias_, &head_log_std_, &embedding_}) {
    parameter->value.select(0, to).copy_(parameter->value.select(0, from));
  }
  head_weight_.value.select(0, to).add_(noise);
}

ParameterList MultiHeadActorCritic::HeadParameters() {
  return {&head_weight_, &head_bias_, &head_log_std_};
}

ParameterList MultiHeadActorCritic::CriticParameters() {
  ParameterList list = critic_.Parameters();
  list.insert(list.end(), {&value_weight_, &value_bias_, &embedding_});
  return list;
}

ParameterList MultiHeadActorCritic::AllParameters() {
  ParameterList list = TrunkParameters();
  for (Parameter* parameter : HeadParameters()) list.push_back(parameter);
  for (Parameter* parameter : CriticParameters()) list.push_back(parameter);
  return list;
}

void MultiHeadActorCritic::SwapGradients(std::vector<at::Tensor>* gradients) {
  const ParameterList parameters = AllParameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    std::swap(parameters[i]->gradient, (*gradients)[i]);
  }
}

void MultiHeadActorCritic::Refresh() {
  trunk_.Refresh();
  critic_.Refresh();
}

std::vector<NamedTensor> MultiHeadActorCritic::Save() {
  std::vector<NamedTensor> tensors;
  for (Parameter* parameter : AllParameters()) {
    tensors.push_back(ToNamedTensor(parameter->name, parameter->value));
  }
  return tensors;
}

std::vector<TensorSlot> MultiHeadActorCritic::Slots() {
  std::vector<TensorSlot> slots;
  for (Parameter* parameter : AllParameters()) {
    slots.push_back({parameter->name, &parameter->value});
  }
  return slots;
}

absl::Status MultiHeadActorCritic::Load(
    const std::vector<NamedTensor>& tensors) {
  const std::vector<TensorSlot> slots = Slots();
  const absl::Status checked = CheckTensors(tensors, slots);
  if (!checked.ok()) return checked;
  CopyTensors(tensors, slots);
  Refresh();
  return absl::OkStatus();
}

PolicyWeights MultiHeadActorCritic::Policy(
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std) {
  PolicyWeights weights;
  weights.shape = shape_;
  weights.normalizer_mean = normalizer_mean;
  weights.normalizer_inv_std = normalizer_inv_std;
  const ParameterList trunk = TrunkParameters();
  for (size_t i = 0; i < trunk.size(); i += 2) {
    DenseLayer layer;
    layer.out = static_cast<uint32_t>(trunk[i]->value.size(0));
    layer.in = static_cast<uint32_t>(trunk[i]->value.size(1));
    layer.weight = ToFloats(trunk[i]->value);
    layer.bias = ToFloats(trunk[i + 1]->value);
    weights.trunk.push_back(std::move(layer));
  }
  weights.first_agent = 0;
  weights.agent_count = shape_.agents;
  weights.head_weight = ToFloats(head_weight_.value);
  weights.head_bias = ToFloats(head_bias_.value);
  weights.head_log_std = ToFloats(head_log_std_.value);
  return weights;
}

}  // namespace kmyriad
