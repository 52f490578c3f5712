#ifndef KMYRIAD_COMMON_BASE_TENSOR_H_
#define KMYRIAD_COMMON_BASE_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/base/copy_bytes.h"

namespace kmyriad {

// Element types that checkpoints hold.
enum class TensorType { kFloat32, kFloat64, kInt64, kUint8, kUint32 };

// A named array in row-major order, owning its bytes (little endian):
// what checkpoints save and load.
struct NamedTensor {
  std::string name;
  TensorType type = TensorType::kFloat32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;
};

template <typename T>
struct TensorTypeOf;
template <>
struct TensorTypeOf<float> {
  static constexpr TensorType kValue = TensorType::kFloat32;
};
template <>
struct TensorTypeOf<double> {
  static constexpr TensorType kValue = TensorType::kFloat64;
};
template <>
struct TensorTypeOf<int64_t> {
  static constexpr TensorType kValue = TensorType::kInt64;
};
template <>
struct TensorTypeOf<uint8_t> {
  static constexpr TensorType kValue = TensorType::kUint8;
};
template <>
struct TensorTypeOf<uint32_t> {
  static constexpr TensorType kValue = TensorType::kUint32;
};

// `values` in row-major order, as many as `shape` says.
template <typename T>
NamedTensor MakeTensor(std::string name, std::vector<int64_t> shape,
                       const std::vector<T>& values) {
  NamedTensor tensor{
      std::move(name), TensorTypeOf<T>::kValue, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(T));
  CopyBytes(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

// The elements of a tensor of type T.
template <typename T>
std::vector<T> ElementsOf(const NamedTensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  CopyBytes(values.data(), tensor.data.data(), values.size() * sizeof(T));
  return values;
}

// The parts `rows` of values [m, ...] in row-major order, one after another;
// each is below m.
template <typename T>
std::vector<T> TakeRows(const std::vector<T>& values, size_t m,
                        const std::vector<uint32_t>& rows) {
  const size_t size = values.size() / m;
  std::vector<T> taken;
  taken.reserve(size * rows.size());
  for (const uint32_t row : rows) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(row * size);
    taken.insert(taken.end(), first, first + static_cast<std::ptrdiff_t>(size));
  }
  return taken;
}

// The first of that name, or null.
inline const NamedTensor* FindTensor(const std::vector<NamedTensor>& tensors,
                                     absl::string_view name) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_TENSOR_H_
