#include "common/policy/inference_kernel.h"

namespace kmyriad {

const PolicyKernel kScalarPolicyKernel = {4, &ActBlock<4>, &MeansOfBlock<4>};

}  // namespace kmyriad
