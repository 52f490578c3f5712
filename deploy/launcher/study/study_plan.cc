#include "deploy/launcher/study/study_plan.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "actor/rollout/run_environment.h"
#include "common/base/digest.h"
#include "common/base/goal_task.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "deploy/launcher/run_folder.h"

namespace kmyriad {
namespace {

constexpr uint64_t kDefaultFinetuneEpochs = 40;
constexpr uint32_t kDefaultEpisodes = 100;
// A start at random takes its run's setting alone.
constexpr uint64_t kSettingEpochs = 1;
constexpr size_t kMostUnits = 100000;

// Later errors only follow from the first.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    text_ = absl::StrCat(line + 1, ":", column + 1, ": ",
                         absl::StrReplaceAll(message, {{"\n", " "}}));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Fails unless `names` are folder names and distinct.
absl::Status CheckNames(const std::vector<std::string>& names,
                        absl::string_view key) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!CheckRunName(name).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(key, " = \"", absl::CEscape(name),
                       "\": must be letters, digits, '.', '_' and '-'"));
    }
    if (!seen.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(key, " = ", name, ": is there twice; name each once"));
    }
  }
  if (seen.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": missing; give at least one"));
  }
  return absl::OkStatus();
}

template <typename Messages>
std::vector<std::string> NamesOf(const Messages& messages) {
  std::vector<std::string> names;
  for (const auto& message : messages) names.push_back(message.name());
  return names;
}

absl::Status CheckGrid(const v1::Study& study) {
  KMYRIAD_RETURN_IF_ERROR(CheckNames(NamesOf(study.world()), "world.name"));
  KMYRIAD_RETURN_IF_ERROR(CheckNames(NamesOf(study.arm()), "arm.name"));
  std::vector<std::string> seeds;
  for (const uint64_t seed : study.seeds()) seeds.push_back(absl::StrCat(seed));
  KMYRIAD_RETURN_IF_ERROR(CheckNames(seeds, "seeds"));
  if (study.finetune_epochs() < 1 || study.episodes() < 1) {
    return absl::InvalidArgumentError(
        "finetune_epochs, episodes: must be 1 or more");
  }
  const double units =
      1.0 * study.seeds_size() * study.world_size() * study.arm_size();
  if (units > kMostUnits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "seeds x world x arm = ", units, ": at most ", kMostUnits));
  }
  return absl::OkStatus();
}

// The arm whose runs `arm` fine-tunes.
absl::StatusOr<const v1::StudyArm*> SourceOf(const v1::Study& study, int arm) {
  const v1::StudyArm& self = study.arm(arm);
  if (!self.has_pretrained_by()) return &self;
  for (int i = 0; i < arm; ++i) {
    if (study.arm(i).name() != self.pretrained_by()) continue;
    if (self.set_size() > 0 || study.arm(i).has_pretrained_by() ||
        study.arm(i).use() == "random") {
      break;
    }
    return &study.arm(i);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "arm.pretrained_by = ", self.pretrained_by(), " of arm ", self.name(),
      ": must name an earlier arm that pretrains; the arm itself has no set"));
}

// What is wrong with a preset, an override or a goal; fills in the terrain.
// `with_goals`: the grid is a product, what holds for a seed holds for all.
absl::Status CheckUnit(bool with_goals, StudyUnit* unit) {
  KMYRIAD_ASSIGN_OR_RETURN(v1::RunConfig config,
                           LoadRunConfig({unit->preset, "", unit->set}));
  unit->terrain = config.env().terrain();
  if (with_goals && !unit->goals.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const EnvironmentModel> model,
        EnvironmentOfRun(config));
    const EnvironmentSpec& spec = model->spec();
    for (const std::string& goal : unit->goals) {
      KMYRIAD_RETURN_IF_ERROR(
          FindGoalTask(spec, goal, DefaultGoalRadius(spec.task)).status());
    }
  }
  for (const std::string& text : unit->finetune_set) {
    KMYRIAD_RETURN_IF_ERROR(ApplyOverride(text, &config));
  }
  return absl::OkStatus();
}

absl::StatusOr<StudyUnit> MakeUnit(const v1::Study& study,
                                   const v1::StudyWorld& world, int arm,
                                   uint64_t seed) {
  KMYRIAD_ASSIGN_OR_RETURN(const v1::StudyArm* source, SourceOf(study, arm));
  const v1::StudyArm& self = study.arm(arm);
  StudyUnit unit;
  unit.world = world.name();
  unit.arm = self.name();
  unit.seed = seed;
  unit.preset = world.preset();
  unit.set.assign(world.set().begin(), world.set().end());
  unit.set.insert(unit.set.end(), source->set().begin(), source->set().end());
  unit.source = absl::StrCat(world.name(), "-", source->name(), "-", seed);
  unit.use = self.has_use() ? self.use() : "select";
  unit.pretrains = source == &self && unit.use != "random";
  unit.source_epochs = unit.use == "random" ? kSettingEpochs : 0;
  unit.finetune_set.assign(self.finetune_set().begin(),
                           self.finetune_set().end());
  unit.goals.assign(world.goal().begin(), world.goal().end());
  return unit;
}

}  // namespace

std::string StudyCell::Name() const {
  return absl::StrCat(world, " ", arm, " seed ", seed,
                      goal.empty() ? "" : absl::StrCat(" ", goal));
}

bool StudyCell::operator<(const StudyCell& other) const {
  return std::tie(world, arm, seed, goal) <
         std::tie(other.world, other.arm, other.seed, other.goal);
}

std::string StudyUnit::RunName(const std::string& goal) const {
  return absl::StrCat(world, "-", arm, "-", seed, "-", goal);
}

std::string StudyPlan::Fingerprint(const StudyCell& cell) const {
  const auto unit =
      std::find_if(units.begin(), units.end(), [&cell](const StudyUnit& one) {
        return one.world == cell.world && one.arm == cell.arm &&
               one.seed == cell.seed;
      });
  if (unit == units.end()) return "";
  std::vector<std::string> parts = {unit->preset, cell.goal};
  parts.insert(parts.end(), unit->set.begin(), unit->set.end());
  if (!cell.goal.empty()) {
    parts.push_back(unit->use);
    parts.push_back(absl::StrCat(study.finetune_epochs()));
    parts.push_back(absl::StrCat(study.episodes()));
    parts.insert(parts.end(), unit->finetune_set.begin(),
                 unit->finetune_set.end());
  }
  Sha256 hash;
  for (const std::string& part : parts) {
    hash.UpdateInteger(part.size());
    hash.Update(part);
  }
  return ToHex(hash.Finish());
}

std::vector<StudyCell> StudyPlan::Cells() const {
  std::vector<StudyCell> cells;
  for (const StudyUnit& unit : units) {
    if (unit.pretrains) cells.push_back({unit.world, unit.arm, unit.seed, ""});
    for (const std::string& goal : unit.goals) {
      cells.push_back({unit.world, unit.arm, unit.seed, goal});
    }
  }
  return cells;
}

absl::StatusOr<StudyPlan> ParseStudy(absl::string_view text,
                                     const std::string& name) {
  StudyPlan plan;
  google::protobuf::TextFormat::Parser parser;
  FirstError error;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &plan.study)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.text(),
                     " The fields are those of proto/kmyriad/v1/study.proto"));
  }
  v1::Study& study = plan.study;
  if (!study.has_finetune_epochs()) {
    study.set_finetune_epochs(kDefaultFinetuneEpochs);
  }
  if (!study.has_episodes()) study.set_episodes(kDefaultEpisodes);
  const auto fail = [&name](const absl::Status& status, std::string where) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", where, status.message()));
  };
  const absl::Status grid = CheckGrid(study);
  if (!grid.ok()) return fail(grid, "");
  const std::vector<std::string> uses = {"select", "joint", "halving",
                                         "migrate", "random"};
  for (const uint64_t seed : study.seeds()) {
    for (const v1::StudyWorld& world : study.world()) {
      for (int arm = 0; arm < study.arm_size(); ++arm) {
        absl::StatusOr<StudyUnit> unit = MakeUnit(study, world, arm, seed);
        if (!unit.ok()) return fail(unit.status(), "");
        const std::string where =
            absl::StrCat("world ", unit->world, ", arm ", unit->arm, ": ");
        if (std::find(uses.begin(), uses.end(), unit->use) == uses.end()) {
          return fail(absl::InvalidArgumentError(
                          absl::StrCat("arm.use = ", unit->use, ": use one of ",
                                       absl::StrJoin(uses, ", "))),
                      where);
        }
        const absl::Status checked = CheckUnit(seed == study.seeds(0), &*unit);
        if (!checked.ok()) return fail(checked, where);
        plan.units.push_back(*std::move(unit));
      }
    }
  }
  return plan;
}

}  // namespace kmyriad
