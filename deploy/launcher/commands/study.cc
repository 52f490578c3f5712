#include "deploy/launcher/commands/study.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/study/study_plan.h"
#include "deploy/launcher/study/study_report.h"
#include "deploy/launcher/study/study_rows.h"
#include "deploy/launcher/study/study_runner.h"

namespace kmyriad {
namespace {

constexpr uint64_t kMostFileBytes = 16 << 20;

// "a/b.textproto" -> "a/b".
std::string WithoutEnding(const std::string& path) {
  const size_t name = path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  return dot == std::string::npos || dot <= name ? path : path.substr(0, dot);
}

std::string NameOf(const std::string& path) {
  return WithoutEnding(path).substr(path.rfind('/') + 1);
}

absl::Status WriteReport(const StudyOptions& options,
                         const std::string& tables) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_ASSIGN_OR_RETURN(const std::string document,
                           files.Read(options.report, kMostFileBytes));
  const absl::StatusOr<std::string> text =
      WithStudyTables(document, NameOf(options.file), tables);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--report = ", options.report, ": ", text.status().message()));
  }
  return *text == document ? absl::OkStatus()
                           : files.AtomicReplace(options.report, *text);
}

// Whether all is measured.
absl::StatusOr<bool> Study(const StudyOptions& options, SignalSource& signals) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           files.Read(options.file, kMostFileBytes));
  KMYRIAD_ASSIGN_OR_RETURN(const StudyPlan plan,
                           ParseStudy(text, options.file));
  const std::string path = options.rows.empty()
                               ? WithoutEnding(options.file) + ".jsonl"
                               : options.rows;
  KMYRIAD_ASSIGN_OR_RETURN(StudyRows rows, StudyRows::Read(files, path, plan));
  if (!options.tables_only) {
    KMYRIAD_RETURN_IF_ERROR(RunStudyCells(
        plan, {options.runs, options.jobs, options.minutes}, signals, &rows));
  }
  const std::string tables = FormatStudyTables(plan, rows);
  std::printf("%s", tables.c_str());
  if (!options.report.empty()) {
    KMYRIAD_RETURN_IF_ERROR(WriteReport(options, tables));
  }
  return rows.rows().size() == plan.Cells().size();
}

}  // namespace

int RunStudy(const StudyOptions& options, SignalSource& signals) {
  const absl::StatusOr<bool> complete = Study(options, signals);
  if (!complete.ok()) return ReportError(complete.status());
  if (*complete || options.tables_only) return kExitDone;
  std::fprintf(stderr, "study: cells are left; the same command goes on\n");
  return kExitInterrupted;
}

}  // namespace kmyriad
