#include "learner/network/named_tensors.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/copy_bytes.h"
#include "common/base/tensor.h"

namespace kmyriad {

std::vector<float> ToFloats(const at::Tensor& tensor) {
  const at::Tensor copy = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = copy.const_data_ptr<float>();
  return std::vector<float>(data, data + copy.numel());
}

NamedTensor ToNamedTensor(const std::string& name, const at::Tensor& tensor) {
  return MakeTensor(name, tensor.sizes().vec(), ToFloats(tensor));
}

absl::Status CheckTensors(const std::vector<NamedTensor>& tensors,
                          const std::vector<TensorSlot>& slots) {
  std::map<std::string, const NamedTensor*> given;
  for (const NamedTensor& tensor : tensors) {
    if (!given.emplace(tensor.name, &tensor).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", tensor.name, " is given twice"));
    }
  }
  for (const TensorSlot& slot : slots) {
    const auto found = given.find(slot.name);
    if (found == given.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", slot.name, " is missing"));
    }
    const NamedTensor& tensor = *found->second;
    const std::vector<int64_t> wanted(slot.value->sizes().begin(),
                                      slot.value->sizes().end());
    const size_t bytes =
        static_cast<size_t>(slot.value->numel()) * sizeof(float);
    if (tensor.type != TensorType::kFloat32 || tensor.shape != wanted ||
        tensor.data.size() != bytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", slot.name, " has shape [",
          absl::StrJoin(tensor.shape, ", "), "] in ", tensor.data.size(),
          " bytes; expected fp32 [", absl::StrJoin(wanted, ", "), "]"));
    }
    given.erase(found);
  }
  if (!given.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", given.begin()->first, " is unknown"));
  }
  return absl::OkStatus();
}

void CopyTensors(const std::vector<NamedTensor>& tensors,
                 const std::vector<TensorSlot>& slots) {
  std::map<std::string, const NamedTensor*> given;
  for (const NamedTensor& tensor : tensors) given[tensor.name] = &tensor;
  for (const TensorSlot& slot : slots) {
    const NamedTensor& tensor = *given.at(slot.name);
    at::Tensor source = at::empty(tensor.shape, at::kFloat);
    CopyBytes(source.data_ptr<float>(), tensor.data.data(), tensor.data.size());
    slot.value->copy_(source);
  }
}

}  // namespace kmyriad
