// kmyriad-entropy: serves kmyriad.v1.EntropyService until SIGTERM or SIGINT.
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/metrics/metrics_registry.h"
#include "common/process/exit_codes.h"
#include "common/process/process_flags.h"
#include "common/process/process_metrics.h"
#include "common/process/startup.h"
#include "common/rpc/grpc_server.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_metrics.h"
#include "entropy_service/entropy_options.h"
#include "entropy_service/entropy_service_impl.h"
#include "entropy_service/index/index_factory.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

// Seconds that calls get to end by themselves.
constexpr double kGraceSeconds = 5;

void AddFlags(CLI::App& app, EntropyOptions& options) {
  app.add_option("--listen", options.listen,
                 "Address to serve on, HOST:PORT or unix:PATH")
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads of the neighbour search; 0: one per core")
      ->capture_default_str();
  app.add_option("--engine", options.engine,
                 "Neighbour search: auto, grid, kd_tree, brute_force, or on a "
                 "GPU cuda_grid, cuda_brute_force; all give the same bits")
      ->capture_default_str();
  AddProcessFlags(app, options.process);
  app.add_flag("--insecure-allow-remote", options.insecure_allow_remote,
               "Listen beyond loopback without encryption");
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kFailedPrecondition:
      return kExitConfiguration;
    default:
      return kExitFailure;
  }
}

// `stop_signals` are blocked in every thread.
absl::Status Serve(const EntropyOptions& options,
                   const sigset_t& stop_signals) {
  KMYRIAD_RETURN_IF_ERROR(options.Validate());
  if (const absl::Status engine = CheckKnnEngine(options.engine);
      !engine.ok()) {
    return absl::Status(
        engine.code(),
        absl::StrCat("--engine = ", options.engine, ": ", engine.message()));
  }
  MetricsRegistry registry;
  ProcessMetrics process_metrics(registry, "entropy");
  EntropyMetrics metrics(registry);
  EntropyEngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.engine = options.engine;
  engine_options.revision = BuildRevision();
  auto created = EntropyEngine::Create(engine_options, metrics, RealClock());
  // KMYRIAD_SIMD asks for what does not exist or the machine lacks.
  if (!created.ok()) {
    return absl::FailedPreconditionError(created.status().message());
  }
  const std::unique_ptr<EntropyEngine> engine = *std::move(created);
  EntropyServiceImpl service(*engine, metrics);
  KMYRIAD_RETURN_IF_ERROR(
      process_metrics.WatchCertificate(options.process.tls, Role::kEntropy));
  KMYRIAD_RETURN_IF_ERROR(process_metrics.Serve(options.process.metrics));
  GrpcServerOptions server_options;
  server_options.listen = options.listen;
  server_options.health_listen = options.process.health;
  server_options.insecure_allow_remote = options.insecure_allow_remote;
  server_options.tls = options.process.tls;
  server_options.metrics = &registry;
  server_options.on_denied = [&process_metrics] {
    process_metrics.CountDenied();
  };
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<GrpcServer> server,
      GrpcServer::Start(server_options, {&service}, {kEntropyServiceName}));
  server->SetReady(true);
  process_metrics.SetInsecureRemote(server->insecure_remote());
  const EntropyInfo info = engine->Info();
  LogInfo("serving on ", server->address(), ", ", info.threads, " threads, ",
          info.instruction_set);
  std::cout << nlohmann::json({{"role", "entropy"},
                               {"listening", server->address()},
                               {"health", server->health_address()},
                               {"metrics", process_metrics.address()}})
                   .dump()
            << std::endl;
  int signal = 0;
  sigwait(&stop_signals, &signal);
  LogInfo("stopping on signal ", signal);
  server->Shutdown(kGraceSeconds);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  EntropyOptions options;
  CLI::App app(
      "Scores epochs: entropy, rewards and coverage of the states "
      "that a population visits.",
      "kmyriad-entropy");
  AddFlags(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help comes this way, too.
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "kmyriad-entropy: error: %s; see --help\n",
                 error.what());
    return kExitUsage;
  }
  // Before any thread exists, so that all inherit it.
  const sigset_t stop_signals = BlockStopSignals();
  StartLogging("entropy", options.process);
  const absl::Status status = Serve(options, stop_signals);
  if (status.ok()) return kExitDone;
  std::fprintf(stderr, "kmyriad-entropy: error: %s\n",
               std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
