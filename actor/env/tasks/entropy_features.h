#ifndef KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURES_H_
#define KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "actor/env/tasks/entropy_feature.h"

namespace kmyriad {

// What particles consist of: names as they were written, "z*4", and values.
struct EntropyFeatures {
  std::vector<std::string> names;
  std::vector<EntropyFeature> values;
};

// A name for a list of features.
struct FeatureSet {
  absl::string_view name;
  absl::string_view list;
};

// The features that entropy.features names: one of `sets`, or a list of
// `coordinates`, each with or without a scale: "x,y,z*4".
//
// Scales are physical and fixed: they say how many metres of ground one unit
// of a coordinate is worth. Features are never whitened by running statistics
// of the policy: dividing feature j by its spread s_j shifts the differential
// entropy by -sum ln s_j, which takes away exactly what spreading out would
// earn.
//
// INVALID_ARGUMENT naming the part and the mend: unknown coordinates, scales
// that are not in (0, 1000], repeated ones, more than kMaxEntropyFeatures, or a
// list that does not begin with x,y, over which coverage is counted.
absl::StatusOr<EntropyFeatures> ParseEntropyFeatures(
    absl::string_view text, absl::Span<const FeatureSet> sets,
    absl::Span<const std::string> coordinates);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURES_H_
