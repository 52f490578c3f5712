#include "deploy/launcher/animated_png.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"

namespace kmyriad {
namespace {

constexpr size_t kChannels = 3;
// Filter 2 of PNG, difference to the row above: walls and floors vanish.
constexpr char kFilterUp = 2;

std::string BigEndian32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string BigEndian16(uint32_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

// Length, name, content and checksum.
std::string Chunk(absl::string_view name, absl::string_view content) {
  const std::string checked = absl::StrCat(name, content);
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                          static_cast<uInt>(checked.size()));
  return absl::StrCat(BigEndian32(static_cast<uint32_t>(content.size())),
                      checked, BigEndian32(static_cast<uint32_t>(crc)));
}

// Pixels, right and bottom excluded.
struct Rectangle {
  uint32_t left = 0;
  uint32_t top = 0;
  uint32_t right = 0;
  uint32_t bottom = 0;
};

// The smallest that holds all differences; one pixel if there are none, since
// a frame cannot be empty.
Rectangle Changed(const std::vector<uint8_t>& before,
                  const std::vector<uint8_t>& now, uint32_t width,
                  uint32_t height) {
  if (before.empty()) return {0, 0, width, height};
  Rectangle changed = {width, height, 0, 0};
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      const size_t at = (size_t{y} * width + x) * kChannels;
      if (std::equal(now.begin() + static_cast<std::ptrdiff_t>(at),
                     now.begin() + static_cast<std::ptrdiff_t>(at + kChannels),
                     before.begin() + static_cast<std::ptrdiff_t>(at))) {
        continue;
      }
      changed.left = std::min(changed.left, x);
      changed.right = std::max(changed.right, x + 1);
      changed.top = std::min(changed.top, y);
      changed.bottom = y + 1;
    }
  }
  return changed.right == 0 ? Rectangle{0, 0, 1, 1} : changed;
}

std::string FilterRows(const std::vector<uint8_t>& rgb, uint32_t width,
                       const Rectangle& part) {
  std::string rows;
  const size_t size = (part.right - part.left) * kChannels;
  rows.reserve((size + 1) * (part.bottom - part.top));
  for (uint32_t y = part.top; y < part.bottom; ++y) {
    rows.push_back(kFilterUp);
    const uint8_t* const row =
        rgb.data() + (size_t{y} * width + part.left) * kChannels;
    const uint8_t* const above = row - size_t{width} * kChannels;
    for (size_t i = 0; i < size; ++i) {
      rows.push_back(
          static_cast<char>(y == part.top ? row[i] : row[i] - above[i]));
    }
  }
  return rows;
}

}  // namespace

AnimatedPng::AnimatedPng(uint32_t width, uint32_t height,
                         uint32_t frames_per_second)
    : width_(width), height_(height), frames_per_second_(frames_per_second) {}

absl::Status AnimatedPng::Add(const std::vector<uint8_t>& rgb) {
  KMYRIAD_CHECK(rgb.size() == size_t{width_} * height_ * kChannels);
  const Rectangle part = Changed(last_, rgb, width_, height_);
  const std::string rows = FilterRows(rgb, width_, part);
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                reinterpret_cast<const Bytef*>(rows.data()),
                static_cast<uLong>(rows.size()),
                Z_DEFAULT_COMPRESSION) != Z_OK) {
    return absl::ResourceExhaustedError("no memory to compress a picture");
  }
  packed.resize(size);
  // What was drawn stays (0), the new part replaces what it covers (0).
  absl::StrAppend(
      &chunks_,
      Chunk("fcTL",
            absl::StrCat(
                BigEndian32(sequence_++), BigEndian32(part.right - part.left),
                BigEndian32(part.bottom - part.top), BigEndian32(part.left),
                BigEndian32(part.top), BigEndian16(1),
                BigEndian16(frames_per_second_), std::string(2, '\0'))));
  if (frames_ == 0) {
    absl::StrAppend(&chunks_, Chunk("IDAT", packed));
  } else {
    absl::StrAppend(
        &chunks_,
        Chunk("fdAT", absl::StrCat(BigEndian32(sequence_++), packed)));
  }
  ++frames_;
  last_ = rgb;
  return absl::OkStatus();
}

std::string AnimatedPng::Finish() const {
  KMYRIAD_CHECK(frames_ > 0);
  // Eight bits, true colour, no interlacing.
  const std::string header =
      absl::StrCat(BigEndian32(width_), BigEndian32(height_),
                   std::string("\x08\x02\0\0\0", 5));
  return absl::StrCat(
      "\x89PNG\r\n\x1a\n", Chunk("IHDR", header),
      Chunk("acTL", absl::StrCat(BigEndian32(frames_), BigEndian32(0))),
      chunks_, Chunk("IEND", ""));
}

}  // namespace kmyriad
