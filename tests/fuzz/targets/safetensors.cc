// Tensor files of checkpoints.
#include "learner/checkpoint/safetensors.h"

#include "common/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  const absl::StatusOr<SafetensorsContent> content = DecodeSafetensors(input);
  if (!content.ok()) return;
  uint64_t bytes = 0;
  for (const NamedTensor& tensor : content->tensors) {
    bytes += tensor.data.size();
  }
  KMYRIAD_CHECK(bytes <= input.size());
  const absl::StatusOr<std::string> text = EncodeSafetensors(*content);
  // An empty name is read, but not written.
  if (!text.ok()) return;
  const absl::StatusOr<SafetensorsContent> again = DecodeSafetensors(*text);
  KMYRIAD_CHECK(again.ok());
  KMYRIAD_CHECK(again->tensors.size() == content->tensors.size());
  for (size_t i = 0; i < again->tensors.size(); ++i) {
    KMYRIAD_CHECK(again->tensors[i].data == content->tensors[i].data);
    KMYRIAD_CHECK(again->tensors[i].shape == content->tensors[i].shape);
  }
}

std::vector<std::string> Seeds() {
  SafetensorsContent content;
  content.metadata = {{"kmyriad.format", "1"}};
  content.tensors = {{"a", TensorType::kFloat32, {2}, std::vector<uint8_t>(8)},
                     {"b", TensorType::kInt64, {1, 1}, std::vector<uint8_t>(8)},
                     {"c", TensorType::kUint8, {0}, {}}};
  return {*EncodeSafetensors(content), *EncodeSafetensors({})};
}

}  // namespace kmyriad
