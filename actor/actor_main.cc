// kmyriad-actor: steps the blocks that a learner leases and streams their
// segments to it.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "actor/env/vector_env.h"
#include "actor/rollout/actor_engine.h"
#include "actor/rollout/actor_metrics.h"
#include "actor/rollout/grpc_learner_client.h"
#include "actor/rollout/rollout_backend.h"
#include "actor/rollout/rollout_identity.h"
#include "actor/rollout/run_environment.h"
#include "common/base/build_info.h"
#include "common/base/digest.h"
#include "common/base/logging.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/metrics/metrics_registry.h"
#include "common/policy/network_shape.h"
#include "common/process/exit_codes.h"
#include "common/process/process_flags.h"
#include "common/process/process_metrics.h"
#include "common/process/startup.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

constexpr int kMaxThreads = 1024;

// What the health service calls an actor that a learner has welcomed.
constexpr char kActorServiceName[] = "kmyriad.v1.Actor";

struct ActorOptions {
  ConfigFlags config;
  std::string learner = "127.0.0.1:50051";
  // Blocks stepped at the same time on the host; 0: physics.threads of the
  // configuration, and if that is 0 this actor's share of the cores.
  int threads = 0;
  ProcessFlags process = {.health = "",
                          .metrics = "127.0.0.1:0",
                          .log = "",
                          .log_format = "text",
                          .tls = {}};
};

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitConfiguration;
    default:
      return kExitFailure;
  }
}

void AddFlags(ActorOptions& options, CLI::App& app) {
  AddConfigFlags(app, options.config);
  app.add_option("--learner", options.learner,
                 "Address of the learner, HOST:PORT or unix:PATH")
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Blocks stepped at the same time; 0: by the configuration")
      ->check(CLI::Range(0, kMaxThreads))
      ->capture_default_str();
  AddProcessFlags(app, options.process);
}

int ResolveThreads(int flag, const v1::RunConfig& config) {
  // One feeds the GPU.
  if (config.physics().backend() == "cuda") return 1;
  if (flag > 0) return flag;
  const uint32_t configured = config.physics().threads();
  if (configured > 0) {
    return static_cast<int>(std::min<uint32_t>(configured, kMaxThreads));
  }
  const int actors =
      static_cast<int>(std::max<uint32_t>(config.actors().count(), 1));
  return std::max(1, AvailableCores() / actors);
}

std::string MakeActorId() {
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  return absl::StrCat(host, ":", getpid(), ":",
                      ToHex(RandomUuid()).substr(0, 8));
}

NetworkShape MakeNetwork(const v1::RunConfig& config,
                         const EnvironmentSpec& spec) {
  NetworkShape network;
  network.obs_dim = spec.obs_dim();
  network.trunk.assign(config.network().trunk().begin(),
                       config.network().trunk().end());
  network.act_dim = spec.act_dim;
  network.agents = config.population().agents();
  network.activation = config.network().activation() == "tanh"
                           ? Activation::kTanh
                           : Activation::kRelu;
  return network;
}

// Most blocks that a GPU steps side by side: 4,096 environments.
constexpr uint32_t kMaxDeviceBlocks = 256;

// What this run's physics.backend asks for.
RolloutBackend BackendOf(const v1::RunConfig& config,
                         const std::shared_ptr<const EnvironmentModel>& model,
                         SimdLevel level) {
  if (config.physics().backend() != "cuda") {
    return HostRolloutBackend(model, level);
  }
  // An actor's share of the run in one go.
  const uint32_t actors = std::max<uint32_t>(config.actors().count(), 1);
  const uint32_t share = (BlockCount(config.env().count()) - 1) / actors + 1;
  return DeviceRolloutBackend(model, &CreateCudaSegmentDevice,
                              std::min(share, kMaxDeviceBlocks));
}

// What this actor is, golden segment included.
absl::StatusOr<ActorEngineOptions> MakeEngineOptions(
    const v1::RunConfig& config,
    const std::shared_ptr<const EnvironmentModel>& model,
    const RolloutBackend& backend, SimdLevel level) {
  ActorEngineOptions engine;
  engine.population = {config.env().count(), config.population().agents(),
                       config.env().horizon()};
  engine.network = MakeNetwork(config, model->spec());
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(engine.network));
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<RolloutEngine> rollout,
                           backend.make_rollout());
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<PreparedPolicy> policy,
      backend.make_policy(GoldenWeights(model->spec(), engine.network)));
  KMYRIAD_ASSIGN_OR_RETURN(
      const Segment golden,
      GoldenSegment(*rollout, engine.population.horizon, *policy));
  ActorHello& hello = engine.hello;
  hello.actor_id = MakeActorId();
  hello.config_hash = RolloutConfigHash(config);
  hello.backend = config.physics().backend();
  hello.fingerprint =
      RolloutFingerprint(*model, engine.network, engine.population);
  hello.golden_digest = HashSegment(golden);
  hello.environment = model->spec();
  hello.revision = BuildRevision();
  hello.instruction_set = std::string(SimdLevelName(level));
  return engine;
}

// Until `done`: shows on `health` whether a learner has welcomed the actor. The
// first signal makes the actor leave in order, the second ends it at once.
void WatchSignals(ActorEngine& engine, const ActorMetrics& metrics,
                  GrpcServer& health, const sigset_t& signals,
                  const std::atomic<bool>& done) {
  const timespec period = {0, 200'000'000};
  bool stopping = false;
  while (!done) {
    const int signal = sigtimedwait(&signals, nullptr, &period);
    health.SetReady(metrics.connected.value() > 0);
    if (signal <= 0) continue;
    if (stopping) _exit(kExitFailure);
    stopping = true;
    engine.Stop(signal == SIGINT ? "interrupted" : "terminated");
  }
}

absl::StatusOr<std::unique_ptr<LearnerClient>> MakeClient(
    const std::string& address, const TlsFiles& tls,
    MetricsRegistry& registry) {
  auto client = MakeGrpcLearnerClient(address, tls, &registry);
  if (client.ok()) return client;
  return absl::Status(
      client.status().code(),
      absl::StrCat("--learner = ", address, ": ", client.status().message()));
}

// Runs to the end; the exit code.
absl::StatusOr<int> RunActor(const ActorOptions& options) {
  const sigset_t signals = BlockStopSignals();
  KMYRIAD_ASSIGN_OR_RETURN(const v1::RunConfig config,
                           LoadRunConfig(options.config.Resolve()));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(const auto model, EnvironmentOfRun(config));
  const RolloutBackend backend = BackendOf(config, model, level);
  KMYRIAD_ASSIGN_OR_RETURN(ActorEngineOptions engine_options,
                           MakeEngineOptions(config, model, backend, level));
  engine_options.threads = ResolveThreads(options.threads, config);
  engine_options.longest_backoff = LongestBackoff(options.learner);
  MetricsRegistry registry;
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<LearnerClient> client,
      MakeClient(options.learner, options.process.tls, registry));
  ActorMetrics metrics(registry);
  ProcessMetrics process_metrics(registry, "actor");
  KMYRIAD_RETURN_IF_ERROR(
      process_metrics.WatchCertificate(options.process.tls, Role::kActor));
  KMYRIAD_RETURN_IF_ERROR(process_metrics.Serve(options.process.metrics));
  GrpcServerOptions health_options;
  health_options.health_listen = options.process.health;
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<GrpcServer> health,
      GrpcServer::Start(health_options, {}, {kActorServiceName}));
  const ActorHello& hello = engine_options.hello;
  LogInfo("actor ", hello.actor_id, ", ", engine_options.threads, " threads, ",
          hello.instruction_set, ", golden ", ToHex(hello.golden_digest));
  const nlohmann::ordered_json line = {{"role", "actor"},
                                       {"health", health->health_address()},
                                       {"metrics", process_metrics.address()}};
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);

  ActorEngine engine(engine_options, backend.make_rollout, backend.make_policy,
                     *client, metrics);
  std::atomic<bool> done = false;
  std::thread watcher(
      [&] { WatchSignals(engine, metrics, *health, signals, done); });
  const absl::Status status = engine.Run();
  done = true;
  watcher.join();
  if (absl::IsUnavailable(status)) {
    std::fprintf(stderr,
                 "kmyriad-actor: error: --learner = %s: %s; start "
                 "kmyriad-learner there or name its address\n",
                 options.learner.c_str(),
                 std::string(status.message()).c_str());
    return kExitUnreachable;
  }
  if (absl::IsAborted(status)) {
    std::fprintf(stderr,
                 "kmyriad-actor: the learner stopped (%s); start this actor "
                 "again when the run is to go on\n",
                 std::string(status.message()).c_str());
    return kExitInterrupted;
  }
  KMYRIAD_RETURN_IF_ERROR(status);
  return kExitDone;
}

int Main(int argc, char** argv) {
  CLI::App app("K-Myriad's actor: steps environments for a learner");
  app.set_version_flag("--version",
                       absl::StrCat(BuildVersion(), " ", BuildRevision()));
  ActorOptions options;
  AddFlags(options, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  StartLogging("actor", options.process);
  const absl::StatusOr<int> code = RunActor(options);
  if (code.ok()) return *code;
  std::fprintf(stderr, "kmyriad-actor: error: %s\n",
               std::string(code.status().message()).c_str());
  return ExitCodeOf(code.status());
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
