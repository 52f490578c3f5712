#include "common/policy/observation_normalizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/base/tensor.h"

namespace kmyriad {
namespace {

// Smallest standard deviation that is divided by: a column that never varies
// must not blow up when it first does.
constexpr double kMinStd = 1e-3;

// Copies the tensor `name` to `values` if it has exactly this type and size.
absl::Status ReadTensor(const std::vector<NamedTensor>& tensors,
                        const char* name, TensorType type, size_t count,
                        size_t bytes, void* values) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " is missing"));
  }
  const std::vector<int64_t> shape = {static_cast<int64_t>(count)};
  if (tensor->type != type || tensor->shape != shape ||
      tensor->data.size() != bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ", name, ": wrong type or shape, expected [", count, "]"));
  }
  CopyBytes(values, tensor->data.data(), bytes);
  return absl::OkStatus();
}

}  // namespace

ObservationNormalizer::ObservationNormalizer(
    const std::vector<ObservationColumn>& columns)
    : columns_(columns) {
  for (const ObservationColumn& column : columns_) {
    const double std = column.initial_std;
    mean_.push_back(column.initial_mean);
    m2_.push_back(std * std * kPriorCount);
  }
}

void ObservationNormalizer::Merge(const float* observations, uint64_t rows) {
  if (frozen_ || rows == 0) return;
  const size_t dim = columns_.size();
  const double added = static_cast<double>(rows);
  std::vector<double> mean(dim, 0.0);
  std::vector<double> m2(dim, 0.0);
  for (uint64_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < dim; ++i) mean[i] += observations[row * dim + i];
  }
  for (double& value : mean) value /= added;
  for (uint64_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < dim; ++i) {
      const double difference = observations[row * dim + i] - mean[i];
      m2[i] += difference * difference;
    }
  }
  const double total = count_ + added;
  for (size_t i = 0; i < dim; ++i) {
    if (!columns_[i].running) continue;
    const double delta = mean[i] - mean_[i];
    mean_[i] += delta * (added / total);
    m2_[i] += m2[i] + delta * delta * (count_ * added / total);
  }
  count_ = total;
}

std::vector<float> ObservationNormalizer::Mean() const {
  std::vector<float> result;
  for (const double mean : mean_) result.push_back(static_cast<float>(mean));
  return result;
}

std::vector<float> ObservationNormalizer::InverseStd() const {
  std::vector<float> result;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const double std = columns_[i].running
                           ? std::sqrt(m2_[i] / count_)
                           : static_cast<double>(columns_[i].initial_std);
    result.push_back(static_cast<float>(1.0 / std::max(std, kMinStd)));
  }
  return result;
}

std::vector<NamedTensor> ObservationNormalizer::Save() const {
  const auto dim = static_cast<int64_t>(columns_.size());
  const uint8_t frozen = frozen_ ? 1 : 0;
  std::vector<NamedTensor> tensors;
  tensors.push_back(MakeTensor("normalizer.mean", {dim}, mean_));
  tensors.push_back(MakeTensor("normalizer.m2", {dim}, m2_));
  tensors.push_back(MakeTensor<double>("normalizer.count", {1}, {count_}));
  tensors.push_back(MakeTensor<uint8_t>("normalizer.frozen", {1}, {frozen}));
  return tensors;
}

absl::Status ObservationNormalizer::Load(
    const std::vector<NamedTensor>& tensors) {
  const size_t dim = columns_.size();
  const size_t bytes = dim * sizeof(double);
  std::vector<double> mean(dim);
  std::vector<double> m2(dim);
  double count = 0;
  uint8_t frozen = 0;
  absl::Status status =
      ReadTensor(tensors, "normalizer.mean", TensorType::kFloat64, dim, bytes,
                 mean.data());
  status.Update(ReadTensor(tensors, "normalizer.m2", TensorType::kFloat64, dim,
                           bytes, m2.data()));
  status.Update(ReadTensor(tensors, "normalizer.count", TensorType::kFloat64, 1,
                           sizeof(count), &count));
  status.Update(ReadTensor(tensors, "normalizer.frozen", TensorType::kUint8, 1,
                           sizeof(frozen), &frozen));
  if (!status.ok()) return status;
  for (size_t i = 0; i < dim; ++i) {
    if (!std::isfinite(mean[i]) || !std::isfinite(m2[i]) || m2[i] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor normalizer.mean or normalizer.m2: column ",
                       columns_[i].name, " holds ", mean[i], ", ", m2[i],
                       ": must be finite, m2 not negative"));
    }
  }
  if (!std::isfinite(count) || count < kPriorCount || frozen > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor normalizer.count = ", count, ", normalizer.frozen = ", frozen,
        ": must be at least ", kPriorCount, " and 0 or 1"));
  }
  mean_ = std::move(mean);
  m2_ = std::move(m2);
  count_ = count;
  frozen_ = frozen == 1;
  return absl::OkStatus();
}

}  // namespace kmyriad
