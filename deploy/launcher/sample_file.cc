#include "deploy/launcher/sample_file.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "deploy/launcher/npy_file.h"
#include "learner/checkpoint/safetensors.h"

namespace kmyriad {
namespace {

constexpr char kSafetensors[] = ".safetensors";
constexpr char kNpy[] = ".npy";

absl::Status Wrong(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<NamedTensor> PickTensor(const std::string& path,
                                       std::vector<NamedTensor> tensors,
                                       absl::string_view name) {
  std::vector<std::string> names;
  for (NamedTensor& tensor : tensors) {
    if (tensor.name == name || (name.empty() && tensors.size() == 1)) {
      return std::move(tensor);
    }
    names.push_back(tensor.name);
  }
  return Wrong(path, absl::StrCat("--tensor = '", name, "': use one of ",
                                  absl::StrJoin(names, ", ")));
}

absl::StatusOr<NamedTensor> ReadTensor(FileSystem& files,
                                       const std::string& path,
                                       absl::string_view name) {
  KMYRIAD_RETURN_IF_ERROR(CheckSampleFormat(path));
  KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes,
                           files.Read(path, kMaxSampleFile));
  if (absl::EndsWith(path, kNpy)) {
    if (!name.empty()) {
      return Wrong(path, "a .npy file holds one array; leave --tensor out");
    }
    absl::StatusOr<NamedTensor> array = DecodeNpy(bytes);
    if (!array.ok()) return Wrong(path, array.status().message());
    return array;
  }
  absl::StatusOr<SafetensorsContent> content = DecodeSafetensors(bytes);
  if (!content.ok()) return Wrong(path, content.status().message());
  return PickTensor(path, std::move(content->tensors), name);
}

// Numbers of the columns to take, from text or all.
absl::StatusOr<std::vector<uint32_t>> ParseColumns(absl::string_view text,
                                                   uint64_t width) {
  std::vector<uint32_t> columns;
  if (text.empty()) {
    columns.resize(std::min<uint64_t>(width, kMaxFeatureDims + 1));
    std::iota(columns.begin(), columns.end(), 0u);
  } else {
    for (const absl::string_view word : absl::StrSplit(text, ',')) {
      uint32_t column = 0;
      if (!absl::SimpleAtoi(word, &column) || column >= width) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--features = ", text, ": '", word,
            "' is no column; the array has columns 0 to ", width - 1));
      }
      columns.push_back(column);
    }
  }
  if (columns.empty() || columns.size() > kMaxFeatureDims) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--features = ", columns.empty() ? 0 : width, " columns: use 1 to ",
        kMaxFeatureDims, "; choose some, --features 0,1,2"));
  }
  return columns;
}

template <typename Number>
void CopyColumns(const NamedTensor& tensor, uint64_t width,
                 const std::vector<uint32_t>& columns, Samples& samples) {
  float* target = samples.values.data();
  for (uint64_t row = 0; row < samples.rows; ++row) {
    const uint8_t* const source =
        tensor.data.data() + row * width * sizeof(Number);
    for (const uint32_t column : columns) {
      Number number;
      std::memcpy(&number, source + column * sizeof(Number), sizeof(Number));
      *target++ = static_cast<float>(number);
    }
  }
}

}  // namespace

absl::Status CheckSampleFormat(const std::string& path) {
  if (absl::EndsWith(path, kNpy) || absl::EndsWith(path, kSafetensors)) {
    return absl::OkStatus();
  }
  return Wrong(path, "unknown format; use a .npy or .safetensors file");
}

absl::StatusOr<Samples> ReadSamples(FileSystem& files, const std::string& path,
                                    absl::string_view tensor,
                                    absl::string_view columns) {
  KMYRIAD_ASSIGN_OR_RETURN(const NamedTensor array,
                           ReadTensor(files, path, tensor));
  if (array.type != TensorType::kFloat32 &&
      array.type != TensorType::kFloat64) {
    return Wrong(path, "not float32 or float64; use array.astype('float32')");
  }
  const std::vector<int64_t>& shape = array.shape;
  if (shape.empty() || shape.size() > 2 || shape[0] < 1 ||
      shape[0] > static_cast<int64_t>(kMaxParticles)) {
    return Wrong(path, absl::StrCat("shape (", absl::StrJoin(shape, ", "),
                                    "): use [rows, columns] or [rows] with 1 "
                                    "to ",
                                    kMaxParticles, " rows"));
  }
  const uint64_t width =
      shape.size() == 1 ? 1 : static_cast<uint64_t>(shape[1]);
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<uint32_t> chosen,
                           ParseColumns(columns, width));
  Samples samples;
  samples.rows = static_cast<uint32_t>(shape[0]);
  samples.dims = static_cast<uint32_t>(chosen.size());
  samples.values.resize(size_t{samples.rows} * samples.dims);
  if (array.type == TensorType::kFloat32) {
    CopyColumns<float>(array, width, chosen, samples);
  } else {
    CopyColumns<double>(array, width, chosen, samples);
  }
  return samples;
}

absl::Status WriteRewards(FileSystem& files, const std::string& path,
                          const std::vector<float>& values) {
  KMYRIAD_RETURN_IF_ERROR(CheckSampleFormat(path));
  NamedTensor tensor =
      MakeTensor("rewards", {static_cast<int64_t>(values.size())}, values);
  if (absl::EndsWith(path, kNpy)) {
    return files.AtomicReplace(path, EncodeNpy(tensor));
  }
  SafetensorsContent content;
  content.tensors.push_back(std::move(tensor));
  KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes, EncodeSafetensors(content));
  return files.AtomicReplace(path, bytes);
}

}  // namespace kmyriad
