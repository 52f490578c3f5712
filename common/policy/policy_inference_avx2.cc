#include "common/policy/inference_kernel.h"

namespace kmyriad {

const PolicyKernel kAvx2PolicyKernel = {6, &ActBlock<6>, &MeansOfBlock<6>};

}  // namespace kmyriad
