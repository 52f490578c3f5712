#include "deploy/launcher/study/study_rows.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMostFileBytes = 256 << 20;

bool IsText(const Json& row, const char* key) {
  return row.contains(key) && row[key].is_string();
}

}  // namespace

absl::Status StudyRows::Parse(const std::string& line) {
  Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!row.is_object() || !IsText(row, "world") || !IsText(row, "arm") ||
      !row.contains("seed") || !row["seed"].is_number_unsigned() ||
      !IsText(row, "fingerprint") ||
      (row.contains("goal") && !row["goal"].is_string())) {
    return absl::InvalidArgumentError("is no row of a study; take it out");
  }
  const StudyCell cell = {row["world"], row["arm"], row["seed"],
                          row.value("goal", "")};
  if (row["fingerprint"] != plan_->Fingerprint(cell)) {
    return absl::FailedPreconditionError(absl::StrCat(
        cell.Name(),
        " was measured under other settings than the study has now; put them "
        "back, name another --rows, or take the row out"));
  }
  if (!rows_.emplace(cell, std::move(row)).second) {
    return absl::InvalidArgumentError(
        absl::StrCat(cell.Name(), " is there twice; take one out"));
  }
  return absl::OkStatus();
}

absl::StatusOr<StudyRows> StudyRows::Read(FileSystem& files,
                                          const std::string& path,
                                          const StudyPlan& plan) {
  StudyRows rows(files, path, plan);
  if (!files.Exists(path)) return rows;
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           files.Read(path, kMostFileBytes));
  int number = 0;
  for (const auto line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const absl::Status status = rows.Parse(std::string(line));
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(path, ":", number, ": ",
                                                      status.message()));
    }
  }
  return rows;
}

absl::Status StudyRows::Add(const StudyCell& cell, const Json& measured) {
  Json row = {{"world", cell.world}, {"arm", cell.arm}, {"seed", cell.seed}};
  if (!cell.goal.empty()) row["goal"] = cell.goal;
  row["fingerprint"] = plan_->Fingerprint(cell);
  row.update(measured);
  rows_[cell] = std::move(row);
  std::string text;
  for (const auto& [key, value] : rows_) {
    absl::StrAppend(&text, value.dump(), "\n");
  }
  return files_->AtomicReplace(path_, text);
}

}  // namespace kmyriad
