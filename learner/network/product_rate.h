#ifndef KMYRIAD_LEARNER_NETWORK_PRODUCT_RATE_H_
#define KMYRIAD_LEARNER_NETWORK_PRODUCT_RATE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

// A product [rows, inner] x [inner, columns] on the CPU.
struct ProductRateOptions {
  int64_t rows = 0;
  int64_t inner = 0;
  int64_t columns = 0;
  std::string precision = "fp32";  // or "bf16"
  // at::mm instead of MatrixProduct.
  bool plain_libtorch = false;
  int threads = 1;
  // Best of so many.
  int repetitions = 5;
};

// Its rate in GFLOP/s, two FLOP per multiply-add. INVALID_ARGUMENT for sizes
// that are not positive or an unknown precision.
absl::StatusOr<double> MeasureProductRate(const ProductRateOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_PRODUCT_RATE_H_
