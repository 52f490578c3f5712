#include "learner/algorithm/torch_runtime.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/network/matrix_product.h"

namespace kmyriad {
namespace {

constexpr char kMklMode[] = "MKL_CBWR";

absl::Status NoDevice(const std::string& name, const std::string& reason) {
  return absl::FailedPreconditionError(
      absl::StrCat("learner.device = ", name, ": ", reason,
                   "; set learner.device = cpu or run where it is present"));
}

}  // namespace

void PinNumerics() {
  static std::once_flag once;
  std::call_once(once, [] {
    // AUTO,STRICT: the same bits for the same processor whatever the
    // alignment; COMPATIBLE, which spans processors, halves MKL's rate.
    setenv(kMklMode, "AUTO,STRICT", /*overwrite=*/0);
    at::Context& context = at::globalContext();
    context.setDeterministicAlgorithms(true, /*warn_only=*/false);
    context.setDeterministicMkldnn(true);
    // Would fill every new tensor, to make reads of uninitialised memory
    // reproducible; there are none.
    context.setDeterministicFillUninitializedMemory(false);
  });
}

void RunOperationsOnThisThread() {
  thread_local bool done = false;
  if (done) return;
  at::set_num_threads(1);
  done = true;
}

absl::StatusOr<at::Device> OpenDevice(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  absl::string_view rest = name;
  int index = 0;
  if (!absl::ConsumePrefix(&rest, "cuda") ||
      (!rest.empty() && (!absl::ConsumePrefix(&rest, ":") ||
                         !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.device = ", name,
                     ": unknown device; use cpu, cuda or cuda:N"));
  }
  // Global, so that its operators register with the libtorch_cpu in use.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = dlerror();
    return NoDevice(name, absl::StrCat("cannot open LibTorch's CUDA half (",
                                       reason == nullptr ? "" : reason, ")"));
  }
  try {
    const int count =
        at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
    if (index >= count) {
      return NoDevice(name, absl::StrCat("there are ", count, " CUDA devices"));
    }
  } catch (const c10::Error& error) {
    return NoDevice(name, error.what_without_backtrace());
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

std::map<std::string, std::string> NumericsInfo(const std::string& device) {
  PinNumerics();
  const char* mkl_mode = std::getenv(kMklMode);
  return {
      {kUpdateArithmetic, "3"},
      {"device", device},
      {"libtorch", TORCH_VERSION},
      {"mkl", at::get_mkl_version()},
      {"mkl_mode", mkl_mode == nullptr ? "" : mkl_mode},
      {"onednn", at::get_mkldnn_version()},
      {"cpu_capability", at::get_cpu_capability()},
      {"fp32_products", MatrixProductEngine(at::kCPU, at::kFloat)},
      {"bf16_products", MatrixProductEngine(at::kCPU, at::kBFloat16)},
  };
}

}  // namespace kmyriad
