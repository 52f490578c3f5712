#include "tests/benchmark/fma_peak_body.h"

namespace kmyriad {

const FmaChains kAvx512FmaChains = {16 * 16 * 2, &RunChains<16>};

}  // namespace kmyriad
