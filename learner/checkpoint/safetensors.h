#ifndef KMYRIAD_LEARNER_CHECKPOINT_SAFETENSORS_H_
#define KMYRIAD_LEARNER_CHECKPOINT_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/tensor.h"

namespace kmyriad {

// A file in safetensors format: eight bytes length of the header (little
// endian), a JSON header with name, type, shape and byte range of every
// tensor, then the tensors' bytes without gaps.
// Readable by the Python package of that name.
struct SafetensorsContent {
  std::vector<NamedTensor> tensors;
  // Free strings, `__metadata__` in the header.
  std::map<std::string, std::string> metadata;
};

// Longest header that is read; ours have a few kilobytes.
inline constexpr uint64_t kMaxSafetensorsHeader = uint64_t{16} << 20;

// Bytes per element.
size_t TensorTypeSize(TensorType type);
// Name in the safetensors header: "F32", "F64", "I64", "U8", "U32".
absl::string_view TensorTypeName(TensorType type);

// Equal content gives equal bytes: tensors are laid out by falling element
// size, then by name, so that elements are aligned; the header is padded so
// that the data start at a multiple of 64. INVALID_ARGUMENT, naming the
// tensor, for a repeated or empty name, a negative extent, or data that do not
// agree with the shape.
absl::StatusOr<std::string> EncodeSafetensors(
    const SafetensorsContent& content);

// Checks lengths, header, types, shapes and that the ranges cover the data
// exactly, before any tensor is allocated. DATA_LOSS saying what is wrong.
// Tensors come in name order.
absl::StatusOr<SafetensorsContent> DecodeSafetensors(absl::string_view bytes);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_SAFETENSORS_H_
