#ifndef KMYRIAD_COMMON_BASE_TENSOR_H_
#define KMYRIAD_COMMON_BASE_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

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
