#include "deploy/launcher/agent_choice.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace kmyriad {

absl::StatusOr<std::vector<uint32_t>> ChooseAgents(
    const std::string& choice, const std::vector<uint64_t>& cells) {
  const size_t count = cells.size();
  const auto refuse = [&choice, count] {
    return absl::InvalidArgumentError(absl::StrCat(
        "--agents = ", choice, ": use all, best:N with N from 1 to the ",
        "population's ", count, ", or numbers from 0, such as 0,4"));
  };
  std::vector<uint32_t> agents(count);
  std::iota(agents.begin(), agents.end(), 0u);
  if (choice == "all") return agents;
  absl::string_view text = choice;
  uint32_t number = 0;
  if (absl::ConsumePrefix(&text, "best:")) {
    if (!absl::SimpleAtoi(text, &number) || number < 1 || number > count) {
      return refuse();
    }
    std::stable_sort(agents.begin(), agents.end(),
                     [&cells](uint32_t one, uint32_t other) {
                       return cells[one] > cells[other];
                     });
    agents.resize(number);
    return agents;
  }
  agents.clear();
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (!absl::SimpleAtoi(part, &number) || number >= count ||
        std::find(agents.begin(), agents.end(), number) != agents.end()) {
      return refuse();
    }
    agents.push_back(number);
  }
  return agents;
}

}  // namespace kmyriad
