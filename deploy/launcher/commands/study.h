#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_STUDY_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_STUDY_H_

#include <string>

#include "deploy/launcher/signal_source.h"

namespace kmyriad {

struct StudyOptions {
  // A study (proto/kmyriad/v1/study.proto) in protobuf text format.
  std::string file;
  // Where its rows are; empty: FILE with the ending .jsonl.
  std::string rows;
  std::string runs;
  int jobs = 1;
  double minutes = 0;  // 0: until all is measured
  // Only sum up the rows that there are.
  bool tables_only = false;
  // A document whose tables are written anew; empty: none.
  std::string report;
};

// `kmyriad study`: measures what a study's grid still lacks, then prints its
// tables. Called again after whatever ended it, it goes on. Returns the exit
// code: 75 if cells are left.
int RunStudy(const StudyOptions& options, SignalSource& signals);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_STUDY_H_
