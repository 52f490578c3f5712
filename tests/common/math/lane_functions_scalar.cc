#include "tests/common/math/lane_functions_body.h"

namespace kmyriad {

const LaneFunctions kScalarLaneFunctions = kLaneFunctions;

}  // namespace kmyriad
