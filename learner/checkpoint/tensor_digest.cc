#include "learner/checkpoint/tensor_digest.h"

#include <algorithm>

#include "learner/checkpoint/safetensors.h"

namespace kmyriad {

Digest DigestTensors(const std::vector<const NamedTensor*>& tensors) {
  std::vector<const NamedTensor*> sorted = tensors;
  std::sort(sorted.begin(), sorted.end(),
            [](const NamedTensor* a, const NamedTensor* b) {
              return a->name < b->name;
            });
  Sha256 hash;
  hash.UpdateInteger(sorted.size());
  for (const NamedTensor* tensor : sorted) {
    hash.UpdateInteger(tensor->name.size());
    hash.Update(tensor->name);
    hash.Update(TensorTypeName(tensor->type));
    hash.UpdateInteger(tensor->shape.size());
    for (const int64_t extent : tensor->shape) {
      hash.UpdateInteger(static_cast<uint64_t>(extent));
    }
    hash.UpdateInteger(tensor->data.size());
    hash.Update(tensor->data.data(), tensor->data.size());
  }
  return hash.Finish();
}

Digest DigestTensors(const std::vector<NamedTensor>& first,
                     const std::vector<NamedTensor>& second) {
  std::vector<const NamedTensor*> tensors;
  for (const NamedTensor& tensor : first) tensors.push_back(&tensor);
  for (const NamedTensor& tensor : second) tensors.push_back(&tensor);
  return DigestTensors(tensors);
}

}  // namespace kmyriad
