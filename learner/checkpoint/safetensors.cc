#include "learner/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kMetadataKey = "__metadata__";
constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignment = 64;

constexpr TensorType kTypes[] = {TensorType::kFloat32, TensorType::kFloat64,
                                 TensorType::kInt64, TensorType::kUint8,
                                 TensorType::kUint32};

// A tensor of a header whose numbers have been checked.
struct Entry {
  std::string name;
  TensorType type = TensorType::kFloat32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("safetensors: ", what));
}

// Bytes of a tensor; false if an extent is negative or the product too large.
bool TensorBytes(TensorType type, const std::vector<int64_t>& shape,
                 uint64_t* bytes) {
  uint64_t product = TensorTypeSize(type);
  for (const int64_t extent : shape) {
    if (extent < 0) return false;
    const uint64_t factor = static_cast<uint64_t>(extent);
    if (factor != 0 &&
        product > std::numeric_limits<uint64_t>::max() / factor) {
      return false;
    }
    product *= factor;
  }
  *bytes = product;
  return true;
}

absl::Status CheckTensors(const std::vector<const NamedTensor*>& sorted) {
  std::set<std::string> names;
  for (const NamedTensor* tensor : sorted) {
    uint64_t bytes = 0;
    if (tensor->name.empty() || tensor->name == kMetadataKey ||
        !names.insert(tensor->name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor name \"", tensor->name, "\" is empty, reserved or repeated"));
    }
    if (!TensorBytes(tensor->type, tensor->shape, &bytes) ||
        bytes != tensor->data.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", tensor->name, " holds ", tensor->data.size(),
                       " bytes, its shape needs ", bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseMetadata(const Json& value,
                           std::map<std::string, std::string>* metadata) {
  if (!value.is_object()) return Damaged("__metadata__ is not an object");
  for (const auto& [key, entry] : value.items()) {
    if (!entry.is_string()) {
      return Damaged(absl::StrCat("__metadata__.", key, " is not a string"));
    }
    (*metadata)[key] = entry.get<std::string>();
  }
  return absl::OkStatus();
}

absl::StatusOr<Entry> ParseEntry(const std::string& name, const Json& value,
                                 uint64_t data_bytes) {
  const auto bad = [&name](absl::string_view what) {
    return Damaged(absl::StrCat("tensor ", name, ": ", what));
  };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return bad("wants exactly dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  const Json& dtype = value["dtype"];
  const auto type = std::find_if(
      std::begin(kTypes), std::end(kTypes), [&dtype](TensorType candidate) {
        return dtype.is_string() &&
               dtype.get<std::string>() == TensorTypeName(candidate);
      });
  if (type == std::end(kTypes)) return bad("unknown dtype");
  entry.type = *type;
  const Json& shape = value["shape"];
  if (!shape.is_array() || shape.size() > 8) return bad("shape is no list");
  for (const Json& extent : shape) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > uint64_t{1}
                                                                     << 40) {
      return bad("an extent of the shape is out of range");
    }
    entry.shape.push_back(extent.get<int64_t>());
  }
  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return bad("data_offsets are not two numbers");
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  uint64_t bytes = 0;
  if (entry.begin > entry.end || entry.end > data_bytes ||
      !TensorBytes(entry.type, entry.shape, &bytes) ||
      bytes != entry.end - entry.begin) {
    return bad("its byte range does not agree with shape and file");
  }
  return entry;
}

// Header text to JSON object, repeated tensor names refused.
absl::StatusOr<Json> ParseHeader(absl::string_view text) {
  std::set<std::string> names;
  bool repeated = false;
  const Json::parser_callback_t note_keys =
      [&names, &repeated](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth == 1 && event == Json::parse_event_t::key) {
          repeated |= !names.insert(parsed.get<std::string>()).second;
        }
        return true;
      };
  Json header = Json::parse(text.begin(), text.end(), note_keys,
                            /*allow_exceptions=*/false);
  if (!header.is_object()) return Damaged("the header is not a JSON object");
  if (repeated) return Damaged("a name occurs twice in the header");
  return header;
}

absl::Status CheckCover(std::vector<Entry>& entries, uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != position) {
      return Damaged(
          absl::StrCat("tensor ", entry.name, " leaves a gap or overlaps"));
    }
    position = entry.end;
  }
  if (position != data_bytes) {
    return Damaged(absl::StrCat("tensors cover ", position, " of ", data_bytes,
                                " data bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

size_t TensorTypeSize(TensorType type) {
  switch (type) {
    case TensorType::kFloat64:
    case TensorType::kInt64:
      return 8;
    case TensorType::kUint8:
      return 1;
    case TensorType::kFloat32:
    case TensorType::kUint32:
      break;
  }
  return 4;
}

absl::string_view TensorTypeName(TensorType type) {
  switch (type) {
    case TensorType::kFloat64:
      return "F64";
    case TensorType::kInt64:
      return "I64";
    case TensorType::kUint8:
      return "U8";
    case TensorType::kUint32:
      return "U32";
    case TensorType::kFloat32:
      break;
  }
  return "F32";
}

absl::StatusOr<std::string> EncodeSafetensors(
    const SafetensorsContent& content) {
  std::vector<const NamedTensor*> sorted;
  for (const NamedTensor& tensor : content.tensors) sorted.push_back(&tensor);
  std::sort(sorted.begin(), sorted.end(),
            [](const NamedTensor* a, const NamedTensor* b) {
              const size_t left = TensorTypeSize(a->type);
              const size_t right = TensorTypeSize(b->type);
              return left != right ? left > right : a->name < b->name;
            });
  KMYRIAD_RETURN_IF_ERROR(CheckTensors(sorted));
  Json header = Json::object();
  if (!content.metadata.empty()) {
    header[std::string(kMetadataKey)] = content.metadata;
  }
  uint64_t position = 0;
  for (const NamedTensor* tensor : sorted) {
    header[tensor->name] = {
        {"dtype", std::string(TensorTypeName(tensor->type))},
        {"shape", tensor->shape},
        {"data_offsets", {position, position + tensor->data.size()}}};
    position += tensor->data.size();
  }
  std::string text =
      header.dump(-1, ' ', false, Json::error_handler_t::replace);
  const size_t unpadded = kLengthBytes + text.size();
  text.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  std::string bytes;
  bytes.reserve(kLengthBytes + text.size() + position);
  const uint64_t length = text.size();
  for (size_t i = 0; i < kLengthBytes; ++i) {
    bytes.push_back(static_cast<char>((length >> (8 * i)) & 0xff));
  }
  bytes += text;
  for (const NamedTensor* tensor : sorted) {
    bytes.append(reinterpret_cast<const char*>(tensor->data.data()),
                 tensor->data.size());
  }
  return bytes;
}

absl::StatusOr<SafetensorsContent> DecodeSafetensors(absl::string_view bytes) {
  if (bytes.size() < kLengthBytes) return Damaged("shorter than 8 bytes");
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  if (length > kMaxSafetensorsHeader || length > bytes.size() - kLengthBytes) {
    return Damaged(absl::StrCat("header of ", length, " bytes in a file of ",
                                bytes.size()));
  }
  const absl::string_view data = bytes.substr(kLengthBytes + length);
  KMYRIAD_ASSIGN_OR_RETURN(const Json header,
                           ParseHeader(bytes.substr(kLengthBytes, length)));
  SafetensorsContent content;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadataKey) {
      KMYRIAD_RETURN_IF_ERROR(ParseMetadata(value, &content.metadata));
      continue;
    }
    KMYRIAD_ASSIGN_OR_RETURN(Entry entry, ParseEntry(name, value, data.size()));
    entries.push_back(std::move(entry));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckCover(entries, data.size()));
  for (Entry& entry : entries) {
    const absl::string_view part =
        data.substr(entry.begin, entry.end - entry.begin);
    content.tensors.push_back({std::move(entry.name),
                               entry.type,
                               std::move(entry.shape),
                               {part.begin(), part.end()}});
  }
  std::sort(content.tensors.begin(), content.tensors.end(),
            [](const NamedTensor& a, const NamedTensor& b) {
              return a.name < b.name;
            });
  return content;
}

}  // namespace kmyriad
