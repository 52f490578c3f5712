#include "learner/network/matrix_product.h"

namespace at::native {
// Exported by libtorch_cpu 2.11, but the wheel ships no header for it:
// result = beta * result + alpha * mat1 mat2.
void mkldnn_matmul(const Tensor& mat1, const Tensor& mat2, const Tensor& result,
                   float beta, float alpha);
}  // namespace at::native

namespace kmyriad {
namespace {

// Whether oneDNN computes such products on this processor, found out by one.
bool OneDnnWorks(at::ScalarType type) {
  if (!at::hasMKLDNN()) return false;
  try {
    const at::Tensor one = at::ones({16, 16}, type);
    const at::Tensor out = at::zeros({16, 16}, type);
    at::native::mkldnn_matmul(one, one, out, 0.0f, 1.0f);
    return out[0][0].item<float>() == 16.0f;
  } catch (const c10::Error&) {
    return false;
  }
}

bool UsesOneDnn(c10::DeviceType device, at::ScalarType type) {
  static const bool fp32 = OneDnnWorks(at::kFloat);
  static const bool bf16 = OneDnnWorks(at::kBFloat16);
  if (device != at::kCPU) return false;
  return (type == at::kFloat && fp32) || (type == at::kBFloat16 && bf16);
}

}  // namespace

void MatrixProduct(const at::Tensor& a, const at::Tensor& b, bool accumulate,
                   const at::Tensor& out) {
  const double beta = accumulate ? 1.0 : 0.0;
  if (UsesOneDnn(out.device().type(), out.scalar_type())) {
    at::native::mkldnn_matmul(a, b, out, static_cast<float>(beta), 1.0f);
    return;
  }
  at::Tensor target = out;
  if (out.dim() == 2) {
    at::addmm_out(target, out, a, b, beta, 1.0);
  } else {
    at::baddbmm_out(target, out, a, b, beta, 1.0);
  }
}

std::string MatrixProductEngine(c10::DeviceType device, at::ScalarType type) {
  return UsesOneDnn(device, type) ? "onednn" : "aten";
}

}  // namespace kmyriad
