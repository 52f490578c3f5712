#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/ascii.h"
#include "common/config/run_config.h"

namespace kmyriad {
namespace {

// Longer texts are no typing slips of our names; keeps the work bounded.
constexpr size_t kLongestName = 100;

// Least number of inserted, deleted and replaced characters and of swapped
// neighbours that make `a` out of `b`; `limit` if it is that or more.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  // Every character that one has more must be inserted.
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) {
    return limit;
  }
  // Rows i - 2, i - 1 and i of the table.
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  size_t least_of_last = 0;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t least = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                         last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      least = std::min(least, row[j]);
    }
    // No way leads past two rows.
    if (std::min(least, least_of_last) >= limit) return limit;
    least_of_last = least;
    before_last.swap(last);
    last.swap(row);
  }
  return std::min(last[b.size()], limit);
}

}  // namespace

std::string NearestName(absl::string_view name,
                        const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > kLongestName) return "";
  const std::string wanted = absl::AsciiStrToLower(name);
  // About one slip in three characters is still the same word.
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    const size_t distance =
        EditDistance(wanted, absl::AsciiStrToLower(candidate), best);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace kmyriad
