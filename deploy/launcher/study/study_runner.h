#ifndef KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_RUNNER_H_
#define KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_RUNNER_H_

#include <string>

#include "absl/status/status.h"
#include "deploy/launcher/signal_source.h"
#include "deploy/launcher/study/study_plan.h"
#include "deploy/launcher/study/study_rows.h"

namespace kmyriad {

struct StudyRunOptions {
  // Folder of the study's runs, which it keeps: a run that was cut is gone on
  // with.
  std::string runs;
  // Units at a time, each a training of its own.
  int jobs = 1;
  // After so many minutes it ends as by Ctrl-C; 0: never.
  double minutes = 0;
};

// Measures the cells that have no row yet, through the `kmyriad` commands
// train, finetune and eval. Returns early if a signal or the time ends it:
// every training then has its checkpoint, and the next call goes on. One line
// per row on stdout. Fails with the first command's error.
absl::Status RunStudyCells(const StudyPlan& plan,
                           const StudyRunOptions& options,
                           SignalSource& signals, StudyRows* rows);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_RUNNER_H_
