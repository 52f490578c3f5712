#ifndef KMYRIAD_LEARNER_NETWORK_NAMED_TENSORS_H_
#define KMYRIAD_LEARNER_NETWORK_NAMED_TENSORS_H_

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/tensor.h"

namespace kmyriad {

// Where a saved fp32 tensor goes.
struct TensorSlot {
  std::string name;
  at::Tensor* value = nullptr;
};

// Copies `tensor`, of whatever device, as fp32.
NamedTensor ToNamedTensor(const std::string& name, const at::Tensor& tensor);

// The bytes of a tensor as floats.
std::vector<float> ToFloats(const at::Tensor& tensor);

// INVALID_ARGUMENT, naming the tensor, unless `tensors` holds exactly the
// slots' names, each once, as fp32 of the slots' shapes. Changes nothing.
absl::Status CheckTensors(const std::vector<NamedTensor>& tensors,
                          const std::vector<TensorSlot>& slots);

// Copies checked tensors into their slots.
void CopyTensors(const std::vector<NamedTensor>& tensors,
                 const std::vector<TensorSlot>& slots);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_NAMED_TENSORS_H_
