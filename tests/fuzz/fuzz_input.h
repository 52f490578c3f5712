#ifndef KMYRIAD_TESTS_FUZZ_FUZZ_INPUT_H_
#define KMYRIAD_TESTS_FUZZ_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kmyriad {

// Takes an input apart from its front. At the end everything is zero or empty.
class FuzzInput {
 public:
  explicit FuzzInput(absl::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    const absl::string_view taken = Take(1);
    return taken.empty() ? 0 : static_cast<uint8_t>(taken[0]);
  }
  uint16_t Word() {
    const uint16_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }
  // At most `size` bytes.
  absl::string_view Take(size_t size) {
    const absl::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // A length of two bytes, then as many bytes as there are of it.
  absl::string_view Frame() {
    const size_t size = Word();
    return Take(size);
  }
  absl::string_view Rest() { return Take(rest_.size()); }

 private:
  absl::string_view rest_;
};

// What Frame() takes apart; at most 65535 bytes.
inline std::string FrameOf(absl::string_view bytes) {
  const size_t size = std::min<size_t>(bytes.size(), 65535);
  std::string frame = {static_cast<char>(size & 255),
                       static_cast<char>(size >> 8)};
  frame.append(bytes.data(), size);
  return frame;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_FUZZ_FUZZ_INPUT_H_
