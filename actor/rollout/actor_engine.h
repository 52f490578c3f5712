#ifndef KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_
#define KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "actor/env/vector_env.h"
#include "actor/rollout/actor_metrics.h"
#include "actor/rollout/learner_client.h"
#include "actor/rollout/learner_session.h"
#include "actor/rollout/policy_cache.h"
#include "actor/rollout/rollout_worker.h"
#include "common/base/clock.h"
#include "common/policy/network_shape.h"

namespace kmyriad {

struct ActorEngineOptions {
  // capacity_blocks is set by the engine.
  ActorHello hello;
  PopulationShape population;
  NetworkShape network;
  // Blocks stepped at the same time, each by a thread with an environment of
  // its own.
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
  using MakeEnv = std::function<absl::StatusOr<std::unique_ptr<VectorEnv>>()>;

  // `client` and `metrics` must outlive the engine.
  ActorEngine(const ActorEngineOptions& options, MakeEnv make_env,
              PolicyCache::MakeInference make_inference, LearnerClient& client,
              ActorMetrics& metrics);
  ActorEngine(const ActorEngine&) = delete;
  ActorEngine& operator=(const ActorEngine&) = delete;

  // Runs until the run is complete or Stop is called (OK), the learner stops
  // before that (ABORTED, its reason), refuses us (its status:
  // FAILED_PRECONDITION, INVALID_ARGUMENT, ...; INTERNAL after it had welcomed
  // us), or is not to be reached for give_up_seconds (UNAVAILABLE). Once per
  // engine.
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
  void Work(RolloutWorker& worker);
  // Another session than `last`; null when there will be none.
  std::shared_ptr<LearnerSession> NextSession(const LearnerSession* last);
  void StepBlock(LearnerSession& session, const BlockTask& task,
                 RolloutWorker& worker, Segment& segment);

  const ActorEngineOptions options_;
  const MakeEnv make_env_;
  const PolicyCache::MakeInference make_inference_;
  LearnerClient& client_;
  ActorMetrics& metrics_;

  absl::Mutex mutex_;
  std::shared_ptr<LearnerSession> session_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string stop_reason_ ABSL_GUARDED_BY(mutex_);
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ACTOR_ENGINE_H_
