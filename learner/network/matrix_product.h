#ifndef KMYRIAD_LEARNER_NETWORK_MATRIX_PRODUCT_H_
#define KMYRIAD_LEARNER_NETWORK_MATRIX_PRODUCT_H_

#include <ATen/ATen.h>

#include <string>

namespace kmyriad {

// out = a b, or out += a b if `accumulate`, for [n, k] x [k, p] or a batch of
// such products [m, n, k] x [m, k, p]. All three share type and device; `out`
// exists. On a CPU in fp32 and bf16 this is oneDNN (the accumulator is fp32),
// which on AMD processors is more than twice as fast as the MKL behind
// at::mm; everywhere else it is at::addmm and at::baddbmm.
void MatrixProduct(const at::Tensor& a, const at::Tensor& b, bool accumulate,
                   const at::Tensor& out);

// "onednn" or "aten": what MatrixProduct uses for this type on this device.
std::string MatrixProductEngine(c10::DeviceType device, at::ScalarType type);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_MATRIX_PRODUCT_H_
