// kmyriad-learner: leases rollouts to actors, has them scored, trains the
// population, keeps the run directory.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/metrics_registry.h"
#include "common/process/exit_codes.h"
#include "common/process/process_flags.h"
#include "common/process/process_metrics.h"
#include "common/process/startup.h"
#include "common/rpc/grpc_server.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/control_service_impl.h"
#include "learner/learner_engine.h"
#include "learner/learner_metrics.h"
#include "learner/learner_options.h"
#include "learner/learner_service_impl.h"
#include "learner/run_ledger.h"
#include "learner/run_session.h"
#include "learner/trainer/grpc_entropy_client.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

// For actors to say Bye after Drain.
constexpr double kDrainSeconds = 3;

// One line on stderr, and the code that belongs to the error.
int Fail(const absl::Status& status, const std::string& log) {
  if (!log.empty()) LogError(status.message());
  std::fprintf(stderr, "kmyriad-learner: error: %s\n",
               std::string(status.message()).c_str());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return kExitConfiguration;
    default:
      return kExitFailure;
  }
}

void AddFlags(LearnerOptions& options, CLI::App& app) {
  AddConfigFlags(app, options.config);
  app.add_option("--run-dir", options.run_dir, "Folder of the run")->required();
  app.add_option("--resume", options.resume, "auto, never or must")
      ->capture_default_str();
  app.add_option("--listen", options.listen, "HOST:PORT or unix:PATH")
      ->capture_default_str();
  app.add_option(
         "--entropy", options.entropy,
         "Address of the entropy service, or of its replicas, separated "
         "by commas")
      ->capture_default_str();
  AddProcessFlags(app, options.process);
  app.add_flag("--insecure-allow-remote", options.insecure_allow_remote,
               "Listen on other than loopback addresses without TLS");
}

// Ticks the engine, shows its health and passes signals on, until `done`: the
// first one stops the run in good order, the second ends the process at once.
void Housekeeping(LearnerEngine& engine, GrpcServer& server,
                  const sigset_t& signals, const std::atomic<bool>& done) {
  const timespec period = {0, 200'000'000};
  bool stopping = false;
  while (!done) {
    const int signal = sigtimedwait(&signals, nullptr, &period);
    engine.Tick();
    server.SetReady(engine.ready());
    if (signal <= 0) continue;
    if (stopping) _exit(kExitInterrupted);
    stopping = true;
    engine.RequestStop(signal == SIGINT ? "interrupted" : "terminated");
  }
}

// A device that is not there is refused before anything else is begun: a tiny
// network is made on it.
absl::Status CheckDevice(const v1::RunConfig& config) {
  if (config.learner().device() == "cpu") return absl::OkStatus();
  v1::RunConfig probe = config;
  probe.mutable_population()->set_agents(1);
  EnvironmentSpec environment;
  environment.act_dim = 1;
  environment.observation.resize(1);
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyOptimizerOptions options,
                           MakeOptimizerOptions(probe, environment, 1));
  const absl::Status status = PolicyOptimizer::Create(options).status();
  if (status.ok()) return status;
  if (absl::StartsWith(status.message(), "learner.device")) {
    return absl::FailedPreconditionError(status.message());
  }
  return absl::FailedPreconditionError(
      absl::StrCat("learner.device = ", config.learner().device(), ": ",
                   status.message(), "; set learner.device=cpu"));
}

absl::StatusOr<RunSession> OpenSession(const LearnerOptions& options) {
  RunSessionOptions session;
  KMYRIAD_ASSIGN_OR_RETURN(session.resume, ParseResumeMode(options.resume));
  KMYRIAD_ASSIGN_OR_RETURN(session.config,
                           LoadRunConfig(options.config.Resolve()));
  KMYRIAD_RETURN_IF_ERROR(CheckDevice(session.config));
  session.run_dir = options.run_dir;
  session.cores = AvailableCores();
  session.revision = BuildRevision();
  session.numerics = NumericsInfo(session.config.learner().device());
  KMYRIAD_ASSIGN_OR_RETURN(
      RunSession opened,
      OpenRunSession(session, PosixFileSystem(), RealClock()));
  for (const std::string& difference : opened.recorded) {
    LogWarning("resumed with a difference: ", difference);
    std::fprintf(stderr, "kmyriad-learner: warning: %s\n", difference.c_str());
  }
  return opened;
}

void Announce(const nlohmann::ordered_json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

absl::StatusOr<int> Serve(const LearnerOptions& options, LearnerEngine& engine,
                          const sigset_t& signals, ProcessMetrics& metrics) {
  KMYRIAD_RETURN_IF_ERROR(metrics.Serve(options.process.metrics));
  LearnerServiceImpl learner(engine.hub());
  ControlServiceImpl control(engine);
  GrpcServerOptions server_options;
  server_options.listen = options.listen;
  server_options.health_listen = options.process.health;
  server_options.insecure_allow_remote = options.insecure_allow_remote;
  server_options.tls = options.process.tls;
  server_options.metrics = &metrics.registry();
  server_options.on_denied = [&metrics] { metrics.CountDenied(); };
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<GrpcServer> server,
      GrpcServer::Start(server_options, {&learner, &control},
                        {"kmyriad.v1.Learner", "kmyriad.v1.Control"}));
  server->SetReady(true);
  metrics.SetInsecureRemote(server->insecure_remote());
  Announce({{"role", "learner"},
            {"listening", server->address()},
            {"health", server->health_address()},
            {"metrics", metrics.address()}});
  std::atomic<bool> done = false;
  std::thread housekeeping(
      [&]() { Housekeeping(engine, *server, signals, done); });
  const absl::StatusOr<RunEnd> end = engine.Run();
  server->Shutdown(kDrainSeconds);
  done = true;
  housekeeping.join();
  KMYRIAD_RETURN_IF_ERROR(end.status());
  return *end == RunEnd::kFinished ? kExitDone : kExitInterrupted;
}

// What alerts compare with, and how this process came by the run.
void ExportSession(const RunSession& session, MetricsRegistry& registry) {
  registry
      .AddGauge("kmyriad_learner_actors_expected",
                "Actor processes that the configuration counts on.")
      .Set(session.config.actors().count());
  registry
      .AddGauge("kmyriad_checkpoint_interval_epochs",
                "Epochs between two checkpoints.")
      .Set(session.config.checkpoint().every());
  const auto resumes = [&registry](const char* mode) -> Counter& {
    return registry.AddCounter(
        "kmyriad_run_resumes_total",
        "Times that this process went on with a run that was there; "
        "best_effort: with a difference that may change bits.",
        {{"mode", mode}});
  };
  Counter& exact = resumes("exact");
  Counter& best_effort = resumes("best_effort");
  if (session.resumed) (session.recorded.empty() ? exact : best_effort).Add();
}

absl::StatusOr<int> RunLearner(const LearnerOptions& options) {
  const sigset_t signals = BlockStopSignals();
  // A file over the process's limit is storage that fails, not the end.
  signal(SIGXFSZ, SIG_IGN);
  MetricsRegistry registry;
  ProcessMetrics process_metrics(registry, "learner");
  KMYRIAD_RETURN_IF_ERROR(
      process_metrics.WatchCertificate(options.process.tls, Role::kLearner));
  KMYRIAD_ASSIGN_OR_RETURN(RunSession session, OpenSession(options));
  ExportSession(session, registry);
  EngineOptions engine_options;
  engine_options.config = session.config;
  engine_options.threads = session.threads;
  engine_options.revision = BuildRevision();
  engine_options.initial = std::move(session.initial);
  KMYRIAD_ASSIGN_OR_RETURN(
      std::unique_ptr<RunLedger> ledger,
      RunLedger::Open(std::move(session.directory),
                      session.config.checkpoint().keep(), RealClock()));
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<EntropyClient> entropy,
      MakeGrpcEntropyClient(options.entropy, options.process.tls, &registry));
  LearnerMetrics metrics(registry);
  LearnerEngine engine(engine_options, std::move(ledger), *entropy,
                       &PolicyOptimizer::Create, metrics, RealClock());
  if (engine.finished()) {
    const uint64_t epochs = session.config.run().epochs();
    std::fprintf(stderr,
                 "kmyriad-learner: the run in %s has its %llu epochs already; "
                 "ask for more with --epochs\n",
                 options.run_dir.c_str(),
                 static_cast<unsigned long long>(epochs));
    Announce({{"role", "learner"}, {"finished", true}, {"epochs", epochs}});
    return kExitDone;
  }
  return Serve(options, engine, signals, process_metrics);
}

int Main(int argc, char** argv) {
  CLI::App app("K-Myriad's learner: trains a run with the actors that connect");
  app.set_version_flag("--version",
                       absl::StrCat(BuildVersion(), " ", BuildRevision()));
  LearnerOptions options;
  AddFlags(options, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  StartLogging("learner", options.process);
  const absl::StatusOr<int> code = RunLearner(options);
  return code.ok() ? *code : Fail(code.status(), options.process.log);
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
