#include "deploy/launcher/study/study_runner.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/build_info.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/child_process.h"
#include "deploy/launcher/population_source.h"
#include "deploy/launcher/program_path.h"
#include "deploy/launcher/run_folder.h"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPollMilliseconds = 200;
// What pretraining came to is a mean over this share of its epochs, the last.
constexpr size_t kTailShare = 10;
constexpr double kSolved = 0.9;

// What pretraining came to, from a run's metrics.
absl::StatusOr<Json> MeasurePretraining(const std::string& folder) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> metrics,
                           ReadMetrics(PosixFileSystem(), folder));
  if (metrics.empty()) {
    return absl::DataLossError(absl::StrCat(folder, ": no metrics"));
  }
  const size_t tail = std::max<size_t>(1, metrics.size() / kTailShare);
  Json row = {{"env_steps", metrics.back().value("env_steps", uint64_t{0})},
              {"tail_epochs", tail}};
  for (const char* key :
       {"entropy_nats", "grid_entropy_nats", "coverage", "diversity_nats",
        "diversity_null_nats", "owner_share", "redundancy", "vendi_score",
        "upside_down"}) {
    double sum = 0;
    for (size_t i = metrics.size() - tail; i < metrics.size(); ++i) {
      sum += NumberOr(metrics[i], key, 0);
    }
    const bool known =
        metrics.back().contains(key) && metrics.back()[key].is_number();
    row[key] = known ? Json(sum / static_cast<double>(tail)) : Json();
  }
  row["coverage_ever"] = NumberOr(metrics.back(), "coverage_ever", 0);
  // As in rows of goals, of the policy that the run ended with.
  KMYRIAD_ASSIGN_OR_RETURN(const Population population,
                           LoadPopulation(PosixFileSystem(), folder, ""));
  row["policy_hash"] = ToHex(population.policy_hash);
  return row;
}

// How far the policies went from those that were pretrained: of the last epoch.
// Nothing for a start at random; no coverage_loss for the last of several
// rounds.
absl::Status AddForgetting(const std::string& folder, Json* row) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> metrics,
                           ReadMetrics(PosixFileSystem(), folder));
  for (const char* key : {"pretrained_kl_nats", "coverage_loss"}) {
    if (metrics.empty() || !metrics.back().contains(key)) continue;
    (*row)[key] = NumberOr(metrics.back(), key, 0);
  }
  return absl::OkStatus();
}

// Samples of fine-tuning until an epoch's success was 0.9, with `earlier` ones
// of other rounds; null: never.
absl::StatusOr<Json> StepsUntilSolved(const std::string& folder,
                                      uint64_t earlier) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> metrics,
                           ReadMetrics(PosixFileSystem(), folder));
  for (const nlohmann::json& line : metrics) {
    if (NumberOr(line, "success", 0) < kSolved) continue;
    return Json(line.value("env_steps", uint64_t{0}) + earlier);
  }
  return Json();
}

absl::StatusOr<Json> ParseAnswer(const std::string& text,
                                 const std::string& command) {
  Json answer = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) {
    return absl::InternalError(absl::StrCat(command, ": not JSON"));
  }
  return answer;
}

// The work of one unit, command by command.
class UnitWork {
 public:
  UnitWork(const StudyPlan& plan, const StudyUnit& unit,
           const StudyRunOptions& options, StudyRows& rows)
      : plan_(plan), unit_(unit), options_(options), rows_(rows) {
    for (const std::string& goal : unit.goals) {
      if (!rows.Has(CellAt(goal))) goals_.push_back(goal);
    }
    stage_ = first_stage();
    wants_source_ =
        !goals_.empty() || (unit.pretrains && !rows.Has(CellAt("")));
  }
  bool done() const { return !wants_source_ && goals_.empty(); }
  const StudyUnit& unit() const { return unit_; }

  // Starts the next command.
  absl::Status Start() {
    command_ = NextCommand();
    std::vector<std::string> argv = {ProgramPath("kmyriad")};
    argv.insert(argv.end(), command_.begin(), command_.end());
    output_.clear();
    error_.clear();
    KMYRIAD_ASSIGN_OR_RETURN(child_, ChildProcess::Start(argv));
    return absl::OkStatus();
  }
  bool running() const { return child_ != nullptr; }
  ChildProcess* child() { return child_.get(); }

  // Takes in what arrived; once the command has ended, what it means. Returns
  // whether it was interrupted.
  absl::StatusOr<bool> Advance() {
    const absl::optional<ProcessExit> exit = child_->Poll();
    for (const std::string& line : child_->ReadStdout()) {
      absl::StrAppend(&output_, line, "\n");
    }
    for (std::string& line : child_->ReadStderr()) error_ = std::move(line);
    if (!exit) return false;
    child_.reset();
    if (exit->signal == 0 && exit->code == kExitInterrupted) return true;
    if (exit->signal != 0 || exit->code != 0) {
      return absl::InternalError(
          absl::StrCat("kmyriad ", absl::StrJoin(command_, " "), ": ",
                       Describe(*exit), error_.empty() ? "" : ": ", error_));
    }
    KMYRIAD_RETURN_IF_ERROR(Finish());
    return false;
  }

 private:
  enum class Stage { kSource, kBefore, kFinetune, kAfter };

  // At a goal. A start at random is not what its setting's run is: nothing is
  // measured before.
  Stage first_stage() const {
    return unit_.use == "random" ? Stage::kFinetune : Stage::kBefore;
  }
  StudyCell CellAt(const std::string& goal) const {
    return {unit_.world, unit_.arm, unit_.seed, goal};
  }

  std::vector<std::string> NextCommand() {
    const std::vector<std::string> in_runs = {"--runs", options_.runs};
    std::vector<std::string> command;
    const std::vector<std::string>* overrides = nullptr;
    if (wants_source_) {
      stage_ = Stage::kSource;
      command = {"train",
                 "--preset",
                 unit_.preset,
                 "--name",
                 unit_.source,
                 "--seed",
                 absl::StrCat(unit_.seed)};
      if (unit_.source_epochs > 0) {
        command.push_back("--epochs");
        command.push_back(absl::StrCat(unit_.source_epochs));
      }
      overrides = &unit_.set;
    } else if (stage_ == Stage::kBefore) {
      command = {"eval", unit_.source, "--goal", goals_.front(), "--json"};
    } else if (stage_ == Stage::kFinetune) {
      command = {"finetune",
                 "--from",
                 unit_.source,
                 "--task",
                 absl::StrCat(unit_.terrain, "/", goals_.front()),
                 "--use",
                 unit_.use,
                 "--name",
                 unit_.RunName(goals_.front()),
                 "--epochs",
                 absl::StrCat(plan_.study.finetune_epochs())};
      overrides = &unit_.finetune_set;
    } else {
      command = {"eval",
                 unit_.RunName(goals_.front()),
                 "--goal",
                 goals_.front(),
                 "--json",
                 "--episodes",
                 absl::StrCat(plan_.study.episodes())};
    }
    command.insert(command.end(), in_runs.begin(), in_runs.end());
    if (overrides != nullptr) {
      for (const std::string& text : *overrides) {
        command.push_back("--set");
        command.push_back(text);
      }
    }
    return command;
  }

  absl::Status Finish() {
    switch (stage_) {
      case Stage::kSource:
        wants_source_ = false;
        stage_ = first_stage();
        if (!unit_.pretrains || rows_.Has(CellAt(""))) return absl::OkStatus();
        return AddSourceRow();
      case Stage::kBefore:
        stage_ = Stage::kFinetune;
        return KeepZeroShot();
      case Stage::kFinetune:
        stage_ = Stage::kAfter;
        return absl::OkStatus();
      case Stage::kAfter:
        KMYRIAD_RETURN_IF_ERROR(AddGoalRow());
        goals_.erase(goals_.begin());
        stage_ = first_stage();
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::Status AddSourceRow() {
    KMYRIAD_ASSIGN_OR_RETURN(const Json row, MeasurePretraining(JoinPath(
                                                 options_.runs, unit_.source)));
    return Add("", row);
  }

  absl::Status KeepZeroShot() {
    KMYRIAD_ASSIGN_OR_RETURN(const Json answer, ParseAnswer(output_, "eval"));
    const Json& sampled = answer["goals"][0]["sampled"];
    zero_shot_ = {{"zero_shot_mean", sampled["success_mean"]},
                  {"zero_shot_best", sampled["success_best"]}};
    return absl::OkStatus();
  }

  absl::Status AddGoalRow() {
    KMYRIAD_ASSIGN_OR_RETURN(const Json answer, ParseAnswer(output_, "eval"));
    const std::string folder =
        JoinPath(options_.runs, unit_.RunName(goals_.front()));
    KMYRIAD_ASSIGN_OR_RETURN(
        const std::string text,
        PosixFileSystem().Read(JoinPath(folder, "finetune.json"), 64 << 20));
    KMYRIAD_ASSIGN_OR_RETURN(const Json record,
                             ParseAnswer(text, "finetune.json"));
    const Json& goal = answer["goals"][0];
    Json row = Json::object();
    if (zero_shot_.is_object()) row = zero_shot_;
    row["success"] = goal["sampled"]["success_mean"];
    row["success_best"] = goal["sampled"]["success_best"];
    row["success_mean_actions"] = goal["mean_actions"]["success_mean"];
    row["heads"] = answer["agents"].size();
    row["use"] = record["use"];
    // Those of earlier rounds are part of it.
    const uint64_t earlier = record.value("earlier_env_steps", uint64_t{0});
    row["env_steps"] = answer["trained_env_steps"].get<uint64_t>() + earlier;
    row["selection_env_steps"] = record["selection_env_steps"];
    KMYRIAD_ASSIGN_OR_RETURN(row["env_steps_until_solved"],
                             StepsUntilSolved(folder, earlier));
    KMYRIAD_RETURN_IF_ERROR(AddForgetting(folder, &row));
    row["policy_hash"] = answer["policy_hash"];
    return Add(goals_.front(), row);
  }

  absl::Status Add(const std::string& goal, Json row) {
    row["revision"] = BuildRevision();
    KMYRIAD_RETURN_IF_ERROR(rows_.Add(CellAt(goal), row));
    std::printf("%s: %s\n", CellAt(goal).Name().c_str(),
                goal.empty()
                    ? absl::StrCat("coverage ", row["coverage"].dump()).c_str()
                    : absl::StrCat("success ", row["success"].dump()).c_str());
    std::fflush(stdout);
    return absl::OkStatus();
  }

  const StudyPlan& plan_;
  const StudyUnit& unit_;
  const StudyRunOptions& options_;
  StudyRows& rows_;
  bool wants_source_ = false;
  std::vector<std::string> goals_;  // without a row yet
  Stage stage_ = Stage::kBefore;
  Json zero_shot_;
  std::vector<std::string> command_;
  std::string output_;
  std::string error_;
  std::unique_ptr<ChildProcess> child_;
};

// Runs units side by side; those with the same source after one another.
class StudyRun {
 public:
  StudyRun(const StudyPlan& plan, const StudyRunOptions& options,
           SignalSource& signals, StudyRows& rows)
      : options_(options), signals_(signals) {
    for (const StudyUnit& unit : plan.units) {
      auto work = std::make_unique<UnitWork>(plan, unit, options, rows);
      if (!work->done()) waiting_.push_back(std::move(work));
    }
  }

  absl::Status Run() {
    const auto start = std::chrono::steady_clock::now();
    while (true) {
      const std::chrono::duration<double> spent =
          std::chrono::steady_clock::now() - start;
      const bool late =
          options_.minutes > 0 && spent.count() > 60 * options_.minutes;
      for (const int number :
           late && !ending_ ? std::vector<int>{SIGTERM} : signals_.Take()) {
        ending_ = true;
        for (auto& work : active_) {
          if (work->running()) work->child()->Signal(number);
        }
      }
      KMYRIAD_RETURN_IF_ERROR(Fill());
      if (active_.empty()) return absl::OkStatus();
      Wait();
      KMYRIAD_RETURN_IF_ERROR(AdvanceAll());
    }
  }

 private:
  bool SourceInUse(const UnitWork& work) const {
    return std::any_of(active_.begin(), active_.end(), [&](const auto& other) {
      return other->unit().source == work.unit().source;
    });
  }

  absl::Status Fill() {
    for (auto it = waiting_.begin();
         !ending_ && it != waiting_.end() &&
         active_.size() < static_cast<size_t>(options_.jobs);) {
      if (SourceInUse(**it)) {
        ++it;
        continue;
      }
      active_.push_back(std::move(*it));
      it = waiting_.erase(it);
      KMYRIAD_RETURN_IF_ERROR(active_.back()->Start());
    }
    return absl::OkStatus();
  }

  void Wait() {
    std::vector<pollfd> fds = {{signals_.fd(), POLLIN, 0}};
    for (auto& work : active_) {
      for (const int fd :
           {work->child()->stdout_fd(), work->child()->stderr_fd()}) {
        if (fd >= 0) fds.push_back({fd, POLLIN, 0});
      }
    }
    poll(fds.data(), fds.size(), kPollMilliseconds);
  }

  absl::Status AdvanceAll() {
    for (auto it = active_.begin(); it != active_.end();) {
      UnitWork& work = **it;
      KMYRIAD_ASSIGN_OR_RETURN(const bool interrupted, work.Advance());
      // A training that somebody else interrupts ends the study as well.
      ending_ = ending_ || interrupted;
      if (!work.running() && !work.done() && !ending_) {
        KMYRIAD_RETURN_IF_ERROR(work.Start());
      }
      it = work.running() ? it + 1 : active_.erase(it);
    }
    return absl::OkStatus();
  }

  const StudyRunOptions& options_;
  SignalSource& signals_;
  bool ending_ = false;
  std::vector<std::unique_ptr<UnitWork>> waiting_;
  std::vector<std::unique_ptr<UnitWork>> active_;
};

}  // namespace

absl::Status RunStudyCells(const StudyPlan& plan,
                           const StudyRunOptions& options,
                           SignalSource& signals, StudyRows* rows) {
  KMYRIAD_RETURN_IF_ERROR(PosixFileSystem().CreateFolders(options.runs));
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<FileLock> lock,
      PosixFileSystem().Lock(JoinPath(options.runs, "study.lock")));
  return StudyRun(plan, options, signals, *rows).Run();
}

}  // namespace kmyriad
