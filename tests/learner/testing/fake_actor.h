#ifndef KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ACTOR_H_
#define KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ACTOR_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"
#include "kmyriad/v1/learner.pb.h"
#include "kmyriad/v1/run_config.pb.h"
#include "learner/actor_hub.h"

namespace kmyriad {

// A small environment: two observations, two actions, features x and y, a grid
// of 5 cells of which 4 are reachable.
EnvironmentSpec FakeEnvironment();

// Hello of an actor that fits the configuration.
v1::Hello FakeHello(const v1::RunConfig& config, const std::string& actor,
                    uint32_t capacity);

// A segment as a pure function of its arguments, a few samples masked.
Segment FakeSegment(const v1::RunConfig& config, uint64_t epoch, uint32_t block,
                    const Digest& policy_hash);

// The hub's end of a fake actor: keeps what was flushed.
class FakeConnection : public ActorConnection {
 public:
  void Send(v1::LearnerMessage message) override;
  void Close(const absl::Status& status) override;
  void Abort(const absl::Status& status) override { Close(status); }
  StreamBacklog backlog() const override;
  void Flush() override;
  // What the hub is told from now on.
  void SetBacklog(const StreamBacklog& backlog);

  // Messages flushed since the last call.
  std::vector<v1::LearnerMessage> Take();
  // Status of Close, once flushed.
  absl::optional<absl::Status> closed() const;

 private:
  mutable absl::Mutex mutex_;
  std::vector<v1::LearnerMessage> stored_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::LearnerMessage> flushed_ ABSL_GUARDED_BY(mutex_);
  absl::optional<absl::Status> close_ ABSL_GUARDED_BY(mutex_);
  absl::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
  StreamBacklog backlog_ ABSL_GUARDED_BY(mutex_);
};

// An actor without physics and network: computes FakeSegments for its leases
// and hands them to the hub in slices, one per Pump.
class FakeActor {
 public:
  FakeActor(ActorHub& hub, const v1::RunConfig& config, std::string name,
            uint32_t capacity);
  ~FakeActor();

  // Takes what has come, then sends one slice or SegmentDone.
  void Pump();
  // Drops the stream and comes back with a new one; work in hand is lost.
  void Reconnect();
  // The next SegmentDone carries a wrong hash.
  void DamageNext() { damage_ = true; }
  // From now on one bit of one observation of a segment is another one.
  void ComputeWrongly() { wrong_ = true; }
  // As an actor whose segment is on its way when the revocation comes.
  void IgnoreRevocations() { stubborn_ = true; }
  // Stops and resumes sending, heartbeats included.
  void SetSilent(bool silent) { silent_ = silent; }

  // Whether the run was complete when the learner drained; none before.
  absl::optional<bool> drained() const { return drained_; }
  absl::optional<absl::Status> closed() const { return connection_->closed(); }
  // Snapshot parts that were whole and had the hash that they claimed.
  int snapshots() const { return snapshots_; }
  const std::vector<v1::BatchError>& errors() const { return errors_; }
  const v1::Ack& ack() const { return ack_; }

 private:
  struct Work {
    SegmentKey key;
    Segment segment;
    uint32_t next_step = 0;
  };

  void Connect();
  void Handle(const v1::LearnerMessage& message);
  void TakeChunk(const v1::PolicySnapshotChunk& chunk);
  void Begin(const v1::Lease& lease);
  void SendSlice();

  ActorHub& hub_;
  const v1::RunConfig config_;
  const std::string name_;
  const uint32_t capacity_;
  std::shared_ptr<FakeConnection> connection_;
  StreamId id_ = 0;
  Uuid run_uuid_{};
  std::string snapshot_;
  Digest policy_{};
  std::deque<Work> work_;
  v1::Ack ack_;
  std::vector<v1::BatchError> errors_;
  int snapshots_ = 0;
  bool damage_ = false;
  bool wrong_ = false;
  bool stubborn_ = false;
  bool silent_ = false;
  absl::optional<bool> drained_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ACTOR_H_
