#include "deploy/launcher/study/study_report.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/launcher/study/study_statistics.h"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

struct ArmRows {
  std::string name;
  size_t wanted = 0;
  std::vector<const Json*> all;
  // By goal.
  std::vector<std::vector<const Json*>> strata;
};

// Rows of an arm in a world, of pretraining or at the goals.
ArmRows RowsOf(const StudyPlan& plan, const StudyRows& rows,
               const std::string& world, const std::string& arm, bool goals) {
  ArmRows found;
  found.name = arm;
  std::map<std::string, std::vector<const Json*>> by_goal;
  for (const StudyCell& cell : plan.Cells()) {
    if (cell.world != world || cell.arm != arm || cell.goal.empty() == goals) {
      continue;
    }
    ++found.wanted;
    const auto row = rows.rows().find(cell);
    if (row == rows.rows().end()) continue;
    found.all.push_back(&row->second);
    by_goal[cell.goal].push_back(&row->second);
  }
  for (auto& [goal, part] : by_goal) found.strata.push_back(std::move(part));
  return found;
}

bool Known(const Json& row, const char* key) {
  return row.contains(key) && row[key].is_number();
}

// NaN if one of the rows does not have it.
double Mean(const std::vector<const Json*>& rows, const char* key) {
  double sum = 0;
  for (const Json* row : rows) {
    sum += Known(*row, key) ? (*row)[key].get<double>() : std::nan("");
  }
  return sum / static_cast<double>(rows.size());
}

Strata ValuesOf(const ArmRows& arm, const char* key) {
  Strata values;
  for (const auto& stratum : arm.strata) {
    values.emplace_back();
    for (const Json* row : stratum) {
      values.back().push_back(Known(*row, key) ? (*row)[key].get<double>() : 0);
    }
  }
  return values;
}

std::string Number(double value, int digits) {
  return std::isnan(value) ? "-" : absl::StrFormat("%.*f", digits, value);
}

std::string Text(const Interval& interval, int digits) {
  return absl::StrFormat("%.*f [%.*f, %.*f]", digits, interval.value, digits,
                         interval.low, digits, interval.high);
}

std::string CountOf(const ArmRows& arm) {
  return arm.all.size() == arm.wanted
             ? absl::StrCat(arm.wanted)
             : absl::StrCat(arm.all.size(), " of ", arm.wanted);
}

void PretrainingTable(const std::vector<ArmRows>& arms, std::string* text) {
  absl::StrAppend(
      text,
      "| arm | runs | samples | grid entropy, nats | coverage | ever | H of an "
      "agent | JSD | its null | k-NN entropy | owner share | redundancy |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const ArmRows& arm : arms) {
    const double entropy = Mean(arm.all, "grid_entropy_nats");
    const double divergence = Mean(arm.all, "diversity_nats");
    absl::StrAppend(
        text, "| ", arm.name, " | ", CountOf(arm), " | ",
        Number(Mean(arm.all, "env_steps"), 0), " | ",
        Text(InterquartileMeanInterval(ValuesOf(arm, "grid_entropy_nats")), 2),
        " | ", Text(InterquartileMeanInterval(ValuesOf(arm, "coverage")), 2),
        " | ", Number(Mean(arm.all, "coverage_ever"), 2), " | ",
        Number(entropy - divergence, 2), " | ", Number(divergence, 2), " | ",
        Number(Mean(arm.all, "diversity_null_nats"), 2), " | ",
        Number(Mean(arm.all, "entropy_nats"), 2), " | ",
        Number(Mean(arm.all, "owner_share"), 3), " | ",
        Number(Mean(arm.all, "redundancy"), 2), " |\n");
  }
}

// "-" where a row does not say.
std::string Solved(const ArmRows& arm) {
  size_t solved = 0;
  for (const Json* row : arm.all) {
    if (!row->contains("env_steps_until_solved")) return "-";
    solved += Known(*row, "env_steps_until_solved");
  }
  return absl::StrCat(solved, " of ", arm.all.size());
}

void GoalTable(const std::vector<ArmRows>& arms, std::string* text) {
  absl::StrAppend(
      text,
      "| arm | runs | before, best head | success, mean | IQM [95 %] | best "
      "head | mean actions | KL from the start | coverage lost | > 0.5 | > 0.9 "
      "| came to 0.9 | P(first arm is better) [95 %] |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  const Strata first = ValuesOf(arms.front(), "success");
  for (const ArmRows& arm : arms) {
    const Strata success = ValuesOf(arm, "success");
    const bool compared =
        &arm != &arms.front() && success.size() == first.size();
    absl::StrAppend(
        text, "| ", arm.name, " | ", CountOf(arm), " | ",
        Number(Mean(arm.all, "zero_shot_best"), 2), " | ",
        Number(Mean(arm.all, "success"), 3), " | ",
        Text(InterquartileMeanInterval(success), 3), " | ",
        Number(Mean(arm.all, "success_best"), 3), " | ",
        Number(Mean(arm.all, "success_mean_actions"), 3), " | ",
        Number(Mean(arm.all, "pretrained_kl_nats"), 2), " | ",
        Number(Mean(arm.all, "coverage_loss"), 2), " | ",
        Number(ShareAbove(success, 0.5), 2), " | ",
        Number(ShareAbove(success, 0.9), 2), " | ", Solved(arm), " | ",
        compared ? Text(ProbabilityOfImprovement(first, success), 2) : "-",
        " |\n");
  }
}

}  // namespace

std::string FormatStudyTables(const StudyPlan& plan, const StudyRows& rows) {
  std::string text;
  for (const v1::StudyWorld& world : plan.study.world()) {
    for (const bool goals : {false, true}) {
      std::vector<ArmRows> arms;
      for (const v1::StudyArm& arm : plan.study.arm()) {
        ArmRows found = RowsOf(plan, rows, world.name(), arm.name(), goals);
        if (!found.all.empty()) arms.push_back(std::move(found));
      }
      if (arms.empty()) continue;
      absl::StrAppend(&text, text.empty() ? "" : "\n", world.name(),
                      goals ? ", success at its goals" : ", pretraining",
                      ":\n\n");
      (goals ? GoalTable : PretrainingTable)(arms, &text);
    }
  }
  return text;
}

absl::StatusOr<std::string> WithStudyTables(absl::string_view document,
                                            absl::string_view name,
                                            absl::string_view tables) {
  const std::string begin = absl::StrCat("<!-- study ", name, ": begin -->\n");
  const std::string end = absl::StrCat("<!-- study ", name, ": end -->");
  const size_t from = document.find(begin);
  const size_t to = document.find(end);
  if (from == absl::string_view::npos || to == absl::string_view::npos ||
      to < from + begin.size() || document.rfind(begin) != from ||
      document.rfind(end) != to) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has not the lines <!-- study ", name, ": begin --> and <!-- study ",
        name,
        ": end --> once each, in this order; write them where the tables "
        "shall stand"));
  }
  return absl::StrCat(document.substr(0, from + begin.size()), tables,
                      document.substr(to));
}

}  // namespace kmyriad
