#include "common/policy/inference_kernel.h"

namespace kmyriad {

const PolicyKernel kAvx512PolicyKernel = {24, &ActBlock<24>};

}  // namespace kmyriad
