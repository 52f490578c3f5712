#include "tests/benchmark/score_benchmark.h"

#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/math/philox.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_service_impl.h"
#include "entropy_service/score_header_codec.h"
#include "tests/benchmark/cpu_clock.h"

namespace kmyriad {
namespace {

constexpr uint32_t kWalkSteps = 400;
// As the learner's client.
constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

struct Epoch {
  std::vector<float> features;
  std::string mask;
};

Epoch MakeEpoch(const ScoreBenchmarkOptions& options) {
  Epoch epoch;
  const uint32_t count = options.particles / kWalkSteps * kWalkSteps;
  epoch.mask.assign(count, '\1');
  epoch.features.resize(size_t{count} * options.dims);
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t j = 0; j < options.dims; ++j) {
      const float step =
          UniformOpen(
              RunRandom(1, RandomStream::kEvaluation, i, 0, j, 0).word[0]) -
          0.5f;
      const size_t place = size_t{i} * options.dims + j;
      const float before =
          i % kWalkSteps == 0 ? 0.0f : epoch.features[place - options.dims];
      epoch.features[place] = before + 0.3f * step;
    }
  }
  return epoch;
}

Digest DigestOf(const Epoch& epoch) {
  Sha256 hash;
  hash.Update(epoch.features.data(), epoch.features.size() * sizeof(float));
  hash.Update(epoch.mask.data(), epoch.mask.size());
  return hash.Finish();
}

v1::ScoreEpochHeader HeaderOf(const ScoreBenchmarkOptions& options,
                              const Epoch& epoch, uint64_t number) {
  v1::ScoreEpochHeader header;
  header.set_run_uuid(std::string(16, 'b'));
  header.set_epoch(number);
  const Digest digest = DigestOf(epoch);
  header.set_particle_digest(digest.data(), digest.size());
  header.set_envs(static_cast<uint32_t>(epoch.mask.size()) / kWalkSteps);
  header.set_horizon(kWalkSteps);
  header.set_agents(1);
  header.set_dims(options.dims);
  header.set_k(options.k);
  header.set_floor(1e-6f);
  header.set_reward(v1::REWARD_KIND_FORWARD);
  header.set_pooling(v1::POOLING_COLLECTIVE);
  header.set_window(1);
  return header;
}

struct Measured {
  double seconds = 0;
  double cpu_seconds = 0;
  std::vector<float> rewards;

  void KeepBest(const Measured& other) {
    if (seconds == 0 || other.seconds < seconds) seconds = other.seconds;
    if (cpu_seconds == 0 || other.cpu_seconds < cpu_seconds) {
      cpu_seconds = other.cpu_seconds;
    }
    rewards = other.rewards;
  }
};

// Times `work`, which fills `measured.rewards`.
template <typename Work>
absl::StatusOr<Measured> Time(const Work& work) {
  Measured measured;
  const double start = RealClock().MonotonicSeconds();
  const double cpu = ProcessCpuSeconds();
  KMYRIAD_RETURN_IF_ERROR(work(measured));
  measured.seconds = RealClock().MonotonicSeconds() - start;
  measured.cpu_seconds = ProcessCpuSeconds() - cpu;
  return measured;
}

absl::Status ScoreInProcess(EntropyEngine& engine,
                            const EpochParticles& particles,
                            Measured& measured) {
  KMYRIAD_ASSIGN_OR_RETURN(const auto scored, engine.Score(particles, nullptr));
  measured.rewards = scored->rewards;
  return absl::OkStatus();
}

absl::Status ScoreOverSocket(v1::EntropyService::Stub& stub,
                             const ScoreBenchmarkOptions& options,
                             const Epoch& epoch, uint64_t number,
                             Measured& measured) {
  grpc::ClientContext context;
  const auto stream = stub.ScoreEpoch(&context);
  v1::ScoreEpochRequest request;
  *request.mutable_header() = HeaderOf(options, epoch, number);
  bool sent = stream->Write(request);
  const uint64_t row_bytes = options.dims * sizeof(float);
  const uint64_t step = kChunkBytes / (row_bytes + 1);
  for (uint64_t first = 0; sent && first < epoch.mask.size(); first += step) {
    const uint64_t count = std::min<uint64_t>(step, epoch.mask.size() - first);
    v1::ParticleChunk& chunk = *request.mutable_chunk();
    chunk.set_first(first);
    chunk.set_features(&epoch.features[first * options.dims],
                       count * row_bytes);
    chunk.set_mask(epoch.mask.data() + first, count);
    sent = stream->Write(request);
  }
  stream->WritesDone();
  v1::ScoreEpochResponse response;
  while (stream->Read(&response)) {
    const std::string& bytes = response.chunk().rewards();
    const size_t have = measured.rewards.size();
    measured.rewards.resize(have + bytes.size() / sizeof(float));
    if (bytes.empty()) continue;
    std::memcpy(&measured.rewards[have], bytes.data(), bytes.size());
  }
  return FromGrpcStatus(stream->Finish());
}

// The particles as the service has them once they have come.
absl::StatusOr<EpochParticles> Arrived(const v1::ScoreEpochHeader& header,
                                       const Epoch& epoch) {
  KMYRIAD_ASSIGN_OR_RETURN(ScoreRequest request, ScoreRequestFromProto(header));
  KMYRIAD_ASSIGN_OR_RETURN(EpochParticles particles,
                           EpochParticles::Create(std::move(request)));
  const absl::string_view features(
      reinterpret_cast<const char*>(epoch.features.data()),
      epoch.features.size() * sizeof(float));
  KMYRIAD_RETURN_IF_ERROR(particles.Append(0, features, epoch.mask));
  return particles;
}

absl::StatusOr<nlohmann::json> Compare(const ScoreBenchmarkOptions& options,
                                       const Epoch& epoch,
                                       EntropyEngine& engine,
                                       v1::EntropyService::Stub& stub) {
  Measured own;
  Measured remote;
  for (uint32_t repeat = 0; repeat < options.repeats; ++repeat) {
    const uint64_t number = 2 * repeat + 1;
    KMYRIAD_ASSIGN_OR_RETURN(const EpochParticles particles,
                             Arrived(HeaderOf(options, epoch, number), epoch));
    KMYRIAD_ASSIGN_OR_RETURN(const Measured direct, Time([&](Measured& m) {
                               return ScoreInProcess(engine, particles, m);
                             }));
    own.KeepBest(direct);
    KMYRIAD_ASSIGN_OR_RETURN(const Measured called, Time([&](Measured& m) {
                               return ScoreOverSocket(stub, options, epoch,
                                                      number + 1, m);
                             }));
    remote.KeepBest(called);
  }
  return nlohmann::json{{"particles", epoch.mask.size()},
                        {"dims", options.dims},
                        {"k", options.k},
                        {"threads", engine.Info().threads},
                        {"engine", engine.Info().engine},
                        {"in_process_seconds", own.seconds},
                        {"socket_seconds", remote.seconds},
                        {"ratio", remote.seconds / own.seconds},
                        {"in_process_cpu_seconds", own.cpu_seconds},
                        {"socket_cpu_seconds", remote.cpu_seconds},
                        {"cpu_ratio", remote.cpu_seconds / own.cpu_seconds},
                        {"same_rewards", own.rewards == remote.rewards}};
}

}  // namespace

absl::StatusOr<nlohmann::json> RunScoreBenchmark(
    const ScoreBenchmarkOptions& options) {
  if (options.particles < kWalkSteps || options.particles > kMaxParticles ||
      options.repeats == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--particles = ", options.particles, ", --repeats = ", options.repeats,
        ": use ", kWalkSteps, " to ", kMaxParticles,
        " particles, and at least one repeat"));
  }
  const Epoch epoch = MakeEpoch(options);
  std::string folder = "/tmp/kmyriad-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError("no folder for a socket under /tmp");
  }
  const auto remove = absl::MakeCleanup(
      [&folder] { PosixFileSystem().RemoveAll(folder).IgnoreError(); });
  MetricsRegistry registry;
  EntropyMetrics metrics(registry);
  EntropyEngineOptions engine_options;
  engine_options.threads = static_cast<int>(options.threads);
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<EntropyEngine> engine,
      EntropyEngine::Create(engine_options, metrics, RealClock()));
  EntropyServiceImpl service(*engine, metrics);
  GrpcServerOptions server_options;
  server_options.listen = absl::StrCat("unix:", folder, "/socket");
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                           GrpcServer::Start(server_options, {&service}, {}));
  KMYRIAD_ASSIGN_OR_RETURN(const auto channel, MakeChannel(server->address()));
  const auto stub = v1::EntropyService::NewStub(channel);
  absl::StatusOr<nlohmann::json> result =
      Compare(options, epoch, *engine, *stub);
  server->Shutdown(0);
  return result;
}

}  // namespace kmyriad
