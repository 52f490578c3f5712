#include "tests/benchmark/rpc_benchmark.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "actor/rollout/byte_credits.h"
#include "actor/rollout/grpc_learner_client.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/certificates/certificate_authority.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/message_codec.h"
#include "common/rpc/stream_reactor.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "learner/collector/segment_assembler.h"
#include "tests/benchmark/cpu_clock.h"

namespace kmyriad {
namespace {

// 1000 Ants: 30 observations, 8 actions, x and y.
constexpr EpochShape kEpoch = {1000, 400, 30, 8, 2};
constexpr uint64_t kSampleBytes =
    sizeof(float) * (kEpoch.obs_dim + kEpoch.act_dim + 1 + kEpoch.feature_dim) +
    1;
// An acknowledgement after this share of the credits, as the learner does.
constexpr uint64_t kAckShare = 8;

SegmentKey KeyOf(uint32_t block) {
  SegmentKey key;
  key.epoch = 1;
  key.block = block;
  return key;
}

Segment MakeSegment() {
  Segment segment;
  segment.shape = kEpoch.segment(0);
  const size_t samples = size_t{segment.shape.rows} * segment.shape.horizon;
  const auto fill = [](std::vector<float>& column, size_t count) {
    column.resize(count);
    for (size_t i = 0; i < count; ++i) {
      column[i] = static_cast<float>(i % 1013) * 0.01f - 5;
    }
  };
  fill(segment.observations, samples * kEpoch.obs_dim);
  fill(segment.actions, samples * kEpoch.act_dim);
  fill(segment.log_probs, samples);
  fill(segment.features, samples * kEpoch.feature_dim);
  segment.flags.assign(samples, 0);
  return segment;
}

BatchView ViewOf(const v1::StateBatch& batch, const SegmentKey& key) {
  const auto view = [](const std::string& bytes) {
    return absl::string_view(bytes.data(), bytes.size());
  };
  return {key,
          batch.first_step(),
          batch.steps(),
          batch.rows(),
          view(batch.observations()),
          view(batch.actions()),
          view(batch.log_probs()),
          view(batch.features()),
          view(batch.flags())};
}

// The learner's end, without leases: every batch goes to the epoch buffer.
class Sink {
 public:
  Sink() : assembler_(Uuid{}, Digest{}, kEpoch) {
    assembler_.StartEpoch(1, Digest{});
  }

  absl::Status Store(const v1::StateBatch& batch) {
    KMYRIAD_ASSIGN_OR_RETURN(const SegmentKey key, FromProto(batch.key()));
    KMYRIAD_RETURN_IF_ERROR(
        ValidateStateBatch(batch, kEpoch.segment(key.block)));
    return assembler_.AddBatch(1, ViewOf(batch, key));
  }

 private:
  SegmentAssembler assembler_;
};

class SinkReactor : public StreamReactor<v1::ActorMessage, v1::LearnerMessage> {
 public:
  SinkReactor(Sink& sink, uint64_t ack_bytes)
      : sink_(sink), ack_bytes_(ack_bytes) {
    ReadNext();
  }

 private:
  void OnMessage(v1::ActorMessage& message) override {
    if (message.has_bye()) return Close(grpc::Status::OK);
    if (message.has_state_batch()) {
      const absl::Status status = sink_.Store(message.state_batch());
      if (!status.ok()) return Close(ToGrpcStatus(status));
      received_ += StateBatchBytes(message.state_batch());
      if (received_ - acked_ >= ack_bytes_) {
        acked_ = received_;
        v1::LearnerMessage answer;
        answer.mutable_ack()->set_received_bytes(received_);
        Send(std::move(answer));
      }
    }
    ReadNext();
  }
  void OnClosed() override { Close(grpc::Status::OK); }
  void OnEnd() override {}

  Sink& sink_;
  const uint64_t ack_bytes_;
  uint64_t received_ = 0;
  uint64_t acked_ = 0;
};

class SinkLearner : public v1::Learner::CallbackService {
 public:
  explicit SinkLearner(uint64_t ack_bytes) : ack_bytes_(ack_bytes) {}
  grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>* Collect(
      grpc::CallbackServerContext*) override {
    return new SinkReactor(sink_, ack_bytes_);
  }

 private:
  const uint64_t ack_bytes_;
  Sink sink_;
};

// The actor's end: sends as the credits allow.
class Source : public LearnerEvents {
 public:
  explicit Source(uint64_t credit_bytes) : credits_(credit_bytes) {}

  // False once the stream is over.
  bool Wait(uint64_t bytes) {
    absl::MutexLock lock(&mutex_);
    const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return ended_ || credits_.CanSend(bytes);
    };
    mutex_.Await(absl::Condition(&ready));
    if (ended_) return false;
    credits_.Sent(bytes);
    return true;
  }
  absl::Status WaitForEnd() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&ended_));
    return status_;
  }

 private:
  void OnWelcome(const SessionTerms&) override {}
  void OnPolicyChunk(const PolicyChunk&) override {}
  void OnLease(const BlockLease&) override {}
  void OnRevoke(const LeaseRevocation&) override {}
  void OnBatchError(const absl::Status&) override {}
  void OnDrain(const std::string&, bool) override {}
  void OnHeartbeat() override {}
  void OnAck(const SegmentAck& ack) override {
    absl::MutexLock lock(&mutex_);
    const absl::Status status = credits_.Acknowledge(ack.received_bytes);
    if (status_.ok()) status_ = status;
  }
  void OnEnd(const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    if (status_.ok()) status_ = status;
    ended_ = true;
  }

  absl::Mutex mutex_;
  ByteCredits credits_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// Calls `send` with the slices of `segments` segments, until it says false.
void ForEachSlice(uint64_t segments, uint32_t slice_steps,
                  const std::function<bool(uint32_t block, uint32_t first,
                                           uint32_t steps)>& send) {
  // The last block is not whole.
  const uint32_t blocks = BlockCount(kEpoch.envs) - 1;
  for (uint64_t i = 0; i < segments; ++i) {
    for (uint32_t first = 0; first < kEpoch.horizon; first += slice_steps) {
      const uint32_t steps = std::min(slice_steps, kEpoch.horizon - first);
      if (!send(static_cast<uint32_t>(i % blocks), first, steps)) return;
    }
  }
}

struct Load {
  Segment segment = MakeSegment();
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint32_t slice_steps = 0;
  uint64_t credit_bytes = 0;
};

struct Cost {
  double cpu_seconds = 0;
  double seconds = 0;
  uint64_t batches = 0;
};

absl::StatusOr<Cost> Transfer(const Load& load, LearnerClient& client) {
  Source source(load.credit_bytes);
  const std::unique_ptr<LearnerStream> stream =
      client.Open(ActorHello(), &source);
  Cost cost;
  const double cpu = ProcessCpuSeconds();
  const double start = RealClock().MonotonicSeconds();
  ForEachSlice(load.segments, load.slice_steps,
               [&](uint32_t block, uint32_t first, uint32_t steps) {
                 if (!source.Wait(kSampleBytes * kBlockLanes * steps)) {
                   return false;
                 }
                 ++cost.batches;
                 stream->SendBatch(KeyOf(block), load.segment, first, steps);
                 return true;
               });
  stream->Leave("");
  KMYRIAD_RETURN_IF_ERROR(source.WaitForEnd());
  cost.seconds = RealClock().MonotonicSeconds() - start;
  cost.cpu_seconds = ProcessCpuSeconds() - cpu;
  return cost;
}

// Both ends' files; empty: plaintext.
struct Identities {
  TlsFiles learner;
  TlsFiles actor;
};

absl::StatusOr<TlsFiles> WriteIdentity(const std::string& folder,
                                       const KeyAndCertificate& authority,
                                       Role role) {
  CertificateRequest request;
  request.common_name = std::string(RoleName(role));
  request.uris = {RoleUri(role)};
  request.not_before = RealClock().WallTime() - absl::Hours(1);
  request.not_after = request.not_before + absl::Hours(24);
  KMYRIAD_ASSIGN_OR_RETURN(const KeyAndCertificate own,
                           IssueCertificate(authority, request));
  const std::string stem = JoinPath(folder, RoleName(role));
  const TlsFiles files = {absl::StrCat(stem, ".crt"),
                          absl::StrCat(stem, ".key"),
                          JoinPath(folder, "ca.crt")};
  FileSystem& system = PosixFileSystem();
  KMYRIAD_RETURN_IF_ERROR(
      system.WriteAndSync(files.certificate, own.certificate));
  KMYRIAD_RETURN_IF_ERROR(system.WriteAndSync(files.key, own.key));
  KMYRIAD_RETURN_IF_ERROR(system.WriteAndSync(files.ca, authority.certificate));
  return files;
}

absl::StatusOr<Identities> WriteIdentities(const std::string& folder) {
  CertificateRequest request;
  request.common_name = "bench-ca";
  request.not_before = RealClock().WallTime() - absl::Hours(1);
  request.not_after = request.not_before + absl::Hours(24);
  KMYRIAD_ASSIGN_OR_RETURN(const KeyAndCertificate authority,
                           MakeAuthority(request));
  Identities identities;
  KMYRIAD_ASSIGN_OR_RETURN(identities.learner,
                           WriteIdentity(folder, authority, Role::kLearner));
  KMYRIAD_ASSIGN_OR_RETURN(identities.actor,
                           WriteIdentity(folder, authority, Role::kActor));
  return identities;
}

absl::StatusOr<nlohmann::json> MeasureTransport(const Load& load,
                                                const std::string& address,
                                                const Identities& identities,
                                                uint32_t repeats) {
  SinkLearner service(load.credit_bytes / kAckShare);
  // Calls are counted at both ends, as the programs do.
  MetricsRegistry learner_metrics;
  MetricsRegistry actor_metrics;
  GrpcServerOptions options;
  options.listen = address;
  options.tls = identities.learner;
  options.metrics = &learner_metrics;
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                           GrpcServer::Start(options, {&service}, {}));
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<LearnerClient> client,
      MakeGrpcLearnerClient(server->address(), identities.actor,
                            &actor_metrics));
  // Warms the connection, its threads and the heap.
  Load warm_up = load;
  warm_up.segments = std::min<uint64_t>(load.segments, 64);
  KMYRIAD_RETURN_IF_ERROR(Transfer(warm_up, *client).status());
  Cost best;
  for (uint32_t i = 0; i < repeats; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(const Cost cost, Transfer(load, *client));
    if (i == 0 || cost.cpu_seconds < best.cpu_seconds) best = cost;
  }
  server->Shutdown(1);
  const double bytes = static_cast<double>(load.bytes);
  return nlohmann::json{{"cpu_ns_per_byte", best.cpu_seconds * 1e9 / bytes},
                        {"megabytes_per_second", bytes * 1e-6 / best.seconds},
                        {"seconds", best.seconds},
                        {"batches", best.batches}};
}

// CPU-ns per byte of `work`, which handles one segment.
double MeasurePart(const Load& load, const std::function<void()>& work) {
  const uint64_t segments = std::min<uint64_t>(load.segments, 256);
  work();
  const double cpu = ProcessCpuSeconds();
  for (uint64_t i = 0; i < segments; ++i) work();
  return (ProcessCpuSeconds() - cpu) * 1e9 *
         static_cast<double>(load.segments) /
         (static_cast<double>(segments) * static_cast<double>(load.bytes));
}

nlohmann::json MeasureParts(const Load& load) {
  std::vector<v1::StateBatch> batches;
  const auto encode = [&load, &batches]() {
    size_t next = 0;
    ForEachSlice(1, load.slice_steps,
                 [&](uint32_t block, uint32_t first, uint32_t steps) {
                   if (next == batches.size()) batches.emplace_back();
                   EncodeStateBatch(KeyOf(block), load.segment, first, steps,
                                    &batches[next++]);
                   return true;
                 });
  };
  nlohmann::json parts;
  parts["encode"] = MeasurePart(load, encode);
  bool valid = true;
  parts["validate"] = MeasurePart(load, [&] {
    for (const v1::StateBatch& batch : batches) {
      valid &= ValidateStateBatch(batch, kEpoch.segment(0)).ok();
    }
  });
  SegmentAssembler assembler(Uuid{}, Digest{}, kEpoch);
  assembler.StartEpoch(1, Digest{});
  parts["store"] = MeasurePart(load, [&] {
    for (const v1::StateBatch& batch : batches) {
      valid &= assembler.AddBatch(1, ViewOf(batch, KeyOf(0))).ok();
    }
  });
  Digest digest{};
  parts["sha256"] =
      MeasurePart(load, [&] { digest = HashSegment(load.segment); });
  parts["valid"] = valid && digest != Digest{};
  return parts;
}

absl::Status CheckOptions(const RpcBenchmarkOptions& options) {
  const auto wrong = [](const std::string& key, const std::string& value,
                        const std::string& mend) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", key, " = ", value, ": ", mend));
  };
  if (options.transport != "unix" && options.transport != "tcp" &&
      options.transport != "mtls" && options.transport != "all") {
    return wrong("transport", options.transport, "use unix, tcp, mtls or all");
  }
  if (options.megabytes < 1 || options.megabytes > 1000000) {
    return wrong("megabytes", absl::StrCat(options.megabytes),
                 "use 1..1000000");
  }
  if (options.repeats < 1) return wrong("repeats", "0", "use at least 1");
  if (options.batch_bytes < kSampleBytes * kBlockLanes ||
      options.batch_bytes > (8 << 20)) {
    return wrong("batch-bytes", absl::StrCat(options.batch_bytes),
                 "use 4096..8388608");
  }
  if (options.credit_bytes < options.batch_bytes) {
    return wrong("credit-bytes", absl::StrCat(options.credit_bytes),
                 "use at least --batch-bytes");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> RunRpcBenchmark(
    const RpcBenchmarkOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(CheckOptions(options));
  Load load;
  const uint64_t segment_bytes =
      kSampleBytes * kBlockLanes * uint64_t{kEpoch.horizon};
  load.segments =
      std::max<uint64_t>(1, options.megabytes * 1000000 / segment_bytes);
  load.bytes = load.segments * segment_bytes;
  load.slice_steps = static_cast<uint32_t>(std::clamp<uint64_t>(
      options.batch_bytes / (kSampleBytes * kBlockLanes), 1, kEpoch.horizon));
  load.credit_bytes = options.credit_bytes;

  nlohmann::json result;
  result["bytes"] = load.bytes;
  result["batch_bytes"] = load.slice_steps * kSampleBytes * kBlockLanes;
  result["credit_bytes"] = options.credit_bytes;
  std::string folder = "/tmp/kmyriad-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError("no folder for a socket under /tmp");
  }
  const auto remove = absl::MakeCleanup(
      [&folder] { PosixFileSystem().RemoveAll(folder).IgnoreError(); });
  KMYRIAD_ASSIGN_OR_RETURN(const Identities identities,
                           WriteIdentities(folder));
  const auto measure = [&](const char* transport, const std::string& address,
                           const Identities& ends) -> absl::Status {
    if (options.transport != transport && options.transport != "all") {
      return absl::OkStatus();
    }
    KMYRIAD_ASSIGN_OR_RETURN(
        result[transport],
        MeasureTransport(load, address, ends, options.repeats));
    return absl::OkStatus();
  };
  KMYRIAD_RETURN_IF_ERROR(
      measure("unix", absl::StrCat("unix:", folder, "/s"), {}));
  KMYRIAD_RETURN_IF_ERROR(measure("tcp", "127.0.0.1:0", {}));
  KMYRIAD_RETURN_IF_ERROR(measure("mtls", "127.0.0.1:0", identities));
  result["cpu_ns_per_byte_by_part"] = MeasureParts(load);
  return result;
}

}  // namespace kmyriad
