#ifndef KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_PLAN_H_
#define KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kmyriad/v1/study.pb.h"

namespace kmyriad {

// A place in a study's grid: what an arm's pretraining with a seed came to, or,
// with a goal, what fine-tuning for it came to.
struct StudyCell {
  std::string world;
  std::string arm;
  uint64_t seed = 0;
  std::string goal;  // empty: of pretraining

  // "WORLD ARM seed SEED[ GOAL]", for messages.
  std::string Name() const;
  bool operator<(const StudyCell& other) const;
  bool operator==(const StudyCell& other) const = default;
};

// One pretrained run and all that is measured of it, or one start at random.
struct StudyUnit {
  std::string world;
  std::string arm;
  uint64_t seed = 0;
  std::string preset;
  std::string terrain;  // as env.terrain
  // Run that the goals are fine-tuned from, its overrides, and the epochs it
  // is cut to, 0: all.
  std::string source;
  std::vector<std::string> set;
  uint64_t source_epochs = 0;
  // Whether what the source came to is a row of this arm.
  bool pretrains = true;
  std::string use;
  std::vector<std::string> finetune_set;
  std::vector<std::string> goals;

  // What the unit's runs are called at a goal.
  std::string RunName(const std::string& goal) const;
};

// A study whose every name and override has been looked at.
struct StudyPlan {
  v1::Study study;
  // In the order of work: by seed, world, arm, so that what is there when a
  // study is cut covers all arms.
  std::vector<StudyUnit> units;

  // SHA-256 of all that decides what a cell holds, hexadecimal.
  std::string Fingerprint(const StudyCell& cell) const;
  // Cells with rows, in the order of work.
  std::vector<StudyCell> Cells() const;
};

// INVALID_ARGUMENT in one line, with `name` and the place, for whatever could
// not be run: an unknown field, a key or a preset that is not there, a goal
// that the terrain has not, a name given twice.
absl::StatusOr<StudyPlan> ParseStudy(absl::string_view text,
                                     const std::string& name);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_PLAN_H_
