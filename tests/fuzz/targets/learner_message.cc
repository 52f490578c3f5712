// What a learner may say to an actor, in any order.
#include <memory>
#include <string>

#include "actor/rollout/learner_session.h"
#include "actor/rollout/message_dispatch.h"
#include "common/base/check.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/transport_options.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/fake_clock.h"

namespace kmyriad {
namespace {

const SmallRun& Run() {
  static const SmallRun* const run = new SmallRun;
  return *run;
}

ActorMetrics& Metrics() {
  static MetricsRegistry* const registry = new MetricsRegistry;
  static ActorMetrics* const metrics = new ActorMetrics(*registry);
  return *metrics;
}

// A stream whose learner is the input.
class InputStream : public LearnerStream {
 public:
  explicit InputStream(LearnerEvents* events) : events_(events) {}
  ~InputStream() override { Cancel(); }
  void SendBatch(const SegmentKey&, const Segment&, uint32_t,
                 uint32_t) override {}
  void SendDone(const SegmentSummary&) override {}
  void SendHeartbeat(const ActorTotals&) override {}
  void Leave(const std::string&) override {}
  void Cancel() override {
    if (!ended_) events_->OnEnd(absl::CancelledError("the input is over"));
    ended_ = true;
  }

 private:
  LearnerEvents* const events_;
  bool ended_ = false;
};

class InputClient : public LearnerClient {
 public:
  std::unique_ptr<LearnerStream> Open(const ActorHello&,
                                      LearnerEvents* events) override {
    events_ = events;
    return std::make_unique<InputStream>(events);
  }
  LearnerEvents& events() { return *events_; }

 private:
  LearnerEvents* events_ = nullptr;
};

std::string Frame(const v1::LearnerMessage& message) {
  return FrameOf(message.SerializeAsString());
}

v1::LearnerMessage Welcome() {
  v1::LearnerMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_run_uuid(std::string(16, 'u'));
  welcome.set_credit_bytes(1 << 20);
  welcome.set_max_message_bytes(1 << 24);
  welcome.set_batch_bytes(1 << 17);
  welcome.set_heartbeat_seconds(2);
  return message;
}

}  // namespace

void RunInput(absl::string_view bytes) {
  // A line per text that is no UTF-8 costs more than the rest.
  RouteGrpcLogs();
  FuzzInput input(bytes);
  FakeClock clock;
  InputClient client;
  const SmallRun& run = Run();
  const SegmentShape shape{kBlockLanes, run.population.horizon,
                           run.network.obs_dim, run.network.act_dim, 2};
  LearnerSession session(ActorHello(), shape, run.population,
                         PolicyCache(run.network,
                                     [](const PolicyWeights& weights) {
                                       return PolicyInference::Create(
                                           weights, SimdLevel::kScalar);
                                     }),
                         10, clock, client, Metrics());
  bool sane = true;
  while (sane && !input.empty()) {
    const absl::string_view frame = input.Frame();
    v1::LearnerMessage message;
    sane =
        message.ParseFromArray(frame.data(), static_cast<int>(frame.size())) &&
        DispatchMessage(message, client.events()).ok();
  }
  if (session.welcomed()) {
    const uint32_t steps = session.SliceSteps();
    KMYRIAD_CHECK(steps >= 1 && steps <= run.population.horizon);
  }
  session.Leave("the input is over");
  KMYRIAD_CHECK(session.NextTasks(1).empty());
  client.events().OnEnd(absl::OkStatus());
}

std::vector<std::string> Seeds() {
  const SmallRun& run = Run();
  const PolicyWeights weights = run.Weights(1);
  const PolicyHashes hashes = *HashPolicy(weights);
  const std::string snapshot = EncodePolicySnapshot(weights, hashes);
  v1::LearnerMessage policy;
  v1::PolicySnapshotChunk& chunk = *policy.mutable_policy_snapshot();
  chunk.set_policy_hash(ToBytes(hashes.policy));
  chunk.set_count(1);
  chunk.set_total_bytes(snapshot.size());
  chunk.set_data(snapshot);
  v1::LearnerMessage lease;
  lease.mutable_lease()->set_epoch(1);
  lease.mutable_lease()->set_policy_hash(ToBytes(hashes.policy));
  lease.mutable_lease()->add_blocks(0);
  lease.mutable_lease()->add_blocks(2);
  v1::LearnerMessage revoke;
  revoke.mutable_revoke()->set_epoch(1);
  revoke.mutable_revoke()->add_blocks(2);
  v1::LearnerMessage ack;
  ack.mutable_ack()->set_segments(1);
  v1::LearnerMessage drain;
  drain.mutable_drain()->set_complete(true);
  v1::LearnerMessage error;
  error.mutable_batch_error()->set_code(3);
  return {Frame(Welcome()) + Frame(policy) + Frame(lease) + Frame(revoke) +
              Frame(ack),
          Frame(Welcome()) + Frame(error) + Frame(drain), Frame(lease)};
}

}  // namespace kmyriad
