#include "tests/benchmark/fma_peak_body.h"

namespace kmyriad {

const FmaChains kScalarFmaChains = {1 * 16 * 2, &RunChains<1>};

}  // namespace kmyriad
