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

// LibTorch's, MKL's and OpenMP's operations run on the calling thread alone
// from now on. The update spreads samples over threads of its own instead: no
// barrier per operation, and bits that do not depend on the number of threads.
void RunOperationsOnThisThread();

// The device that learner.device names. "cuda" and "cuda:N" open
// libtorch_cuda, which is not linked. INVALID_ARGUMENT for another name,
// FAILED_PRECONDITION in one line if it is not there.
absl::StatusOr<at::Device> OpenDevice(const std::string& name);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_TORCH_RUNTIME_H_
