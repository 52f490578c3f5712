#include "common/policy/inference_kernel.h"

namespace kmyriad {

const PolicyKernel kAvx512PolicyKernel = {16, &ActBlock<16>, &MeansOfBlock<16>};

}  // namespace kmyriad
