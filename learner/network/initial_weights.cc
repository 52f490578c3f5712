#include "learner/network/initial_weights.h"

#include <cmath>
#include <string>

#include "common/base/tensor.h"
#include "common/math/normal.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

// Numbers of the tensors within the stream of initial weights: part of the
// run format.
enum InitialTensor : uint32_t {
  kTrunk = 0,         // + layer
  kCriticTrunk = 16,  // + layer
  kValue = 32,
  kCommonHead = 33,
  kHeadNoise = 34,  // env = agent
  kEmbedding = 35,
  kHeadCopy = 64,  // + epoch, env = agent
};

// Standard normal numbers, a pure function of (seed, tensor, row).
class NormalSource {
 public:
  NormalSource(uint64_t seed, uint32_t tensor, uint32_t row)
      : seed_(seed), tensor_(tensor), row_(row) {}

  double Next() {
    if (position_ == 2) Refill();
    return normals_[position_++];
  }

 private:
  void Refill() {
    const NormalPair pair =
        RunNormals(seed_, RandomStream::kInitialWeights, row_, tensor_,
                   counter_ >> 8, counter_ & 0xFFu);
    ++counter_;
    normals_[0] = double{pair.first};
    normals_[1] = double{pair.second};
    position_ = 0;
  }

  uint64_t seed_;
  uint32_t tensor_;
  uint32_t row_;
  uint32_t counter_ = 0;
  int position_ = 2;
  double normals_[2] = {0, 0};
};

double Dot(const double* a, const double* b, uint32_t size) {
  double sum = 0;
  for (uint32_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

void AddDenseLayers(const std::string& prefix, uint32_t inputs,
                    const NetworkShape& shape, uint64_t seed,
                    uint32_t first_tensor, std::vector<NamedTensor>* out) {
  const double gain = std::sqrt(2.0);
  for (uint32_t layer = 0; layer < shape.trunk.size(); ++layer) {
    const uint32_t width = shape.trunk[layer];
    const std::string name = prefix + "." + std::to_string(layer);
    out->push_back(MakeTensor(
        name + ".weight", {width, inputs},
        OrthogonalMatrix(width, inputs, gain, seed, first_tensor + layer)));
    out->push_back(
        MakeTensor(name + ".bias", {width}, std::vector<float>(width)));
    inputs = width;
  }
}

std::vector<float> HeadWeights(const NetworkShape& shape, float head_noise,
                               uint64_t seed) {
  const uint32_t size = shape.trunk.back() * shape.act_dim;
  const double gain = 1.0 / std::sqrt(static_cast<double>(shape.trunk.back()));
  std::vector<double> common(size);
  NormalSource common_source(seed, kCommonHead, 0);
  for (double& value : common) value = common_source.Next();
  std::vector<float> weights(static_cast<size_t>(shape.agents) * size);
  for (uint32_t agent = 0; agent < shape.agents; ++agent) {
    NormalSource noise(seed, kHeadNoise, agent);
    float* head = weights.data() + static_cast<size_t>(agent) * size;
    for (uint32_t i = 0; i < size; ++i) {
      head[i] = static_cast<float>(
          gain * (common[i] + static_cast<double>(head_noise) * noise.Next()));
    }
  }
  return weights;
}

}  // namespace

std::vector<float> HeadCopyNoise(const NetworkShape& shape, uint64_t seed,
                                 uint64_t epoch, uint32_t agent) {
  const double gain = 1.0 / std::sqrt(static_cast<double>(shape.trunk.back()));
  NormalSource source(seed, kHeadCopy + static_cast<uint32_t>(epoch), agent);
  std::vector<float> noise(size_t{shape.trunk.back()} * shape.act_dim);
  for (float& value : noise) value = static_cast<float>(gain * source.Next());
  return noise;
}

std::vector<float> OrthogonalMatrix(uint32_t rows, uint32_t cols, double gain,
                                    uint64_t seed, uint32_t tensor) {
  // Gram-Schmidt on the `count` short-side vectors of length `length`; the
  // second sweep removes what rounding leaves of the first.
  const uint32_t count = rows < cols ? rows : cols;
  const uint32_t length = rows < cols ? cols : rows;
  std::vector<double> basis(static_cast<size_t>(count) * length);
  for (uint32_t i = 0; i < count; ++i) {
    double* vector = basis.data() + static_cast<size_t>(i) * length;
    NormalSource source(seed, tensor, i);
    for (uint32_t k = 0; k < length; ++k) vector[k] = source.Next();
    for (int sweep = 0; sweep < 2; ++sweep) {
      for (uint32_t j = 0; j < i; ++j) {
        const double* other = basis.data() + static_cast<size_t>(j) * length;
        const double share = Dot(vector, other, length);
        for (uint32_t k = 0; k < length; ++k) {
          vector[k] -= share * other[k];
        }
      }
    }
    const double norm = std::sqrt(Dot(vector, vector, length));
    for (uint32_t k = 0; k < length; ++k) vector[k] /= norm;
  }
  std::vector<float> matrix(static_cast<size_t>(rows) * cols);
  for (uint32_t row = 0; row < rows; ++row) {
    for (uint32_t col = 0; col < cols; ++col) {
      const size_t index = rows < cols
                               ? static_cast<size_t>(row) * length + col
                               : static_cast<size_t>(col) * length + row;
      matrix[static_cast<size_t>(row) * cols + col] =
          static_cast<float>(gain * basis[index]);
    }
  }
  return matrix;
}

std::vector<NamedTensor> InitialParameters(const NetworkShape& shape,
                                           float initial_log_std,
                                           float head_noise, uint64_t seed) {
  const int64_t m = shape.agents;
  const int64_t width = shape.trunk.back();
  const int64_t actions = shape.act_dim;
  std::vector<NamedTensor> tensors;
  AddDenseLayers("trunk", shape.obs_dim, shape, seed, kTrunk, &tensors);
  tensors.push_back(MakeTensor("heads.weight", {m, width, actions},
                               HeadWeights(shape, head_noise, seed)));
  const size_t per_action = static_cast<size_t>(m * actions);
  tensors.push_back(MakeTensor("heads.bias", {m, 1, actions},
                               std::vector<float>(per_action)));
  tensors.push_back(
      MakeTensor("heads.log_std", {m, 1, actions},
                 std::vector<float>(per_action, initial_log_std)));
  AddDenseLayers("critic", kEmbeddingSize + shape.obs_dim, shape, seed,
                 kCriticTrunk, &tensors);
  tensors.push_back(
      MakeTensor("critic.value.weight", {1, width},
                 OrthogonalMatrix(1, shape.trunk.back(), 1.0, seed, kValue)));
  tensors.push_back(
      MakeTensor("critic.value.bias", {1}, std::vector<float>(1)));
  std::vector<float> embedding(static_cast<size_t>(m) * kEmbeddingSize);
  NormalSource source(seed, kEmbedding, 0);
  for (float& value : embedding) value = static_cast<float>(source.Next());
  tensors.push_back(MakeTensor("embedding", {m, kEmbeddingSize}, embedding));
  return tensors;
}

}  // namespace kmyriad
