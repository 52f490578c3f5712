#ifndef KMYRIAD_LEARNER_ACTOR_HUB_H_
#define KMYRIAD_LEARNER_ACTOR_HUB_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/actor_connection.h"
#include "learner/collector/lease_table.h"
#include "learner/collector/segment_assembler.h"
#include "learner/learner_metrics.h"
#include "learner/trainer/policy_store.h"

namespace kmyriad {

// Version of the actors' protocol that this learner speaks.
inline constexpr uint32_t kProtocolVersion = 1;

// What the hub reports. Called without any lock, on the caller's thread.
class HubObserver {
 public:
  virtual ~HubObserver() = default;
  virtual void OnActorJoined(const std::string& actor) = 0;
  virtual void OnActorLeft(const std::string& actor,
                           const std::string& reason) = 0;
  // Something that the training thread may be waiting for has changed.
  virtual void OnProgress() = 0;
  // Two actors computed different segments: the run cannot go on.
  virtual void OnBrokenDeterminism(const absl::Status& status) = 0;
};

struct HubOptions {
  uint32_t envs = 0;
  uint32_t horizon = 0;
  uint32_t agents = 0;
  Digest config_hash{};
  std::string backend;
  uint64_t seed = 0;
  uint64_t credit_bytes = 0;
  uint64_t batch_bytes = 0;
  double heartbeat_seconds = 0;
  double min_lease_seconds = 0;
  // What all streams together may have waiting to be written. From half of it
  // on nobody is leased more; beyond it the streams that wait for most end.
  uint64_t max_backlog_bytes = uint64_t{2} << 30;
};

// What the first actor of a run fixes, and every other must match.
struct ActorIdentity {
  EnvironmentSpec environment;
  Digest fingerprint{};
  Digest golden_digest{};
};

// What of an epoch has come in.
struct CollectStatus {
  uint32_t actors = 0;
  uint32_t blocks_done = 0;
  uint32_t blocks_leased = 0;
  uint32_t blocks_total = 0;
  bool complete = false;
};

// All actor streams of a run as plain calls: admission, leases, state batches,
// acknowledgements, liveness. Thread-safe; nothing blocks for longer than it
// takes to copy or hash one segment. A message that is refused costs its
// sender an answer and a counter, never the run.
class ActorHub {
 public:
  // All must outlive the hub. Tick is to be called a few times a second.
  ActorHub(const HubOptions& options, const Clock& clock, PolicyStore& policy,
           LearnerMetrics& metrics, HubObserver& observer);

  // --- Streams ---

  StreamId OnConnect(std::shared_ptr<ActorConnection> connection);
  void OnHello(StreamId id, const v1::Hello& hello);
  void OnBatch(StreamId id, const v1::StateBatch& batch);
  void OnSegmentDone(StreamId id, const v1::SegmentDone& done);
  void OnHeartbeat(StreamId id, const v1::Heartbeat& heartbeat);
  // Bytes that are no message, an empty one, or one of an unknown kind.
  void OnUnknown(StreamId id);
  // Last call for a stream.
  void OnGone(StreamId id, const std::string& reason);

  // Heartbeats, silent actors, backup leases.
  void Tick();

  // --- Training thread ---

  // Identity that the oldest waiting actor claims; empty if none waits.
  absl::optional<ActorIdentity> Candidate();
  // Fixes the run's identity, admits the waiting actors that match it and
  // refuses the others. Once.
  void Pin(const Uuid& run_uuid, const ActorIdentity& identity);

  // Leases all blocks of an epoch, to be collected with the store's policy.
  // After Pin.
  void StartEpoch(uint64_t epoch);
  // What comes from now on is stale; actors are told to leave off.
  void EndEpoch();
  // While false no lease is given.
  void SetLeasing(bool leasing);
  CollectStatus status();
  SegmentCounters counters();
  // Samples of segments of this epoch that were lost and leased again.
  uint64_t recomputed_samples();
  // The epoch's samples; to be read between complete and StartEpoch only.
  const EpochBuffer& buffer() { return assembler_->buffer(); }

  // Tells every actor, also later ones, that the learner goes, and whether the
  // run has all its epochs.
  void Drain(const std::string& reason, bool complete);

 private:
  enum class State { kNew, kWaiting, kActive, kClosed };
  struct Stream {
    std::shared_ptr<ActorConnection> connection;
    State state = State::kNew;
    std::string actor;
    v1::Hello hello;
    double last_seen = 0;
    double last_heartbeat = 0;
    uint64_t received_bytes = 0;
    uint64_t acknowledged_bytes = 0;
    uint64_t segments = 0;
    v1::SegmentResult last_result = v1::SEGMENT_RESULT_UNSPECIFIED;
    uint32_t damaged_in_a_row = 0;
    uint32_t refused_in_a_row = 0;
    // Writes that were done when writing last got on, and when that was.
    uint64_t written = 0;
    double written_time = 0;
    // Part of which policy the actor has.
    Digest sent_policy{};
    uint32_t sent_first = 0;
    uint32_t sent_count = 0;
  };
  // Calls to the observer, made after the lock is released.
  struct Report {
    std::vector<std::string> joined;
    std::vector<std::pair<std::string, std::string>> left;
    bool progress = false;
    absl::Status broken;
  };

  void Admit(StreamId id, Stream& stream, Report* report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseStream(StreamId id, Stream& stream, const absl::Status& status,
                   Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave(StreamId id, Stream& stream, const std::string& reason,
             Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The stream, seen now; null unless it is active. A stream that speaks
  // before Hello is closed.
  Stream* Touch(StreamId id, Report* report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends it without waiting for the peer to read.
  void AbortStream(StreamId id, Stream& stream, const absl::Status& status,
                   Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a stream whose peer takes nothing of what it is sent.
  void CheckReader(StreamId id, Stream& stream, double now, Report* report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What all streams have waiting to be written.
  uint64_t TotalBacklog() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends streams, the largest first, until they have no more than they may.
  void CheckTotalBacklog(Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts what a peer was refused; too much of it ends its stream.
  void CountRefusal(StreamId id, Stream& stream, const absl::Status& status,
                    Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TickStream(StreamId id, Stream& stream, double now, Report* report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GrantLeases(StreamId id, Stream& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GrantAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends the heads that the blocks need, unless the actor has them.
  void SendPolicy(Stream& stream, const std::vector<uint32_t>& blocks)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendAck(Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendBatchError(Stream& stream, const v1::SegmentKey& key,
                      const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddBatch(StreamId id, const v1::StateBatch& batch);
  void AcknowledgeBatch(StreamId id, const v1::StateBatch& batch,
                        const absl::Status& status, Report* report);
  void FinishSegment(StreamId id, Stream& stream, const v1::SegmentDone& done,
                     Report* report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Metrics of a segment that was applied; its lease may be over.
  void CountApplied(StreamId id, const v1::SegmentDone& done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After a block was applied: nobody else needs to go on with it.
  void CompleteBlock(StreamId id, uint32_t block)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountSegment(SegmentOutcome outcome, Stream& stream);
  // Gauges of what waits: for the update, for actors to read.
  void ShowQueues() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Stores a message for an actor; Publish sends it.
  void Send(Stream& stream, v1::LearnerMessage message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What has been stored goes out, and the observer hears what happened. At
  // the end of every call, without the lock: gRPC may run callbacks, which
  // call the hub, from within a send.
  void Publish(const Report& report);

  const HubOptions options_;
  const Clock& clock_;
  PolicyStore& policy_;
  LearnerMetrics& metrics_;
  HubObserver& observer_;

  absl::Mutex mutex_;
  std::map<StreamId, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  StreamId next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  LeaseTable leases_ ABSL_GUARDED_BY(mutex_);
  absl::optional<ActorIdentity> identity_ ABSL_GUARDED_BY(mutex_);
  Uuid run_uuid_ ABSL_GUARDED_BY(mutex_){};
  // Set by Pin, constant afterwards; thread-safe itself.
  std::unique_ptr<SegmentAssembler> assembler_;
  bool collecting_ ABSL_GUARDED_BY(mutex_) = false;
  bool leasing_ ABSL_GUARDED_BY(mutex_) = true;
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t recomputed_samples_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::optional<v1::Drain> drain_ ABSL_GUARDED_BY(mutex_);
  // Connections with something to flush.
  std::vector<std::shared_ptr<ActorConnection>> unflushed_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ACTOR_HUB_H_
