#include "deploy/launcher/commands/export.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/build_info.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "common/math/elementary.h"
#include "common/process/exit_codes.h"
#include "common/process/startup.h"
#include "deploy/launcher/agent_choice.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/episodes.h"
#include "deploy/launcher/policy_graph.h"
#include "deploy/launcher/population_source.h"
#include "learner/checkpoint/safetensors.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

constexpr char kContractFile[] = "contract.json";
constexpr char kRecordedFile[] = "recorded.safetensors";
// Fresh episodes per agent: the first one is recorded, all decide who is best.
constexpr uint32_t kEpisodes = 4;
// States of an agent that are recorded, at most.
constexpr uint32_t kRecordedStates = 128;

// What an agent did in its episodes, acting with its mean.
struct AgentRecord {
  uint64_t cells = 0;
  std::vector<float> observations;  // [states, obs_dim] raw
  std::vector<float> means;         // [states, act_dim]
};

absl::StatusOr<std::vector<AgentRecord>> RecordAgents(
    const Population& population,
    const std::shared_ptr<const EnvironmentModel>& model) {
  const EnvironmentSpec& spec = population.spec;
  EpisodeOptions options;
  options.run_seed = population.config.run().seed();
  options.epoch = static_cast<uint32_t>(population.epoch);
  options.episodes = kEpisodes;
  options.mean_actions = true;
  options.threads = AvailableCores();
  const uint32_t agents = population.weights.agent_count;
  std::vector<CellSet> cells(size_t{agents} * kEpisodes,
                             CellSet(spec.coverage));
  std::vector<AgentRecord> records(agents);
  KMYRIAD_RETURN_IF_ERROR(RunEpisodes(
      model, population.weights, options, [&](const Episode& episode) {
        cells[size_t{episode.agent} * kEpisodes + episode.number].Add(
            episode, spec.feature_dim());
        if (episode.number != 0) return;
        AgentRecord& record = records[episode.agent];
        const uint32_t states = std::min(episode.steps, kRecordedStates);
        const auto append = [](const float* row, size_t columns,
                               std::vector<float>* to) {
          to->insert(to->end(), row, row + columns);
        };
        for (uint32_t i = 0; i < states; ++i) {
          const size_t step = uint64_t{i} * episode.steps / states;
          append(episode.view.observations + step * spec.obs_dim(),
                 spec.obs_dim(), &record.observations);
          append(episode.view.actions + step * spec.act_dim, spec.act_dim,
                 &record.means);
        }
      }));
  for (uint32_t agent = 0; agent < agents; ++agent) {
    CellSet& all = cells[size_t{agent} * kEpisodes];
    for (uint32_t i = 1; i < kEpisodes; ++i) {
      all.Add(cells[size_t{agent} * kEpisodes + i]);
    }
    records[agent].cells = all.reached();
  }
  return records;
}

std::vector<uint64_t> CellsOf(const std::vector<AgentRecord>& records) {
  std::vector<uint64_t> cells;
  for (const AgentRecord& record : records) cells.push_back(record.cells);
  return cells;
}

// Everything that a user of the policies must do as the training did.
nlohmann::ordered_json Contract(const Population& population,
                                const EnvironmentModel& model) {
  const EnvironmentSpec& spec = population.spec;
  const v1::RunConfig& config = population.config;
  nlohmann::ordered_json columns = nlohmann::ordered_json::array();
  for (const ObservationColumn& column : spec.observation) {
    columns.push_back(column.name);
  }
  const float half = ArenaHalfSize(spec);
  return {{"format", "kmyriad-policy"},
          {"format_version", 1},
          {"revision", BuildRevision()},
          {"run", population.run_name},
          {"run_uuid", population.run_uuid},
          {"checkpoint", population.checkpoint},
          {"epoch", population.epoch},
          {"env_steps", population.env_steps},
          {"policy_hash", ToHex(population.policy_hash)},
          {"task", spec.task},
          {"terrain", spec.terrain},
          {"terrain_sha256", ToHex(spec.terrain_hash)},
          {"observation",
           {{"columns", columns},
            {"divided_by", {{"x", half}, {"y", half}}},
            {"t", "step / horizon, 0 in the start state"},
            {"horizon", config.env().horizon()}}},
          {"normalizer", "inside: clip((observation - mean) * inv_std, -5, 5)"},
          {"network",
           {{"trunk", config.network().trunk()},
            {"activation", config.network().activation()}}},
          {"action",
           {{"drives", model.action_names()},
            {"formula", "action_scale * tanh(mean)"},
            {"action_scale", config.env().action_scale()},
            {"low", -config.env().action_scale()},
            {"high", config.env().action_scale()}}},
          {"step_seconds", spec.step_seconds},
          {"frame_skip", config.env().frame_skip()},
          {"integrator", config.env().integrator()},
          {"physics", config.physics().backend()}};
}

std::string FileName(uint32_t agent, absl::string_view format) {
  return absl::StrFormat("agent_%05u.%s", agent, format);
}

absl::Status WriteAgent(const ExportOptions& options,
                        const Population& population, uint32_t agent,
                        const nlohmann::ordered_json& contract,
                        const std::string& folder, FileSystem& files) {
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights head,
                           SelectAgents(population.weights, agent, 1));
  nlohmann::ordered_json own = contract;
  own["agent"] = agent;
  own["action"]["log_std"] = head.head_log_std;
  const std::string text = own.dump();
  const float scale = population.config.env().action_scale();
  for (const std::string& format : options.formats) {
    std::string bytes;
    if (format == "onnx") {
      bytes = PolicyAsOnnx(head, scale, text);
    } else {
      KMYRIAD_ASSIGN_OR_RETURN(
          bytes, EncodeSafetensors(PolicyAsTensors(head, scale, text)));
    }
    KMYRIAD_RETURN_IF_ERROR(
        files.WriteAndSync(JoinPath(folder, FileName(agent, format)), bytes));
  }
  return absl::OkStatus();
}

absl::Status WriteRecorded(const Population& population,
                           const std::vector<uint32_t>& agents,
                           const std::vector<AgentRecord>& records,
                           const std::string& folder, FileSystem& files) {
  const float scale = population.config.env().action_scale();
  std::vector<float> observations;
  std::vector<float> means;
  std::vector<float> actions;
  for (const uint32_t agent : agents) {
    const AgentRecord& record = records[agent];
    observations.insert(observations.end(), record.observations.begin(),
                        record.observations.end());
    for (const float mean : record.means) {
      means.push_back(mean);
      actions.push_back(scale * Tanh(mean));
    }
  }
  const int64_t count = static_cast<int64_t>(agents.size());
  const int64_t obs = population.spec.obs_dim();
  const int64_t act = population.spec.act_dim;
  const int64_t states =
      static_cast<int64_t>(observations.size()) / (count * obs);
  SafetensorsContent content;
  content.tensors = {
      MakeTensor("agents", {count}, agents),
      MakeTensor("observations", {count, states, obs}, observations),
      MakeTensor("means", {count, states, act}, means),
      MakeTensor("actions", {count, states, act}, actions)};
  KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes, EncodeSafetensors(content));
  return files.WriteAndSync(JoinPath(folder, kRecordedFile), bytes);
}

absl::Status CheckFormats(const std::vector<std::string>& formats) {
  for (const std::string& format : formats) {
    if (format == "onnx" || format == "safetensors") continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--format = ", format, ": unknown; use safetensors, onnx or both"));
  }
  return absl::OkStatus();
}

// Puts the finished folder in its place; what is there must be an export.
absl::Status Place(const std::string& finished, const std::string& out,
                   FileSystem& files) {
  if (files.Exists(out)) {
    if (!files.Exists(JoinPath(out, kContractFile))) {
      return absl::AlreadyExistsError(
          absl::StrCat("--out = ", out,
                       ": holds something that is no export; choose "
                       "another folder"));
    }
    KMYRIAD_RETURN_IF_ERROR(files.RemoveAll(out));
  }
  return files.Rename(finished, out);
}

absl::Status Export(const ExportOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(CheckFormats(options.formats));
  FileSystem& files = PosixFileSystem();
  KMYRIAD_ASSIGN_OR_RETURN(const Population population,
                           LoadPopulation(files, options.target, options.runs));
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOf(population));
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<AgentRecord> records,
                           RecordAgents(population, model));
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<uint32_t> agents,
                           ChooseAgents(options.agents, CellsOf(records)));
  std::string out = options.out;
  if (out.empty()) {
    out = JoinPath(JoinPath(population.run_folder, "export"),
                   population.checkpoint);
  }
  const std::string building = absl::StrCat(out, ".tmp-", getpid());
  KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(building));
  nlohmann::ordered_json contract = Contract(population, *model);
  absl::Status status;
  for (const uint32_t agent : agents) {
    status.Update(
        WriteAgent(options, population, agent, contract, building, files));
    if (!status.ok()) break;
  }
  if (status.ok()) {
    status = WriteRecorded(population, agents, records, building, files);
  }
  nlohmann::ordered_json listed = nlohmann::ordered_json::array();
  for (const uint32_t agent : agents) {
    listed.push_back({{"agent", agent}, {"cells", records[agent].cells}});
  }
  contract["formats"] = options.formats;
  contract["agents"] = listed;
  if (status.ok()) {
    status = files.WriteAndSync(JoinPath(building, kContractFile),
                                contract.dump(2) + "\n");
  }
  if (status.ok()) status = Place(building, out, files);
  if (!status.ok()) {
    files.RemoveAll(building).IgnoreError();
    return status;
  }
  std::printf("%s\n", out.c_str());
  return absl::OkStatus();
}

}  // namespace

int RunExport(const ExportOptions& options) {
  const absl::Status status = Export(options);
  return status.ok() ? kExitDone : ReportError(status);
}

}  // namespace kmyriad
