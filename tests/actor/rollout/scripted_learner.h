#ifndef KMYRIAD_TESTS_ACTOR_ROLLOUT_SCRIPTED_LEARNER_H_
#define KMYRIAD_TESTS_ACTOR_ROLLOUT_SCRIPTED_LEARNER_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/segment.h"
#include "common/policy/policy_weights.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/stream_reactor.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {

// One stream as the learner sees it: the test takes the messages and answers
// them itself. All waits end after a minute at the latest.
class ScriptedSession {
 public:
  using Handle = StreamHandle<v1::ActorMessage, v1::LearnerMessage>;

  explicit ScriptedSession(std::shared_ptr<Handle> handle)
      : handle_(std::move(handle)) {}

  // Called by the stream.
  void Arrived(v1::ActorMessage message);
  void Ended();

  // Next message, in order; empty when the stream is over.
  absl::optional<v1::ActorMessage> Next();
  // The same, but heartbeats are passed over.
  absl::optional<v1::ActorMessage> NextWithoutHeartbeats();
  // True if the stream ends, whatever still comes before.
  bool WaitForEnd();

  void Send(v1::LearnerMessage message) { handle_->Send(std::move(message)); }
  void Close(grpc::Status status) { handle_->Close(std::move(status)); }
  void Welcome(uint64_t seed, uint64_t credit_bytes, uint64_t batch_bytes);
  // The heads of all agents, in chunks of `chunk_bytes`; returns the hash.
  Digest SendPolicy(const PolicyWeights& weights, uint64_t version,
                    size_t chunk_bytes = 1000);
  void Lease(uint64_t epoch, uint64_t version, const Digest& policy_hash,
             const std::vector<uint32_t>& blocks);
  void Revoke(uint64_t epoch, const std::vector<uint32_t>& blocks);
  void Ack(uint64_t received_bytes, uint64_t segments);
  void Drain(bool complete);

 private:
  const std::shared_ptr<Handle> handle_;
  absl::Mutex mutex_;
  std::deque<v1::ActorMessage> inbox_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

// A learner's end of Collect on a unix socket.
class ScriptedLearner : public v1::Learner::CallbackService {
 public:
  // Listens at `address`.
  explicit ScriptedLearner(const std::string& address);
  ~ScriptedLearner() override;

  // The next stream that an actor opened; null after a minute without one.
  std::shared_ptr<ScriptedSession> NextSession();

  grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>* Collect(
      grpc::CallbackServerContext* context) override;

 private:
  absl::Mutex mutex_;
  std::deque<std::shared_ptr<ScriptedSession>> sessions_
      ABSL_GUARDED_BY(mutex_);
  // Destroyed first.
  std::unique_ptr<GrpcServer> server_;
};

// Puts the segments of one stream together and acknowledges what came.
class SegmentCollector {
 public:
  SegmentCollector(ScriptedSession& session, const SegmentShape& block_shape,
                   uint32_t envs)
      : session_(session), block_shape_(block_shape), envs_(envs) {}

  // Takes messages until `count` segments are done; false if the stream ends
  // before, or if anything is not as it should be.
  bool Collect(size_t count, bool acknowledge = true);
  // Takes one message.
  bool Take(v1::ActorMessage& message, bool acknowledge);

  const std::map<uint32_t, Segment>& segments() const { return done_; }
  uint64_t received_bytes() const { return received_bytes_; }

 private:
  bool TakeBatch(const v1::StateBatch& batch);
  bool TakeDone(const v1::SegmentDone& done);

  ScriptedSession& session_;
  const SegmentShape block_shape_;
  const uint32_t envs_;
  std::map<uint32_t, Segment> open_;
  std::map<uint32_t, uint32_t> next_step_;
  std::map<uint32_t, Segment> done_;
  uint64_t received_bytes_ = 0;
  uint64_t segments_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_ROLLOUT_SCRIPTED_LEARNER_H_
