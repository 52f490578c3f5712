#ifndef KMYRIAD_DEPLOY_LAUNCHER_ANIMATED_PNG_H_
#define KMYRIAD_DEPLOY_LAUNCHER_ANIMATED_PNG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace kmyriad {

// A film as an animated PNG (APNG, part of PNG since its third edition):
// lossless, shown by every browser, read by ffmpeg; its first frame is what
// other programs show. Frames hold what has changed since the one before, so
// that a still camera costs little. Grows in memory. Not thread-safe.
class AnimatedPng {
 public:
  // Frames of `width` x `height` pixels, >= 1, repeated for ever.
  AnimatedPng(uint32_t width, uint32_t height, uint32_t frames_per_second);

  // rgb [height, width, 3], from the top. RESOURCE_EXHAUSTED if there is no
  // memory to compress with.
  absl::Status Add(const std::vector<uint8_t>& rgb);

  uint32_t frames() const { return frames_; }
  // The whole file; at least one frame has been added.
  std::string Finish() const;

 private:
  const uint32_t width_;
  const uint32_t height_;
  const uint32_t frames_per_second_;
  std::vector<uint8_t> last_;
  uint32_t frames_ = 0;
  // Of the animation's chunks so far.
  uint32_t sequence_ = 0;
  std::string chunks_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_ANIMATED_PNG_H_
