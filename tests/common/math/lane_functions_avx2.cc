#include "tests/common/math/lane_functions_body.h"

namespace kmyriad {

const LaneFunctions kAvx2LaneFunctions = kLaneFunctions;

}  // namespace kmyriad
