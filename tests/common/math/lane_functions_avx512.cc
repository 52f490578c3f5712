#include "tests/common/math/lane_functions_body.h"

namespace kmyriad {

const LaneFunctions kAvx512LaneFunctions = kLaneFunctions;

}  // namespace kmyriad
