#ifndef KMYRIAD_LEARNER_NETWORK_WORKSPACE_H_
#define KMYRIAD_LEARNER_NETWORK_WORKSPACE_H_

#include <ATen/ATen.h>

namespace kmyriad {

// A buffer that grows to the largest size asked for and is reused: fresh
// allocations of activation size would cost a page fault per 4 KiB.
class Workspace {
 public:
  Workspace() = default;
  explicit Workspace(at::TensorOptions options) : options_(options) {}

  at::ScalarType type() const {
    return c10::typeMetaToScalarType(options_.dtype());
  }

  // Contiguous, uninitialised; overwrites what an earlier Get returned.
  at::Tensor Get(at::IntArrayRef shape) {
    int64_t elements = 1;
    for (const int64_t size : shape) elements *= size;
    if (!buffer_.defined() || buffer_.numel() < elements) {
      buffer_ = at::empty({elements}, options_);
    }
    return buffer_.narrow(0, 0, elements).view(shape);
  }

 private:
  at::TensorOptions options_;
  at::Tensor buffer_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_WORKSPACE_H_
