#include "tests/learner/testing/fake_policy_optimizer.h"

#include <cstring>
#include <string>
#include <utility>

#include "common/base/digest.h"
#include "common/base/tensor.h"

namespace kmyriad {
namespace {

// Numbers in (-1, 1) from a digest, as many as wanted.
std::vector<float> Spread(const Digest& seed, size_t count) {
  std::vector<float> values;
  for (uint64_t i = 0; values.size() < count; ++i) {
    Sha256 hash;
    hash.Update(seed.data(), seed.size());
    hash.UpdateInteger(i);
    for (const uint8_t byte : hash.Finish()) {
      if (values.size() == count) break;
      values.push_back((static_cast<float>(byte) - 127.5f) / 128.0f);
    }
  }
  return values;
}

class FakePolicyOptimizer : public PolicyOptimizer {
 public:
  explicit FakePolicyOptimizer(const PolicyOptimizerOptions& options)
      : shape_(options.shape) {
    Sha256 hash;
    hash.UpdateInteger(options.seed);
    parameters_ = Spread(hash.Finish(), ParameterCount());
    adam_.assign(parameters_.size(), 0.0f);
  }

  absl::StatusOr<PolicyWeights> Policy(
      const std::vector<float>& mean,
      const std::vector<float>& inv_std) override {
    PolicyWeights weights;
    weights.shape = shape_;
    weights.normalizer_mean = mean;
    weights.normalizer_inv_std = inv_std;
    const float* next = parameters_.data();
    const auto take = [&next](size_t count) {
      std::vector<float> part(next, next + count);
      next += count;
      return part;
    };
    uint32_t in = shape_.obs_dim;
    for (const uint32_t out : shape_.trunk) {
      DenseLayer layer;
      layer.in = in;
      layer.out = out;
      layer.weight = take(size_t{in} * out);
      layer.bias = take(out);
      weights.trunk.push_back(std::move(layer));
      in = out;
    }
    weights.agent_count = shape_.agents;
    weights.head_weight = take(size_t{shape_.agents} * in * shape_.act_dim);
    weights.head_bias = take(size_t{shape_.agents} * shape_.act_dim);
    weights.head_log_std = take(size_t{shape_.agents} * shape_.act_dim);
    return weights;
  }

  absl::StatusOr<UpdateStats> Update(
      const EpochSamples& samples, uint64_t epoch,
      const std::vector<float>& mean, const std::vector<float>& inv_std,
      const std::function<bool(double)>& progress) override {
    if (!progress(0.5)) return absl::CancelledError("abandoned");
    const size_t count = size_t{samples.envs} * samples.horizon;
    Sha256 hash;
    const auto add = [&hash](const float* data, size_t floats) {
      hash.Update(data, floats * sizeof(float));
    };
    add(samples.observations, count * shape_.obs_dim);
    add(samples.actions, count * shape_.act_dim);
    add(samples.log_probs, count);
    add(samples.rewards, count);
    add(mean.data(), mean.size());
    add(inv_std.data(), inv_std.size());
    add(parameters_.data(), parameters_.size());
    add(adam_.data(), adam_.size());
    hash.UpdateInteger(epoch);
    const std::vector<float> step = Spread(hash.Finish(), parameters_.size());
    for (size_t i = 0; i < parameters_.size(); ++i) {
      adam_[i] = 0.9f * adam_[i] + step[i];
      parameters_[i] += 0.01f * adam_[i];
    }
    UpdateStats stats;
    stats.kl_mean = step[0];
    stats.learning_rate = 1e-3;
    stats.passes = 1;
    return stats;
  }

  void CopyHeads(const std::vector<HeadCopy>& copies, double noise,
                 uint64_t epoch) override {
    for (const HeadCopy& copy : copies) {
      parameters_[copy.to] =
          parameters_[copy.from] +
          static_cast<float>(noise) * static_cast<float>(epoch);
    }
  }

  std::vector<NamedTensor> SaveParameters() override {
    return {Tensor("trunk.all", parameters_)};
  }
  std::vector<NamedTensor> SaveOptimizer() override {
    return {Tensor("adam.all", adam_)};
  }

  absl::Status Load(const std::vector<NamedTensor>& parameters,
                    const std::vector<NamedTensor>& optimizer) override {
    const size_t bytes = parameters_.size() * sizeof(float);
    if (parameters.size() != 1 || optimizer.size() != 1 ||
        parameters[0].data.size() != bytes ||
        optimizer[0].data.size() != bytes) {
      return absl::InvalidArgumentError("tensors of another network");
    }
    std::memcpy(parameters_.data(), parameters[0].data.data(), bytes);
    std::memcpy(adam_.data(), optimizer[0].data.data(), bytes);
    return absl::OkStatus();
  }

 private:
  size_t ParameterCount() const {
    size_t count = 0;
    size_t in = shape_.obs_dim;
    for (const uint32_t out : shape_.trunk) {
      count += (in + 1) * out;
      in = out;
    }
    return count + size_t{shape_.agents} * shape_.act_dim * (in + 2);
  }

  static NamedTensor Tensor(const std::string& name,
                            const std::vector<float>& values) {
    return MakeTensor(name, {static_cast<int64_t>(values.size())}, values);
  }

  const NetworkShape shape_;
  std::vector<float> parameters_;
  std::vector<float> adam_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyOptimizer>> MakeFakePolicyOptimizer(
    const PolicyOptimizerOptions& options) {
  return std::make_unique<FakePolicyOptimizer>(options);
}

}  // namespace kmyriad
