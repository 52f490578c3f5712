#ifndef KMYRIAD_COMMON_METRICS_PROCESS_USAGE_H_
#define KMYRIAD_COMMON_METRICS_PROCESS_USAGE_H_

#include "absl/types/optional.h"

namespace kmyriad {

// User and system time of this process; none where the kernel does not tell.
absl::optional<double> UsedCpuSeconds();

// Resident memory of this process; none where the kernel does not tell.
absl::optional<double> ResidentMemoryBytes();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_METRICS_PROCESS_USAGE_H_
