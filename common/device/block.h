#ifndef KMYRIAD_COMMON_DEVICE_BLOCK_H_
#define KMYRIAD_COMMON_DEVICE_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

// One block of threads, on a GPU (DeviceBlock) or emulated (TwinBlock), so
// that a kernel's body is written once. A kernel is a struct of views, passed
// by value:
//
//   struct Kernel {
//     static constexpr uint32_t kThreads = 128;
//     template <typename Block>
//     KMYRIAD_KERNEL void operator()(Block& block) const {
//       typename Block::template PerThread<float> sum;
//       block.ForEachThread([&](uint32_t thread) { sum[thread] = ...; });
//       if (block.Any([&](uint32_t thread) { return sum[thread] > 0; })) ...
//     }
//   };
//
// What differs from thread to thread happens in a phase (ForEachThread or
// Any); all phases end with a barrier. Outside of phases the body is the same
// for all threads: it may branch on parameters, the block's index and Any.
// Threads share Shared() memory, written in one phase and read in another;
// what one thread keeps from phase to phase is PerThread.

#if defined(__CUDACC__)
#define KMYRIAD_KERNEL __device__
#else
#define KMYRIAD_KERNEL
#endif

namespace kmyriad {

// A phase in which thread t of all blocks together has item t of `count`.
template <uint32_t kThreads, typename Block, typename Visit>
KMYRIAD_KERNEL void ForEachItem(Block& block, uint32_t count,
                                const Visit& visit) {
  block.ForEachThread([&](uint32_t thread) {
    const uint32_t item = block.index() * kThreads + thread;
    if (item < count) visit(item);
  });
}

// The emulated block: a phase is a loop over its threads. Any order of threads
// within a phase must give the same bits; `reversed` runs them backwards, so
// that a test can tell.
template <uint32_t kThreads>
class TwinBlock {
 public:
  template <typename T>
  class PerThread {
   public:
    T& operator[](uint32_t thread) { return values_[thread]; }

   private:
    std::vector<T> values_ = std::vector<T>(kThreads);
  };

  // `shared`: at least as many bytes as the kernel takes, aligned to 16.
  TwinBlock(uint32_t index, std::byte* shared, bool reversed)
      : index_(index), shared_(shared), reversed_(reversed) {}

  uint32_t index() const { return index_; }
  // `offset` in bytes, a multiple of alignof(T).
  template <typename T>
  T* Shared(size_t offset) const {
    return reinterpret_cast<T*>(shared_ + offset);
  }
  template <typename Phase>
  void ForEachThread(const Phase& phase) const {
    for (uint32_t i = 0; i < kThreads; ++i) phase(ThreadAt(i));
  }
  // Whether the phase is true in any thread.
  template <typename Phase>
  bool Any(const Phase& phase) const {
    bool any = false;
    for (uint32_t i = 0; i < kThreads; ++i) any |= phase(ThreadAt(i));
    return any;
  }

 private:
  uint32_t ThreadAt(uint32_t i) const {
    return reversed_ ? kThreads - 1 - i : i;
  }

  const uint32_t index_;
  std::byte* const shared_;
  const bool reversed_;
};

// Runs kernels on the calling thread, block after block.
class TwinStream {
 public:
  explicit TwinStream(bool reversed = false) : reversed_(reversed) {}

  template <typename Kernel>
  void Launch(const Kernel& kernel, uint32_t blocks, size_t shared_bytes) {
    struct alignas(16) Unit {
      std::byte bytes[16];
    };
    std::vector<Unit> shared(shared_bytes / sizeof(Unit) + 1);
    for (uint32_t i = 0; i < blocks; ++i) {
      TwinBlock<Kernel::kThreads> block(reversed_ ? blocks - 1 - i : i,
                                        shared.data()->bytes, reversed_);
      kernel(block);
    }
  }

 private:
  const bool reversed_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_BLOCK_H_
