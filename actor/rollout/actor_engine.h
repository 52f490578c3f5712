#ifndef KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_
#define KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "actor/rollout/actor_metrics.h"
#include "actor/rollout/learner_client.h"
#include "actor/rollout/learner_session.h"
#include "actor/rollout/policy_cache.h"
#include "actor/rollout/rollout_engine.h"
#include "common/base/clock.h"
#include "common/base/steady_cond_var.h"
#include "common/policy/network_shape.h"

namespace kmyriad {

struct ActorEngineOptions {
  // capacity_blocks is set by the engine.
  ActorHello hello;
  PopulationShape population;
  NetworkShape network;
  // Each has a rollout engine of its own.
  int threads = 1;
  // Without a word from the learner for this long, the stream is given up.
  double silence_seconds = 15;
  // Without a welcome for this long, the actor is.
  double give_up_seconds = 600;
  // Most seconds between two attempts to open a stream.
  double longest_backoff = 2;
  // Decides about silence.
  Clock* clock = &RealClock();
};

// An actor: keeps a stream to the learner, steps the blocks that it leases and
// sends their segments. A lost stream loses nothing but time: what was in
// flight is dropped, and computed again when it is leased again.
class ActorEngine {
 public:
  using MakeRollout =
      std::function<absl::StatusOr<std::unique_ptr<RolloutEngine>>()>;

  // `client` and `metrics` must outlive the engine.
  // The policies are of the kind that the rollout engines take.
  ActorEngine(const ActorEngineOptions& options, MakeRollout make_rollout,
              PolicyCache::MakePolicy make_policy, LearnerClient& client,
              ActorMetrics& metrics);
  ActorEngine(const ActorEngine&) = delete;
  ActorEngine& operator=(const ActorEngine&) = delete;

  // Runs until the run is complete or Stop is called (OK), the learner stops
  // before that (ABORTED, its reason), refuses us (its status:
  // FAILED_PRECONDITION, INVALID_ARGUMENT, ...; INTERNAL after it had welcomed
  // us), or is not to be reached for give_up_seconds (UNAVAILABLE), or a
  // rollout fails (its status, INTERNAL for a device's). Once per engine.
  absl::Status Run();

  // Leaves the learner in order and ends Run. Thread-safe.
  void Stop(const std::string& reason);

 private:
  // Sessions one after the other, with back-off between them.
  absl::Status KeepSessions();
  std::shared_ptr<LearnerSession> OpenSession();
  void CountReconnect(LearnerSession::End end);
  // True if Stop was called meanwhile.
  bool WaitBeforeReconnect(double seconds);

  // A worker's life.
  void Work(RolloutEngine& rollout);
  // Another session than `last`; null when there will be none.
  std::shared_ptr<LearnerSession> NextSession(const LearnerSession* last);
  using Tasks = std::vector<std::shared_ptr<BlockTask>>;
  // Steps the blocks and sends their segments.
  absl::Status StepBlocks(LearnerSession& session, const Tasks& tasks,
                          RolloutEngine& rollout,
                          std::vector<RolloutResult>& results);
  void SendSummary(LearnerSession& session, const BlockTask& task,
                   const RolloutResult& result);

  // Capacity is set once the engines are made.
  ActorEngineOptions options_;
  const MakeRollout make_rollout_;
  const PolicyCache::MakePolicy make_policy_;
  LearnerClient& client_;
  ActorMetrics& metrics_;

  absl::Mutex mutex_;
  SteadyCondVar stop_signal_;
  std::shared_ptr<LearnerSession> session_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string stop_reason_ ABSL_GUARDED_BY(mutex_);
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the first rollout that failed.
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_
