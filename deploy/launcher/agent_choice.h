#ifndef KMYRIAD_DEPLOY_LAUNCHER_AGENT_CHOICE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_AGENT_CHOICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kmyriad {

// The agents that --agents names: "all"; "best:N", those with the most coverage
// cells (`cells`, by agent), best first, the lower number among equals; or
// their numbers, "0,4,7". INVALID_ARGUMENT for anything else.
absl::StatusOr<std::vector<uint32_t>> ChooseAgents(
    const std::string& choice, const std::vector<uint64_t>& cells);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_AGENT_CHOICE_H_
