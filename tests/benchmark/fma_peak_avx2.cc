#include "tests/benchmark/fma_peak_body.h"

namespace kmyriad {

const FmaChains kAvx2FmaChains = {6 * 16 * 2, &RunChains<6>};

}  // namespace kmyriad
