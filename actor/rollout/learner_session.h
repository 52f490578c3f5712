#ifndef KMYRIAD_ACTOR_ROLLOUT_LEARNER_SESSION_H_
#define KMYRIAD_ACTOR_ROLLOUT_LEARNER_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "actor/rollout/actor_metrics.h"
#include "actor/rollout/byte_credits.h"
#include "actor/rollout/learner_client.h"
#include "actor/rollout/lease_queue.h"
#include "actor/rollout/policy_cache.h"
#include "actor/rollout/rollout_engine.h"
#include "common/base/clock.h"
#include "common/base/steady_cond_var.h"

namespace kmyriad {

// One stream to the learner, from Hello to its end: policies, leases and
// credits that it brought live and die with it. Thread-safe: workers take
// blocks and send slices, one thread attends.
class LearnerSession : public LearnerEvents {
 public:
  // Why a session ended.
  enum class End {
    kComplete,  // the run has all its epochs
    kDrained,   // the learner stopped before that
    kLeft,      // Leave was called
    kLost,      // the stream broke, or the learner was not there
    kSilent,    // the learner said nothing for too long
    kProtocol,  // the learner said something that makes no sense
    kRefused,   // the learner does not take this actor
  };

  // Opens the stream. `clock` and `metrics` must outlive the session.
  LearnerSession(const ActorHello& hello, const SegmentShape& shape,
                 const PopulationShape& population, PolicyCache cache,
                 double silence_seconds, Clock& clock, LearnerClient& client,
                 ActorMetrics& metrics);
  ~LearnerSession() override = default;

  // Keeps the stream alive until it ends, and ends it when that is due;
  // returns why. `status` is what the stream ended with.
  End Attend(absl::Status* status);
  // Says Bye and ends the session.
  void Leave(const std::string& reason);
  bool welcomed() const;

  // Waits for the next block, and takes those that wait behind it for the same
  // policy, at most `most` in all; none once the session is over.
  std::vector<std::shared_ptr<BlockTask>> NextTasks(size_t most);
  void FinishTask(const std::shared_ptr<BlockTask>& task);
  // Steps of a slice of about the batch size that the learner wants.
  uint32_t SliceSteps() const;
  SegmentKey KeyOf(const BlockTask& task) const;
  uint64_t seed() const;
  // Sends steps [first_step, first_step + steps) as soon as the credits allow;
  // false if the segment is not wanted any more.
  bool SendSlice(const BlockTask& task, const Segment& segment,
                 uint32_t first_step, uint32_t steps);
  bool SendDone(const BlockTask& task, const SegmentSummary& summary);

 private:
  void OnWelcome(const SessionTerms& terms) override;
  void OnPolicyChunk(const PolicyChunk& chunk) override;
  void OnLease(const BlockLease& lease) override;
  void OnRevoke(const LeaseRevocation& revocation) override;
  void OnAck(const SegmentAck& ack) override;
  void OnBatchError(const absl::Status& error) override;
  void OnDrain(const std::string& reason, bool complete) override;
  void OnHeartbeat() override;
  void OnEnd(const absl::Status& status) override;

  absl::Status CheckTerms(const SessionTerms& terms) const;
  absl::Status CheckLease(const BlockLease& lease) const;
  void CountSegments(const SegmentAck& ack)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t StepBytes() const;
  // The learner is alive.
  void Heard() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The session is to end for this reason; the first one counts.
  void EndFor(End end, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Over() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ending_ || ended_;
  }
  // What the process has done so far.
  ActorTotals ProcessTotals() const;
  // The same since the session began.
  ActorTotals Totals() const;
  // Waits for the end or a heartbeat's time; true if the session is over.
  bool WaitForEnd();
  void CloseStream();
  End Judge(absl::Status* status);

  // Rows are those of a full block.
  const SegmentShape shape_;
  const PopulationShape population_;
  const double silence_seconds_;
  const Digest fingerprint_;
  Clock& clock_;
  ActorMetrics& metrics_;
  const ActorTotals before_;
  // Touched by the stream's events only, which come one after the other.
  PolicyCache cache_;
  double snapshot_start_ = 0;

  mutable absl::Mutex mutex_;
  // Signalled with welcomed_, ending_ and ended_.
  SteadyCondVar changed_;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  SessionTerms terms_ ABSL_GUARDED_BY(mutex_);
  LeaseQueue leases_ ABSL_GUARDED_BY(mutex_);
  ByteCredits credits_ ABSL_GUARDED_BY(mutex_){0};
  uint64_t acked_segments_ ABSL_GUARDED_BY(mutex_) = 0;
  double last_heard_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  End end_ ABSL_GUARDED_BY(mutex_) = End::kLost;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  // Destroyed first: events come until then.
  std::unique_ptr<LearnerStream> stream_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_LEARNER_SESSION_H_
