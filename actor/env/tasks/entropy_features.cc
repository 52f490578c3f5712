#include "actor/env/tasks/entropy_features.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr float kLargestScale = 1000;

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("entropy.features = ", absl::CEscape(text), ": ", what));
}

// "z" or "z*4".
absl::StatusOr<EntropyFeature> ParseFeature(
    absl::string_view text, absl::string_view part,
    absl::Span<const std::string> coordinates) {
  const std::vector<absl::string_view> halves = absl::StrSplit(part, '*');
  EntropyFeature feature;
  const auto found =
      std::find(coordinates.begin(), coordinates.end(), halves[0]);
  if (found == coordinates.end()) {
    return Wrong(text, absl::StrCat("'", absl::CEscape(halves[0]),
                                    "' is no coordinate; use ",
                                    absl::StrJoin(coordinates, ", ")));
  }
  feature.coordinate = static_cast<uint32_t>(found - coordinates.begin());
  if (halves.size() == 1) return feature;
  if (halves.size() > 2 || !absl::SimpleAtof(halves[1], &feature.scale) ||
      !(feature.scale > 0 && feature.scale <= kLargestScale)) {
    return Wrong(text, absl::StrCat("'", absl::CEscape(part),
                                    "': use NAME*SCALE with a scale above 0 "
                                    "and at most ",
                                    kLargestScale));
  }
  return feature;
}

}  // namespace

absl::StatusOr<EntropyFeatures> ParseEntropyFeatures(
    absl::string_view text, absl::Span<const FeatureSet> sets,
    absl::Span<const std::string> coordinates) {
  absl::string_view list = text;
  for (const FeatureSet& set : sets) {
    if (set.name == text) list = set.list;
  }
  EntropyFeatures features;
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    KMYRIAD_ASSIGN_OR_RETURN(const EntropyFeature feature,
                             ParseFeature(text, part, coordinates));
    for (const EntropyFeature& other : features.values) {
      if (other.coordinate != feature.coordinate) continue;
      return Wrong(
          text, absl::StrCat(coordinates[feature.coordinate], " occurs twice"));
    }
    features.names.emplace_back(part);
    features.values.push_back(feature);
  }
  if (features.names.size() < 2 || features.names[0] != "x" ||
      features.names[1] != "y") {
    return Wrong(text,
                 "must begin with x,y, over which coverage is counted, without "
                 "a scale");
  }
  if (features.names.size() > kMaxEntropyFeatures) {
    return Wrong(text,
                 absl::StrCat(features.names.size(), " features: use at most ",
                              kMaxEntropyFeatures));
  }
  return features;
}

}  // namespace kmyriad
