#include "deploy/launcher/npy_file.h"

#include <cctype>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kMaxDimensions = 8;
// NumPy aligns the numbers so.
constexpr size_t kAlignment = 64;

struct ElementType {
  absl::string_view descr;
  TensorType type;
  uint64_t bytes;
};

constexpr ElementType kElementTypes[] = {{"<f4", TensorType::kFloat32, 4},
                                         {"<f8", TensorType::kFloat64, 8},
                                         {"<i8", TensorType::kInt64, 8},
                                         {"<u4", TensorType::kUint32, 4},
                                         {"|u1", TensorType::kUint8, 1}};

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(".npy: ", what));
}

// What a header says.
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
  // Keys that were there.
  bool has_descr = false;
  bool has_order = false;
  bool has_shape = false;
};

// Reads the one kind of Python literal that a header is.
class LiteralParser {
 public:
  explicit LiteralParser(absl::string_view text) : rest_(text) {}

  // {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
  absl::StatusOr<NpyHeader> Parse() {
    NpyHeader header;
    if (!Take('{')) return Malformed();
    while (!Take('}')) {
      std::string key;
      if (!TakeText(key) || !Take(':') || !TakeValue(key, header)) {
        return Malformed();
      }
      if (!Take(',') && Peek() != '}') return Malformed();
    }
    if (Peek() != '\0') return Malformed();
    if (!header.has_descr || !header.has_order || !header.has_shape) {
      return Bad("the header lacks descr, fortran_order or shape");
    }
    return header;
  }

 private:
  absl::Status Malformed() const {
    return Bad(absl::StrCat("malformed header before \"",
                            absl::CEscape(rest_.substr(0, 16)), "\""));
  }

  // The next character that is no white space; 0 at the end.
  char Peek() {
    while (!rest_.empty() &&
           std::isspace(static_cast<unsigned char>(rest_[0])) != 0) {
      rest_.remove_prefix(1);
    }
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool Take(char expected) {
    if (Peek() != expected || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool TakeWord(absl::string_view word) {
    Peek();
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  // Between quotes, without escapes.
  bool TakeText(std::string& text) {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return false;
    const size_t end = rest_.find(quote, 1);
    if (end == absl::string_view::npos) return false;
    text = std::string(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool TakeNumber(int64_t& number) {
    Peek();
    size_t digits = 0;
    while (digits < rest_.size() &&
           std::isdigit(static_cast<unsigned char>(rest_[digits])) != 0) {
      ++digits;
    }
    if (!absl::SimpleAtoi(rest_.substr(0, digits), &number)) return false;
    rest_.remove_prefix(digits);
    return true;
  }

  // (), (3,) or (3, 4).
  bool TakeShape(std::vector<int64_t>& shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      int64_t extent = 0;
      if (!TakeNumber(extent) || shape.size() == kMaxDimensions) return false;
      shape.push_back(extent);
      if (!Take(',') && Peek() != ')') return false;
    }
    return true;
  }

  // False if it is malformed, unknown or repeated.
  bool TakeValue(absl::string_view key, NpyHeader& header) {
    if (key == "descr" && !header.has_descr) {
      header.has_descr = true;
      return TakeText(header.descr);
    }
    if (key == "shape" && !header.has_shape) {
      header.has_shape = true;
      return TakeShape(header.shape);
    }
    if (key != "fortran_order" || header.has_order) return false;
    header.has_order = true;
    header.fortran_order = TakeWord("True");
    return header.fortran_order || TakeWord("False");
  }

  absl::string_view rest_;
};

// Splits off header and numbers.
absl::StatusOr<std::pair<absl::string_view, absl::string_view>> Split(
    absl::string_view bytes) {
  if (bytes.size() < kMagic.size() + 4 ||
      bytes.substr(0, kMagic.size()) != kMagic) {
    return Bad("the file does not begin as numpy.save writes it");
  }
  const auto byte = [&](size_t at) {
    return uint64_t{static_cast<uint8_t>(bytes[at])};
  };
  const uint64_t major = byte(6);
  if (major < 1 || major > 3) {
    return Bad(absl::StrCat("version ", major, ".", byte(7),
                            ": versions 1 to 3 are read"));
  }
  const size_t start = major == 1 ? 10 : 12;
  if (bytes.size() < start) return Bad("the file ends within the header");
  uint64_t length = byte(8) | byte(9) << 8;
  if (major > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > kMaxNpyHeader) {
    return Bad(absl::StrCat("header of ", length, " bytes: at most ",
                            kMaxNpyHeader, " are read"));
  }
  if (length > bytes.size() - start) {
    return Bad("the file ends within the header");
  }
  return std::pair(bytes.substr(start, length), bytes.substr(start + length));
}

}  // namespace

absl::StatusOr<NamedTensor> DecodeNpy(absl::string_view bytes) {
  KMYRIAD_ASSIGN_OR_RETURN(const auto parts, Split(bytes));
  KMYRIAD_ASSIGN_OR_RETURN(NpyHeader header,
                           LiteralParser(parts.first).Parse());
  const ElementType* element = nullptr;
  for (const ElementType& known : kElementTypes) {
    if (known.descr == header.descr) element = &known;
  }
  if (element == nullptr) {
    return Bad(absl::StrCat("descr = ", absl::CEscape(header.descr),
                            ": save it as float32, array.astype('<f4')"));
  }
  if (header.fortran_order && header.shape.size() > 1) {
    return Bad(
        "fortran_order = True: save it in C order, "
        "numpy.ascontiguousarray(array)");
  }
  uint64_t expected = element->bytes;
  for (const int64_t extent : header.shape) {
    const auto factor = static_cast<uint64_t>(extent);
    if (factor != 0 &&
        expected > std::numeric_limits<uint64_t>::max() / factor) {
      return Bad("the shape's product is out of range");
    }
    expected *= factor;
  }
  if (parts.second.size() != expected) {
    return Bad(absl::StrCat("shape (", absl::StrJoin(header.shape, ", "),
                            ") of ", header.descr, " needs ", expected,
                            " bytes, the file has ", parts.second.size()));
  }
  return NamedTensor{"",
                     element->type,
                     std::move(header.shape),
                     {parts.second.begin(), parts.second.end()}};
}

std::string EncodeNpy(const NamedTensor& tensor) {
  absl::string_view descr;
  for (const ElementType& known : kElementTypes) {
    if (known.type == tensor.type) descr = known.descr;
  }
  std::string header = absl::StrCat(
      "{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
      absl::StrJoin(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "",
      "), }");
  // Padded with spaces and ended by a newline.
  const size_t unpadded = kMagic.size() + 4 + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header.push_back('\n');
  std::string bytes(kMagic);
  bytes += {'\1', '\0', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.data.data()),
               tensor.data.size());
  return bytes;
}

}  // namespace kmyriad
