// kmyriad-bench: what `kmyriad bench` runs. One subcommand per benchmark; the
// result is one JSON object, or lines "key  value" without --json.

#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/build_info.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/program_path.h"
#include "nlohmann/json.hpp"
#include "tests/benchmark/epoch_benchmark.h"
#include "tests/benchmark/knn_benchmark.h"
#include "tests/benchmark/physics_benchmark.h"
#include "tests/benchmark/physics_peers/physics_peers_benchmark.h"
#include "tests/benchmark/policy_benchmark.h"
#include "tests/benchmark/rpc_benchmark.h"
#include "tests/benchmark/score_benchmark.h"
#include "tests/benchmark/update_benchmark.h"

namespace kmyriad {
namespace {

using Run = std::function<absl::StatusOr<nlohmann::json>()>;

std::string CpuModel() {
  std::ifstream stream("/proc/cpuinfo");
  std::string line;
  while (std::getline(stream, line)) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

void PrintLines(const nlohmann::json& object, const std::string& prefix) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      PrintLines(value, prefix + key + ".");
    } else {
      std::printf("%-36s %s\n", (prefix + key).c_str(),
                  value.is_string() ? value.get<std::string>().c_str()
                                    : value.dump().c_str());
    }
  }
}

// Every benchmark of the command line, and the one that was chosen.
class BenchmarkCommands {
 public:
  explicit BenchmarkCommands(CLI::App& app) : app_(app) {
    AddPhysics();
    AddPhysicsPeers();
    AddPolicy();
    AddKnn();
    AddUpdate();
    AddRpc();
    AddScore();
    AddEpoch();
  }

  const Run& chosen() const { return chosen_; }
  bool json() const { return json_; }

 private:
  CLI::App* Add(const char* name, const char* help, Run run) {
    CLI::App* command = app_.add_subcommand(name, help);
    command->add_flag("--json", json_, "One JSON object");
    command->callback([this, run = std::move(run)] { chosen_ = run; });
    return command;
  }

  void AddPhysics() {
    CLI::App* c = Add("physics", "Our stepping against a bare mj_step loop",
                      [this] { return RunPhysicsBenchmark(physics_); });
    c->add_option("--backend", physics_.backend)->capture_default_str();
    c->add_option("--terrain", physics_.terrain)->capture_default_str();
    c->add_option("--integrator", physics_.integrator)->capture_default_str();
    c->add_option("--envs", physics_.envs)->capture_default_str();
    c->add_option("--threads", physics_.threads, "0: one per core")
        ->capture_default_str();
    c->add_option("--seconds", physics_.seconds)->capture_default_str();
  }

  void AddPhysicsPeers() {
    CLI::App* c =
        Add("physics-peers", "Our stepping against MuJoCo's loop and batch API",
            [this] { return RunPhysicsPeersBenchmark(peers_); });
    c->add_option("--backend", peers_.backend)->capture_default_str();
    c->add_option("--terrain", peers_.terrain)->capture_default_str();
    c->add_option("--integrator", peers_.integrator)->capture_default_str();
    c->add_option("--envs", peers_.envs)->capture_default_str();
    c->add_option("--threads", peers_.threads)->capture_default_str();
    c->add_option("--seconds", peers_.seconds)->capture_default_str();
  }

  void AddPolicy() {
    CLI::App* c = Add("policy", "Policy inference against the core's peak",
                      [this] { return RunPolicyBenchmark(policy_); });
    c->add_option("--trunk", policy_.shape.trunk, "512,256")->delimiter(',');
    c->add_option("--agents", policy_.shape.agents)->capture_default_str();
    c->add_option("--seconds", policy_.seconds)->capture_default_str();
    c->add_flag("!--no-torch", policy_.torch, "Without LibTorch");
  }

  void AddKnn() {
    CLI::App* c = Add("knn", "Exact nearest neighbours against nanoflann",
                      [this] { return RunKnnBenchmark(knn_); });
    c->add_option("--points", knn_.points)->capture_default_str();
    c->add_option("--dims", knn_.dims)->capture_default_str();
    c->add_option("--k", knn_.k)->capture_default_str();
    c->add_option("--threads", knn_.threads, "0: one per core")
        ->capture_default_str();
    c->add_option("--data", knn_.data,
                  "uniform, gaussian, walk or the path of a file of float32")
        ->capture_default_str();
    c->add_option("--engine", knn_.engine)->capture_default_str();
    c->add_option("--seed", knn_.seed)->capture_default_str();
    c->add_option("--nanoflann-seconds", knn_.nanoflann_seconds)
        ->capture_default_str();
  }

  void AddUpdate() {
    CLI::App* c = Add("update", "The learner's update against LibTorch's GEMM",
                      [this] { return RunUpdateBenchmark(update_); });
    c->add_option("--agents", update_.agents)->capture_default_str();
    c->add_option("--envs", update_.envs)->capture_default_str();
    c->add_option("--horizon", update_.horizon)->capture_default_str();
    c->add_option("--trunk", update_.trunk, "512,256")->delimiter(',');
    c->add_option("--threads", update_.threads, "0: one per core")
        ->capture_default_str();
    c->add_option("--precision", update_.precision, "fp32, bf16 or both")
        ->capture_default_str();
    c->add_option("--passes", update_.passes)->capture_default_str();
    c->add_option("--minibatches", update_.minibatches)->capture_default_str();
  }

  void AddRpc() {
    CLI::App* c = Add("rpc", "Processor time per byte of the state stream",
                      [this] { return RunRpcBenchmark(rpc_); });
    c->add_option("--transport", rpc_.transport, "unix, tcp, mtls or all")
        ->capture_default_str();
    c->add_option("--megabytes", rpc_.megabytes)->capture_default_str();
    c->add_option("--repeats", rpc_.repeats)->capture_default_str();
    c->add_option("--batch-bytes", rpc_.batch_bytes)->capture_default_str();
    c->add_option("--credit-bytes", rpc_.credit_bytes)->capture_default_str();
  }

  void AddScore() {
    CLI::App* c = Add("score", "ScoreEpoch over a unix socket against in place",
                      [this] { return RunScoreBenchmark(score_); });
    c->add_option("--particles", score_.particles)->capture_default_str();
    c->add_option("--dims", score_.dims)->capture_default_str();
    c->add_option("--k", score_.k)->capture_default_str();
    c->add_option("--threads", score_.threads, "0: one per core")
        ->capture_default_str();
    c->add_option("--repeats", score_.repeats)->capture_default_str();
  }

  void AddEpoch() {
    epoch_.kmyriad = ProgramPath("kmyriad");
    CLI::App* c = Add("epoch", "A short training, phase by phase",
                      [this] { return RunEpochBenchmark(epoch_); });
    c->add_option("--preset", epoch_.preset)->capture_default_str();
    c->add_option("--epochs", epoch_.epochs)->capture_default_str();
    c->add_option("--set", epoch_.overrides, "Override, group.key=value")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  CLI::App& app_;
  Run chosen_;
  bool json_ = false;
  PhysicsBenchmarkOptions physics_;
  PhysicsPeersOptions peers_;
  PolicyBenchmarkOptions policy_;
  KnnBenchmarkOptions knn_;
  UpdateBenchmarkOptions update_;
  RpcBenchmarkOptions rpc_;
  ScoreBenchmarkOptions score_;
  EpochBenchmarkOptions epoch_;
};

int Main(int argc, char** argv) {
  CLI::App app("Benchmarks, each against a reference of the same run",
               "kmyriad bench");
  app.require_subcommand(1);
  BenchmarkCommands commands(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  absl::StatusOr<nlohmann::json> result = commands.chosen()();
  if (!result.ok()) return ReportError(result.status());
  std::string command = CommandName() + " bench";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  (*result)["benchmark"] = app.get_subcommands().front()->get_name();
  (*result)["machine"] = CpuModel();
  (*result)["cores"] = std::thread::hardware_concurrency();
  if (!result->contains("threads")) {
    (*result)["threads"] = (*result)["benchmark"] == "policy"
                               ? 1
                               : std::thread::hardware_concurrency();
  }
  (*result)["revision"] = BuildRevision();
  (*result)["command"] = command;
  if (commands.json()) {
    std::printf("%s\n", result->dump(2).c_str());
  } else {
    PrintLines(*result, "");
  }
  return kExitDone;
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
