// Actors' streams as the learner sees them: two peers that say anything in
// any order, beside a healthy one. The epoch must come to its end.
#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/rpc/message_codec.h"
#include "common/rpc/transport_options.h"
#include "learner/actor_hub.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/learner/testing/fake_actor.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/fake_clock.h"

namespace kmyriad {
namespace {

constexpr size_t kPeers = 2;
const Uuid kRun{1, 2, 3};

const v1::RunConfig& Config() {
  static const v1::RunConfig* const config =
      new v1::RunConfig(SmallRunConfig(4));
  return *config;
}

v1::Hello HelloOf(const std::string& name) {
  static const v1::Hello* const hello =
      new v1::Hello(FakeHello(Config(), "", 2));
  v1::Hello named = *hello;
  named.set_actor_id(name);
  return named;
}

// Prometheus metrics take long to make, and an input leaves none behind that
// matters.
LearnerMetrics& Metrics() {
  static MetricsRegistry* const registry = new MetricsRegistry;
  static LearnerMetrics* const metrics = new LearnerMetrics(*registry);
  return *metrics;
}

PolicyStore& Policy() {
  static PolicyStore* const store = []() {
    auto* const made = new PolicyStore;
    PolicyWeights weights;
    weights.shape.obs_dim = weights.shape.act_dim = 2;
    weights.shape.agents = Config().population().agents();
    weights.shape.trunk = {16};
    weights.agent_count = weights.shape.agents;
    weights.normalizer_mean = weights.normalizer_inv_std = {1, 1};
    weights.trunk = {{2, 16, std::vector<float>(32), std::vector<float>(16)}};
    weights.head_weight.resize(weights.shape.agents * 32);
    weights.head_bias.resize(weights.shape.agents * 2);
    weights.head_log_std.resize(weights.shape.agents * 2);
    KMYRIAD_CHECK(made->Publish(0, weights).ok());
    return made;
  }();
  return *store;
}

HubOptions MakeOptions() {
  HubOptions options;
  options.envs = Config().env().count();
  options.horizon = Config().env().horizon();
  options.agents = Config().population().agents();
  const v1::Hello hello = HelloOf("a");
  options.config_hash = *DigestFromBytes(hello.config_hash(), "config_hash");
  options.backend = hello.backend();
  options.credit_bytes = 1 << 20;
  options.batch_bytes = 1 << 10;
  options.heartbeat_seconds = 2;
  options.min_lease_seconds = 5;
  return options;
}

ActorIdentity MakeIdentity() {
  const v1::Hello hello = HelloOf("a");
  ActorIdentity identity;
  identity.environment = *FromProto(hello.environment());
  identity.fingerprint = *DigestFromBytes(hello.fingerprint(), "fingerprint");
  identity.golden_digest = *DigestFromBytes(hello.golden_digest(), "golden");
  return identity;
}

const HubOptions& Options() {
  static const HubOptions* const options = new HubOptions(MakeOptions());
  return *options;
}

const ActorIdentity& Identity() {
  static const ActorIdentity* const identity =
      new ActorIdentity(MakeIdentity());
  return *identity;
}

class Observer : public HubObserver {
 public:
  void OnActorJoined(const std::string&) override {}
  void OnActorLeft(const std::string&, const std::string&) override {}
  void OnProgress() override {}
  void OnBrokenDeterminism(const absl::Status& status) override {
    broken = status;
  }
  absl::Status broken;
};

class Game {
 public:
  Game() : hub_(Options(), clock_, Policy(), Metrics(), observer_) {
    hub_.Pin(kRun, Identity());
    hub_.StartEpoch(1);
    for (size_t i = 0; i < kPeers; ++i) Connect(i);
  }

  // One move of a peer, chosen by the input.
  void Move(FuzzInput& input) {
    const uint8_t move = input.Byte();
    const size_t peer = move % kPeers;
    const StreamId id = ids_[peer];
    switch (move / kPeers % 8) {
      case 0:
        return Message(id, input.Frame());
      case 1: {
        v1::Hello hello = HelloOf(peer == 0 ? "p" : "q");
        hello.set_capacity_blocks(input.Byte());
        return hub_.OnHello(id, hello);
      }
      case 2:
        return Batch(id, input);
      case 3: {
        const Segment segment = SegmentOf(input.Byte() % 3);
        v1::SegmentDone done;
        *done.mutable_key() = ToProto(Key(last_block_));
        done.set_sha256(ToBytes(HashSegment(segment)));
        if ((move & 0x80) != 0) done.mutable_sha256()->at(0) ^= 1;
        return hub_.OnSegmentDone(id, done);
      }
      case 4:
        clock_.Advance(input.Byte() / 4.0);
        return hub_.Tick();
      case 5:
        hub_.OnGone(id, "gone");
        return Connect(peer);
      case 6:
        hub_.OnHeartbeat(id, v1::Heartbeat());
        return hub_.OnUnknown(id);
      default:
        return hub_.SetLeasing(input.Byte() % 2 == 0);
    }
  }

  // A healthy actor comes and does what is left, whatever the others did.
  void End() {
    hub_.SetLeasing(true);
    FakeActor healthy(hub_, Config(), "healthy", 3);
    for (int turn = 0; turn < 2000 && !Over(); ++turn) {
      healthy.Pump();
      // Deadlines of what the others hold are soon over.
      clock_.Advance(1);
      hub_.Tick();
    }
    KMYRIAD_CHECK(Over());
    KMYRIAD_CHECK(!healthy.closed().has_value());
    const SegmentCounters counters = hub_.counters();
    if (hub_.status().complete) KMYRIAD_CHECK(counters.applied == 3);
    for (const auto& connection : connections_) connection->Take();
  }

 private:
  bool Over() { return hub_.status().complete || !observer_.broken.ok(); }

  void Connect(size_t peer) {
    connections_[peer] = std::make_shared<FakeConnection>();
    ids_[peer] = hub_.OnConnect(connections_[peer]);
  }

  static SegmentKey Key(uint32_t block) {
    SegmentKey key;
    key.run_uuid = kRun;
    key.epoch = 1;
    key.block = block;
    key.policy_hash = Policy().policy_hash();
    key.fingerprint = Identity().fingerprint;
    return key;
  }

  Segment SegmentOf(uint32_t block) {
    last_block_ = block;
    return FakeSegment(Config(), 1, block, Policy().policy_hash());
  }

  void Batch(StreamId id, FuzzInput& input) {
    const Segment segment = SegmentOf(input.Byte() % 3);
    const uint32_t first = input.Byte() % 5;
    v1::StateBatch batch;
    EncodeStateBatch(Key(last_block_), segment, first,
                     1 + input.Byte() % (5 - first), &batch);
    // One byte anywhere in the columns; mostly none.
    const uint16_t at = input.Word();
    std::string& column = *batch.mutable_observations();
    if (at < column.size()) column[at] ^= 1;
    hub_.OnBatch(id, batch);
  }

  void Message(StreamId id, absl::string_view bytes) {
    v1::ActorMessage message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return hub_.OnUnknown(id);
    }
    switch (message.message_case()) {
      case v1::ActorMessage::kHello:
        return hub_.OnHello(id, message.hello());
      case v1::ActorMessage::kStateBatch:
        return hub_.OnBatch(id, message.state_batch());
      case v1::ActorMessage::kSegmentDone:
        return hub_.OnSegmentDone(id, message.segment_done());
      case v1::ActorMessage::kHeartbeat:
        return hub_.OnHeartbeat(id, message.heartbeat());
      default:
        return hub_.OnUnknown(id);
    }
  }

  FakeClock clock_;
  Observer observer_;
  ActorHub hub_;
  std::shared_ptr<FakeConnection> connections_[kPeers];
  StreamId ids_[kPeers] = {};
  uint32_t last_block_ = 0;
};

}  // namespace

void RunInput(absl::string_view bytes) {
  // A line per text that is no UTF-8 costs more than the rest.
  RouteGrpcLogs();
  FuzzInput input(bytes);
  Game game;
  while (!input.empty()) game.Move(input);
  game.End();
}

std::vector<std::string> Seeds() {
  v1::ActorMessage hello;
  *hello.mutable_hello() = HelloOf("raw");
  v1::ActorMessage done;
  done.mutable_segment_done()->mutable_key()->set_block(1);
  v1::ActorMessage heartbeat;
  v1::ActorTotals& totals = *heartbeat.mutable_heartbeat()->mutable_totals();
  totals.set_env_steps(1000);
  totals.set_nonfinite(1);
  totals.set_cpu_seconds(2.5);
  totals.set_credit_wait_seconds(0.5);
  totals.set_resident_bytes(1 << 26);
  const std::string beat = FrameOf(heartbeat.SerializeAsString());
  const std::string none = "\xff\xff";
  const auto batch = [&none](char move, char block) {
    return std::string{move, block, '\0', '\4'} + none;
  };
  return {'\0' + FrameOf(hello.SerializeAsString()) + batch('\4', '\0') +
              std::string("\6\0", 2),
          std::string("\2\2\3\2", 4) + batch('\4', '\1') + batch('\5', '\1') +
              std::string("\6\1\7\1\x0a\x0a", 6),
          std::string("\2\2", 2) + batch('\4', '\2') +
              std::string("\x86\2\x08\xff\x0e\1", 6),
          '\1' + FrameOf(done.SerializeAsString()),
          // Of a peer that has said Hello, one that has not, and one come anew.
          std::string("\2\2", 2) + '\0' + beat + '\1' + beat + '\0' + beat +
              std::string("\x0a\2\2", 3) + '\0' + beat};
}

}  // namespace kmyriad
