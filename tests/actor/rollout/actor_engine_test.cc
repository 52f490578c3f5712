#include "actor/rollout/actor_engine.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "actor/rollout/grpc_learner_client.h"
#include "actor/rollout/rollout_identity.h"
#include "gtest/gtest.h"
#include "tests/actor/rollout/scripted_learner.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// Bytes of a segment of a full block of the small run, and of all three.
constexpr uint64_t kPlenty = 1 << 20;

class ActorEngineTest : public ::testing::Test {
 protected:
  ActorEngineTest() {
    options_.hello.actor_id = "test:1:1";
    options_.hello.environment = run_.model->spec();
    options_.hello.fingerprint =
        RolloutFingerprint(*run_.model, run_.network, run_.population);
    options_.hello.backend = "none";
    options_.population = run_.population;
    options_.network = run_.network;
    options_.threads = 2;
    block_shape_ = {kBlockLanes, run_.population.horizon, run_.network.obs_dim,
                    run_.network.act_dim, run_.model->spec().feature_dim()};
    step_bytes_ = 16 * (4 * (block_shape_.obs_dim + block_shape_.act_dim + 1 +
                             block_shape_.feature_dim) +
                        1);
    learner_ = std::make_unique<ScriptedLearner>(address_);
  }
  ~ActorEngineTest() override {
    if (engine_ != nullptr) engine_->Stop("the test is over");
    if (thread_.joinable()) thread_.join();
  }

  void StartActor() {
    auto client = MakeGrpcLearnerClient(address_);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    engine_ = std::make_unique<ActorEngine>(
        options_,
        [this]() -> absl::StatusOr<std::unique_ptr<RolloutEngine>> {
          return run_.MakeWorker();
        },
        [](const PolicyWeights& weights) {
          return PolicyInference::Create(weights, SimdLevel::kScalar);
        },
        *client_, metrics_);
    thread_ = std::thread([this] { result_ = engine_->Run(); });
  }
  absl::Status Join() {
    thread_.join();
    return result_;
  }
  // A stream that has said Hello and been welcomed.
  std::shared_ptr<ScriptedSession> Greet(uint64_t credit_bytes = kPlenty,
                                         uint64_t batch_bytes = kPlenty) {
    std::shared_ptr<ScriptedSession> session = learner_->NextSession();
    if (session == nullptr) return nullptr;
    const auto hello = session->Next();
    if (!hello.has_value() || !hello->has_hello()) return nullptr;
    EXPECT_EQ(hello->hello().capacity_blocks(), 2 * options_.threads);
    EXPECT_EQ(hello->hello().fingerprint(),
              ToBytes(options_.hello.fingerprint));
    session->Welcome(kSeed, credit_bytes, batch_bytes);
    return session;
  }
  SegmentCollector Collector(ScriptedSession& session) const {
    return SegmentCollector(session, block_shape_, run_.population.envs);
  }
  void ExpectSegments(const SegmentCollector& collector, uint32_t epoch,
                      uint64_t variant, size_t count) {
    EXPECT_EQ(collector.segments().size(), count);
    for (const auto& [block, segment] : collector.segments()) {
      EXPECT_EQ(HashSegment(segment),
                HashSegment(run_.Reference(kSeed, epoch, block, variant)))
          << "block " << block;
    }
  }

  static constexpr uint64_t kSeed = 77;
  const SmallRun run_;
  const TempDir folder_;
  const std::string address_ = "unix:" + folder_.File("learner.sock");
  FakeClock clock_;
  ActorEngineOptions options_;
  SegmentShape block_shape_;
  uint64_t step_bytes_ = 0;
  std::unique_ptr<ScriptedLearner> learner_;
  MetricsRegistry registry_;
  ActorMetrics metrics_{registry_};
  std::unique_ptr<LearnerClient> client_;
  std::unique_ptr<ActorEngine> engine_;
  std::thread thread_;
  absl::Status result_ = absl::UnknownError("not run");
};

TEST_F(ActorEngineTest, CollectsLeasedBlocksUntilTheRunIsComplete) {
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  for (uint32_t epoch = 1; epoch <= 3; ++epoch) {
    const Digest hash = session->SendPolicy(run_.Weights(epoch), epoch - 1);
    session->Lease(epoch, epoch - 1, hash, {0, 1, 2});
    SegmentCollector collector = Collector(*session);
    // Credits are counted over the whole stream.
    ASSERT_TRUE(collector.Collect(3, false));
    ExpectSegments(collector, epoch, epoch, 3);
  }
  session->Ack(0, 9);
  session->Drain(true);
  EXPECT_TRUE(session->WaitForEnd());
  EXPECT_THAT(Join(), IsOk());
  EXPECT_EQ(metrics_.env_steps.value(), 3 * 40 * 20);
  EXPECT_EQ(metrics_.episodes.value(), 3 * 40);
  EXPECT_EQ(metrics_.segments_acked.value(), 9);
  EXPECT_EQ(metrics_.policy_version.value(), 2);
  EXPECT_EQ(metrics_.connected.value(), 0);
}

TEST_F(ActorEngineTest, SendsSlicesOfTheWantedSize) {
  StartActor();
  // Six steps fit: slices of five make four equal ones.
  const auto session = Greet(kPlenty, 6 * step_bytes_ + 3);
  ASSERT_NE(session, nullptr);
  session->Lease(1, 0, session->SendPolicy(run_.Weights(1), 0), {1});
  SegmentCollector collector = Collector(*session);
  for (uint32_t slice = 0; slice < 4; ++slice) {
    auto message = session->NextWithoutHeartbeats();
    ASSERT_TRUE(message.has_value() && message->has_state_batch());
    EXPECT_EQ(message->state_batch().first_step(), slice * 5);
    EXPECT_EQ(message->state_batch().steps(), 5u);
    ASSERT_TRUE(collector.Take(*message, true));
  }
  ASSERT_TRUE(collector.Collect(1));
  ExpectSegments(collector, 1, 1, 1);
}

TEST_F(ActorEngineTest, WaitsForCreditsBetweenSlices) {
  StartActor();
  const uint64_t credit = 5 * step_bytes_;
  const auto session = Greet(credit, 2 * step_bytes_);
  ASSERT_NE(session, nullptr);
  session->Lease(1, 0, session->SendPolicy(run_.Weights(1), 0), {0, 1, 2});
  SegmentCollector collector = Collector(*session);
  uint64_t acked = 0;
  uint64_t stalls = 0;
  while (collector.segments().size() < 3) {
    auto message = session->Next();
    ASSERT_TRUE(message.has_value());
    if (!message->has_heartbeat()) {
      ASSERT_TRUE(collector.Take(*message, false));
      EXPECT_LE(collector.received_bytes() - acked, credit);
      continue;
    }
    // A heartbeat came behind everything that the credits allowed.
    ++stalls;
    acked = collector.received_bytes();
    session->Ack(acked, collector.segments().size());
  }
  EXPECT_GT(stalls, 5u);
  ExpectSegments(collector, 1, 1, 3);
}

TEST_F(ActorEngineTest, ALostStreamIsOpenedAgainAndBlocksRecomputed) {
  StartActor();
  Digest hash{};
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto session = Greet(kPlenty, 4 * step_bytes_);
    ASSERT_NE(session, nullptr);
    hash = session->SendPolicy(run_.Weights(1), 0);
    session->Lease(1, 0, hash, {0, 1, 2});
    // In the middle of a segment.
    const auto first = session->NextWithoutHeartbeats();
    ASSERT_TRUE(first.has_value() && first->has_state_batch());
    session->Close(grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost"));
    EXPECT_TRUE(session->WaitForEnd());
  }
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  session->SendPolicy(run_.Weights(1), 0);
  session->Lease(1, 0, hash, {0, 1, 2});
  SegmentCollector collector = Collector(*session);
  ASSERT_TRUE(collector.Collect(3));
  ExpectSegments(collector, 1, 1, 3);
  EXPECT_EQ(metrics_.reconnects_unavailable.value(), 3);
}

TEST_F(ActorEngineTest, SurvivesALearnerThatRestarts) {
  StartActor();
  {
    const auto session = Greet();
    ASSERT_NE(session, nullptr);
    session->Lease(1, 0, session->SendPolicy(run_.Weights(1), 0), {0});
    SegmentCollector collector = Collector(*session);
    ASSERT_TRUE(collector.Collect(1));
  }
  learner_.reset();
  learner_ = std::make_unique<ScriptedLearner>(address_);
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  session->Lease(2, 1, session->SendPolicy(run_.Weights(2), 1), {2});
  SegmentCollector collector = Collector(*session);
  ASSERT_TRUE(collector.Collect(1));
  ExpectSegments(collector, 2, 2, 1);
}

TEST_F(ActorEngineTest, TellsALearnerThatStopsFromARunThatIsComplete) {
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  session->Drain(false);
  const auto message = session->NextWithoutHeartbeats();
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->has_bye());
  EXPECT_THAT(Join(), StatusIs(absl::StatusCode::kAborted,
                               HasSubstr("as the test says")));
}

TEST_F(ActorEngineTest, RevokedBlocksAreAbandonedAndOthersGoOn) {
  options_.threads = 1;
  StartActor();
  // One slice of credit: the first block stalls behind it.
  const auto session = Greet(4 * step_bytes_, 4 * step_bytes_);
  ASSERT_NE(session, nullptr);
  const Digest hash = session->SendPolicy(run_.Weights(1), 0);
  session->Lease(1, 0, hash, {0, 1, 2});
  auto first = session->NextWithoutHeartbeats();
  ASSERT_TRUE(first.has_value() && first->has_state_batch());
  EXPECT_EQ(first->state_batch().key().block(), 0u);
  session->Revoke(1, {0, 1});
  SegmentCollector collector = Collector(*session);
  ASSERT_TRUE(collector.Take(*first, true));
  ASSERT_TRUE(collector.Collect(1));
  EXPECT_EQ(collector.segments().count(2), 1u);
  ExpectSegments(collector, 1, 1, 1);
  EXPECT_EQ(metrics_.segments_abandoned.value(), 1);
}

TEST_F(ActorEngineTest, ALeaseOfAnotherPolicyReplacesTheOld) {
  options_.threads = 1;
  StartActor();
  const auto session = Greet(4 * step_bytes_, 4 * step_bytes_);
  ASSERT_NE(session, nullptr);
  session->Lease(5, 0, session->SendPolicy(run_.Weights(1), 0), {0, 1, 2});
  auto first = session->NextWithoutHeartbeats();
  ASSERT_TRUE(first.has_value());
  // After a restore the epoch may be a smaller one.
  session->Lease(4, 0, session->SendPolicy(run_.Weights(2), 0), {0});
  SegmentCollector collector = Collector(*session);
  ASSERT_TRUE(collector.Take(*first, true));
  ASSERT_TRUE(collector.Collect(1));
  ExpectSegments(collector, 4, 2, 1);
}

TEST_F(ActorEngineTest, ARefusalIsFinal) {
  for (const auto code : {grpc::StatusCode::FAILED_PRECONDITION,
                          grpc::StatusCode::INVALID_ARGUMENT}) {
    StartActor();
    const auto session = learner_->NextSession();
    ASSERT_NE(session, nullptr);
    session->Close(grpc::Status(code, "config_hash is another run's"));
    const absl::Status status = Join();
    EXPECT_THAT(status, StatusIs(static_cast<absl::StatusCode>(code),
                                 HasSubstr("another run's")));
  }
}

TEST_F(ActorEngineTest, GivesUpWithoutALearner) {
  learner_.reset();
  options_.give_up_seconds = 0.2;
  StartActor();
  EXPECT_THAT(Join(), StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("no learner")));
}

TEST_F(ActorEngineTest, ASilentLearnerIsLeft) {
  options_.clock = &clock_;
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  // It has seen the welcome.
  const auto beat = session->Next();
  ASSERT_TRUE(beat.has_value() && beat->has_heartbeat());
  clock_.Advance(options_.silence_seconds + 1);
  EXPECT_TRUE(session->WaitForEnd());
  ASSERT_NE(Greet(), nullptr);
  EXPECT_EQ(metrics_.reconnects_silent.value(), 1);
}

TEST_F(ActorEngineTest, HeartbeatsKeepAQuietStream) {
  options_.clock = &clock_;
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  for (uint32_t epoch = 1; epoch <= 3; ++epoch) {
    // Together they are more than the silence that ends a stream.
    clock_.Advance(options_.silence_seconds * 0.9);
    // It has looked at the clock.
    const auto beat = session->Next();
    ASSERT_TRUE(beat.has_value() && beat->has_heartbeat());
    // What it has done: a block of eight rows an epoch, at most.
    const v1::ActorTotals& totals = beat->heartbeat().totals();
    EXPECT_LE(totals.env_steps(), (epoch - 1) * 8 * 20);
    EXPECT_GT(totals.cpu_seconds(), 0);
    EXPECT_GT(totals.resident_bytes(), 1u << 20);
    v1::LearnerMessage answer;
    answer.mutable_heartbeat();
    session->Send(answer);
    // It has seen the answer, since it does what was sent after it.
    session->Lease(epoch, 0, session->SendPolicy(run_.Weights(1), 0), {2});
    SegmentCollector sent = Collector(*session);
    ASSERT_TRUE(sent.Collect(1, false));
  }
  // A block counts once all of it is sent, so in one of the next heartbeats.
  uint64_t env_steps = 0;
  for (int beats = 0; beats < 1000 && env_steps < 3 * 8 * 20; ++beats) {
    const auto beat = session->Next();
    ASSERT_TRUE(beat.has_value() && beat->has_heartbeat());
    env_steps = beat->heartbeat().totals().env_steps();
  }
  EXPECT_EQ(env_steps, 3 * 8 * 20);
  session->Drain(true);
  EXPECT_THAT(Join(), IsOk());
  EXPECT_EQ(metrics_.reconnects_silent.value(), 0);
}

TEST_F(ActorEngineTest, RefusalAfterAWelcomeIsAFailureOfOurs) {
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  session->Close({grpc::StatusCode::INVALID_ARGUMENT, "64 messages in a row"});
  EXPECT_THAT(Join(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("64 messages")));
}

TEST_F(ActorEngineTest, StopSaysBye) {
  StartActor();
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  engine_->Stop("SIGTERM");
  const auto message = session->NextWithoutHeartbeats();
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->has_bye());
  EXPECT_THAT(Join(), IsOk());
}

TEST_F(ActorEngineTest, StopEndsTheSearchForALearner) {
  learner_.reset();
  StartActor();
  engine_->Stop("SIGTERM");
  EXPECT_THAT(Join(), IsOk());
}

// Whatever a broken learner says, the actor neither crashes nor works on it:
// it looks for a better stream.
TEST_F(ActorEngineTest, NonsenseFromTheLearnerEndsTheStream) {
  StartActor();
  const std::vector<std::function<void(ScriptedSession&)>> nonsense = {
      [](ScriptedSession& s) { s.Send(v1::LearnerMessage()); },
      [&](ScriptedSession& s) { s.Lease(1, 0, Digest{}, {0}); },
      [&](ScriptedSession& s) {
        s.Lease(1, 0, s.SendPolicy(run_.Weights(1), 0), {3});
      },
      [&](ScriptedSession& s) {
        s.Lease(0, 0, s.SendPolicy(run_.Weights(1), 0), {0});
      },
      [&](ScriptedSession& s) {
        s.Lease(1ull << 32, 0, s.SendPolicy(run_.Weights(1), 0), {0});
      },
      // More of one block than memory holds tasks for.
      [&](ScriptedSession& s) {
        s.Lease(1, 0, s.SendPolicy(run_.Weights(1), 0),
                std::vector<uint32_t>(3'000'000, 0));
      },
      [](ScriptedSession& s) { s.Ack(1, 0); },
      [](ScriptedSession& s) { s.Welcome(1, 0, 0); },
      [](ScriptedSession& s) {
        v1::LearnerMessage message;
        message.mutable_lease()->set_policy_hash("short");
        s.Send(message);
      },
      [](ScriptedSession& s) {
        v1::LearnerMessage message;
        message.mutable_policy_snapshot()->set_policy_hash(
            std::string(32, 'p'));
        message.mutable_policy_snapshot()->set_count(4);
        message.mutable_policy_snapshot()->set_total_bytes(~0ull);
        s.Send(message);
      },
  };
  for (size_t i = 0; i < nonsense.size(); ++i) {
    const auto session = Greet();
    ASSERT_NE(session, nullptr) << i;
    nonsense[i](*session);
    EXPECT_TRUE(session->WaitForEnd()) << i;
  }
  const auto session = Greet();
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(metrics_.reconnects_protocol.value(), nonsense.size());
  session->Lease(1, 0, session->SendPolicy(run_.Weights(1), 0), {0});
  SegmentCollector collector = Collector(*session);
  EXPECT_TRUE(collector.Collect(1));
}

}  // namespace
}  // namespace kmyriad
