#ifndef KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_ROWS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_ROWS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/file_system.h"
#include "deploy/launcher/study/study_plan.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

// What is known of a study's cells: a file of JSON lines, one per cell, each
// with `world`, `arm`, `seed`, `goal` (absent: of pretraining), `fingerprint`
// (StudyPlan) and what was measured. Not thread-safe.
class StudyRows {
 public:
  // The rows of `path`, which may be missing. INVALID_ARGUMENT with the line if
  // one is not a row, or a cell has two; FAILED_PRECONDITION if a row belongs
  // to no cell of the plan, or its cell means something else by now.
  static absl::StatusOr<StudyRows> Read(FileSystem& files,
                                        const std::string& path,
                                        const StudyPlan& plan);

  bool Has(const StudyCell& cell) const { return rows_.count(cell) > 0; }
  const std::map<StudyCell, nlohmann::ordered_json>& rows() const {
    return rows_;
  }
  // Adds what was measured and writes the file: after a crash it holds the row
  // whole or not at all. The order of lines is that of cells, so that the file
  // is a function of its rows.
  absl::Status Add(const StudyCell& cell,
                   const nlohmann::ordered_json& measured);

 private:
  StudyRows(FileSystem& files, std::string path, const StudyPlan& plan)
      : files_(&files), path_(std::move(path)), plan_(&plan) {}
  absl::Status Parse(const std::string& line);

  FileSystem* files_;
  std::string path_;
  const StudyPlan* plan_;  // outlives this
  std::map<StudyCell, nlohmann::ordered_json> rows_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_ROWS_H_
