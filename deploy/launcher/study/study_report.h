#ifndef KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_REPORT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_REPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "deploy/launcher/study/study_plan.h"
#include "deploy/launcher/study/study_rows.h"

namespace kmyriad {

// Tables of what a study's rows hold, in Markdown: for every world, what
// pretraining came to by arm, then success at the goals by arm. They are a
// function of plan and rows alone. Arms without a row are left out, and
// incomplete ones say how many cells they have.
std::string FormatStudyTables(const StudyPlan& plan, const StudyRows& rows);

// `document` with `tables` between the lines "<!-- study NAME: begin -->" and
// "<!-- study NAME: end -->". INVALID_ARGUMENT if it has not each once, in
// order.
absl::StatusOr<std::string> WithStudyTables(absl::string_view document,
                                            absl::string_view name,
                                            absl::string_view tables);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_REPORT_H_
