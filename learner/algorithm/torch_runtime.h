#ifndef KMYRIAD_LEARNER_ALGORITHM_TORCH_RUNTIME_H_
#define KMYRIAD_LEARNER_ALGORITHM_TORCH_RUNTIME_H_

#include <ATen/ATen.h>

#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

// Pins what bits depend on, once per process: deterministic algorithms of
// LibTorch and oneDNN, and MKL's reproducibility mode (MKL_CBWR = AUTO,STRICT
// unless the environment says otherwise; MKL reads it at its first call).
// Called by everything here before it computes.
void PinNumerics();

// Threads of LibTorch's operations when called from this thread; MKL's and
// OpenMP's own dynamic adjustment is off.
void UseThreads(int threads);

// The device that learner.device names. "cuda" and "cuda:N" open
// libtorch_cuda, which is not linked. INVALID_ARGUMENT for another name,
// FAILED_PRECONDITION in one line if it is not there.
absl::StatusOr<at::Device> OpenDevice(const std::string& name);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_TORCH_RUNTIME_H_
