#include "learner/network/product_rate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "learner/network/matrix_product.h"

namespace kmyriad {

namespace {

double BestRate(const ProductRateOptions& options) {
  const c10::InferenceMode guard;
  at::set_num_threads(options.threads);
  const at::ScalarType type =
      options.precision == "bf16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor a = at::ones({options.rows, options.inner}, type);
  const at::Tensor b = at::ones({options.inner, options.columns}, type);
  at::Tensor out = at::zeros({options.rows, options.columns}, type);
  double best = std::numeric_limits<double>::infinity();
  // The first one also chooses and compiles the kernel.
  for (int i = 0; i <= options.repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (options.plain_libtorch) {
      at::mm_out(out, a, b);
    } else {
      MatrixProduct(a, b, false, out);
    }
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    if (i > 0) best = std::min(best, seconds.count());
  }
  return 2e-9 * static_cast<double>(options.rows) *
         static_cast<double>(options.inner) *
         static_cast<double>(options.columns) / best;
}

}  // namespace

absl::StatusOr<double> MeasureProductRate(const ProductRateOptions& options) {
  if (std::min({options.rows, options.inner, options.columns}) < 1 ||
      options.threads < 1 || options.repetitions < 1) {
    return absl::InvalidArgumentError(
        "sizes, threads and repetitions of a product must be positive");
  }
  if (options.precision != "fp32" && options.precision != "bf16") {
    return absl::InvalidArgumentError(
        absl::StrCat("precision = ", options.precision, ": use fp32 or bf16"));
  }
  // On a thread of its own: LibTorch's threads belong to the one that started
  // them, and would go on spinning beside whatever is measured next.
  absl::StatusOr<double> rate = 0.0;
  std::thread([&options, &rate] {
    try {
      rate = BestRate(options);
    } catch (const c10::Error& error) {
      rate = absl::InternalError(
          absl::StrCat("LibTorch: ", error.what_without_backtrace()));
    }
  }).join();
  return rate;
}

}  // namespace kmyriad
