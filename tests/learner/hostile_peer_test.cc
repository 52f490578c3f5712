// Peers that send rubbish over a real server, beside actors that work.
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/message_codec.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "learner/learner_service_impl.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

// What was freed would count as kept for as long as the address sanitizer keeps
// it from being used again, which is up to 256 MB of it.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=16";
}

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr char kRun[] = "/runs/demo";
constexpr uint64_t kEpochs = 3;

// A client of Collect that writes any bytes, and reads only if it likes.
class RawPeer
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  RawPeer(grpc::GenericStub& stub, bool reads) : reads_(reads) {
    stub.PrepareBidiStreamingCall(&context_, "/kmyriad.v1.Learner/Collect", {},
                                  this);
    AddHold();
    if (reads_) StartRead(&incoming_);
    StartCall();
  }
  ~RawPeer() override {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    Release();
    mutex_.Await(absl::Condition(&done_));
  }

  // Hands bytes to gRPC if it has taken the last ones. False if it has not.
  bool Offer(const std::string& bytes) {
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || over_) return false;
      writing_ = true;
      const grpc::Slice slice(bytes);
      outgoing_ = grpc::ByteBuffer(&slice, 1);
    }
    StartWrite(&outgoing_);
    return true;
  }
  // As Offer, and again and again without waiting for anybody.
  bool Repeat(const std::string& bytes) {
    if (!Offer(bytes)) return false;
    absl::MutexLock lock(&mutex_);
    repeats_ = true;
    return true;
  }
  // Lets the stream get on.
  void Await() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&done_), absl::Milliseconds(1));
  }
  // Our end of the stream may be gone without the other end knowing.
  bool over() {
    absl::MutexLock lock(&mutex_);
    if (over_ && !writing_) Release();
    return done_;
  }
  absl::Status status() {
    absl::MutexLock lock(&mutex_);
    return FromGrpcStatus(status_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      StartRead(&incoming_);
      return;
    }
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      over_ |= !ok;
      writing_ = ok && repeats_ && !over_;
      if (!writing_) return;
    }
    StartWrite(&outgoing_);
  }
  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    status_ = status;
    done_ = true;
  }
  void Release() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (held_) RemoveHold();
    held_ = false;
  }

  const bool reads_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool repeats_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = true;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

// Counts the actors that leave.
class Departures : public EventSink {
 public:
  void OnEvent(const v1::Event& event) override {
    if (event.kind() == v1::Event::ACTOR_LEFT) ++count_;
  }
  void OnEnd() override {}
  void Flush() override {}
  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

class HostilePeerTest : public ::testing::Test {
 protected:
  HostilePeerTest() {
    {
      SimulatedDisk disk;
      LearnerProcess undisturbed(disk, kRun, SmallRunConfig(kEpochs));
      undisturbed.AddActor("healthy");
      EXPECT_THAT(undisturbed.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
      undisturbed_ = FingerprintOf(kRun, disk);
    }
    process_ =
        std::make_unique<LearnerProcess>(disk_, kRun, SmallRunConfig(kEpochs));
    learner_ = std::make_unique<LearnerServiceImpl>(process_->engine().hub());
    GrpcServerOptions options;
    options.listen = "unix:" + folder_.File("socket");
    auto server = GrpcServer::Start(options, {learner_.get()}, {});
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto channel = MakeChannel(server_->address());
    EXPECT_THAT(channel, IsOk());
    stub_ = std::make_unique<grpc::GenericStub>(*channel);
  }
  ~HostilePeerTest() override {
    server_->Shutdown(0);
    process_.reset();
  }

  // Writes what `next` gives until the learner ends the stream; says why. The
  // learner's clock stands still: a peer that a loaded machine holds up is not
  // a silent one.
  absl::Status Refusal(const std::function<std::string()>& next) {
    RawPeer peer(*stub_, /*reads=*/true);
    std::string bytes = next();
    const auto refused = [&]() {
      if (peer.Offer(bytes)) bytes = next();
      peer.Await();
      return peer.over();
    };
    EXPECT_TRUE(process_->PumpUntil(refused, /*seconds=*/0));
    return peer.status();
  }
  std::string Hello(const std::string& name) {
    v1::ActorMessage message;
    *message.mutable_hello() = FakeHello(config_, name, 2);
    return message.SerializeAsString();
  }
  // Hello, then the same message for ever.
  std::function<std::string()> After(const std::string& name,
                                     std::string bytes) {
    auto said = std::make_shared<bool>(false);
    return [this, said, name, bytes]() {
      if (std::exchange(*said, true)) return bytes;
      return Hello(name);
    };
  }
  // A batch of the run's shape; nothing of its key fits.
  std::string StrangeBatch(uint32_t block, uint32_t steps) {
    v1::ActorMessage message;
    SegmentKey key;
    key.block = block;
    EncodeStateBatch(key, FakeSegment(config_, 1, block, {}), 0, steps,
                     message.mutable_state_batch());
    return message.SerializeAsString();
  }
  double Counter(const std::string& name) {
    return ParsePrometheusText(process_->registry().Text())->Value(name);
  }
  double Refused() {
    return Counter("kmyriad_learner_refused_batches_total") +
           Counter("kmyriad_learner_refused_actors_total");
  }
  void ExpectRunEndsAsIfNothingHadBeen() {
    process_->AddActor("healthy");
    ASSERT_THAT(process_->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    EXPECT_EQ(FingerprintOf(kRun, disk_), undisturbed_);
  }

  const v1::RunConfig config_ = SmallRunConfig(kEpochs);
  RunFingerprint undisturbed_;
  TempDir folder_;
  SimulatedDisk disk_;
  std::unique_ptr<LearnerProcess> process_;
  std::unique_ptr<LearnerServiceImpl> learner_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(HostilePeerTest, RubbishIsRefusedPreciselyCountedAndChangesNothing) {
  // An actor that works all the while.
  process_->AddActor("busy");
  std::string wrong_size;
  {
    v1::ActorMessage message;
    ASSERT_TRUE(message.ParseFromString(StrangeBatch(0, 5)));
    message.mutable_state_batch()->mutable_actions()->push_back('x');
    wrong_size = message.SerializeAsString();
  }
  v1::ActorMessage bad_hello;
  ASSERT_TRUE(bad_hello.ParseFromString(Hello("bad")));
  bad_hello.mutable_hello()->set_capacity_blocks(1 << 20);
  const struct {
    const char* what;
    std::function<std::string()> next;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"bytes that are no message", []() { return std::string(100, '\xff'); },
       absl::StatusCode::kInvalidArgument, "first message must be Hello"},
      {"a batch before Hello", [&]() { return StrangeBatch(0, 5); },
       absl::StatusCode::kInvalidArgument, "first message must be Hello"},
      {"a second Hello", After("twice", Hello("twice")),
       absl::StatusCode::kInvalidArgument, "second Hello"},
      {"a Hello without sense", [&]() { return bad_hello.SerializeAsString(); },
       absl::StatusCode::kInvalidArgument, "capacity_blocks = 1048576"},
      {"no messages after Hello", After("noise", std::string(9, '\xff')),
       absl::StatusCode::kInvalidArgument, "64 messages in a row"},
      {"empty messages", After("empty", ""), absl::StatusCode::kInvalidArgument,
       "64 messages in a row"},
      {"wrong sizes", After("sizes", wrong_size),
       absl::StatusCode::kInvalidArgument, "64 messages in a row"},
      {"too large", []() { return std::string(17 << 20, 'x'); },
       absl::StatusCode::kResourceExhausted, "larger than max"},
  };
  for (const auto& test : cases) {
    const double before = Refused();
    EXPECT_THAT(Refusal(test.next),
                StatusIs(test.code, HasSubstr(test.message)))
        << test.what;
    if (test.code == absl::StatusCode::kInvalidArgument) {
      EXPECT_GT(Refused(), before) << test.what;
    }
  }
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, RandomBytesForALongTimeChangeNothing) {
  process_->AddActor("busy");
  SeededRandom random(5);
  for (int peer = 0; peer < 20; ++peer) {
    bool said = false;
    const std::string hello = Hello("random");
    const absl::Status status = Refusal([&]() {
      if (!std::exchange(said, peer % 2 == 0)) {
        if (peer % 2 == 0) return hello;
      }
      std::string bytes(random.Below(300), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
      return bytes;
    });
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  }
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, HalfOpenStreamsAreEnded) {
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawPeer>(*stub_, true));
  }
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  process_->clock().Advance(16);
  for (const auto& peer : silent) {
    ASSERT_TRUE(process_->PumpUntil([&]() { return peer->over(); }));
    EXPECT_THAT(peer->status(),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("silent")));
  }
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, PeerThatNeverReadsIsEndedAndHoldsNothingUp) {
  const auto watcher = std::make_shared<Departures>();
  process_->engine().events().Add(watcher);
  // With a small window there is little on the way to the peer.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 10);
  grpc::GenericStub stub(grpc::CreateCustomChannel(
      server_->address(), grpc::InsecureChannelCredentials(), arguments));
  RawPeer peer(stub, /*reads=*/false);
  ASSERT_TRUE(peer.Offer(Hello("deaf")));
  // Each stale batch costs the learner an answer. It ends the stream; the peer
  // would learn that if it read.
  bool begun = false;
  EXPECT_TRUE(process_->PumpUntil([&]() {
    process_->clock().Advance(0.01);
    begun = begun || peer.Repeat(StrangeBatch(0, 1));
    return watcher->count() > 0;
  }));
  ExpectRunEndsAsIfNothingHadBeen();
}

// The hub's part of it, without a network.
TEST_F(HostilePeerTest, StreamsBeyondTheLimitAreTurnedAwayUntilOthersAreGone) {
  ActorHub& hub = process_->engine().hub();
  std::vector<std::shared_ptr<FakeConnection>> silent;
  std::vector<StreamId> ids;
  const auto connect = [&]() {
    silent.push_back(std::make_shared<FakeConnection>());
    ids.push_back(hub.OnConnect(silent.back()));
    return silent.back()->closed();
  };
  for (int i = 0; i < 4096; ++i) ASSERT_FALSE(connect().has_value()) << i;
  const absl::optional<absl::Status> refused = connect();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(*refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                 HasSubstr("4096")));
  for (const StreamId id : ids) hub.OnGone(id, "gone");
  EXPECT_FALSE(connect().has_value());
  hub.OnGone(ids.back(), "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

// Each within its own limit, all together beyond what the learner keeps.
TEST_F(HostilePeerTest, StreamsThatTogetherLeaveTooMuchUnreadAreEnded) {
  ActorHub& hub = process_->engine().hub();
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  std::vector<std::shared_ptr<FakeConnection>> slow;
  std::vector<StreamId> ids;
  const auto ended = [&slow]() {
    std::vector<size_t> found;
    for (size_t i = 0; i < slow.size(); ++i) {
      if (slow[i]->closed().has_value()) found.push_back(i);
    }
    return found;
  };
  for (uint64_t i = 0; i < 5; ++i) {
    slow.push_back(std::make_shared<FakeConnection>());
    slow.back()->SetBacklog({(400 + 10 * i) << 20, 1});
    ids.push_back(hub.OnConnect(slow.back()));
    hub.Tick();
  }
  // 400 + ... + 440 MiB are more than 2 GiB, without the largest they are not.
  EXPECT_THAT(ended(), ::testing::ElementsAre(4));
  EXPECT_THAT(*slow[4]->closed(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("2202009600 bytes wait to be read by all "
                                 "actors, 461373440 of them by this one")));
  hub.OnGone(ids[4], "gone");
  // More than half is left: an actor that comes is welcome, but waits.
  const auto leases = [](FakeConnection& connection) {
    size_t count = 0;
    for (const v1::LearnerMessage& message : connection.Take()) {
      count += message.has_lease() ? 1 : 0;
    }
    return count;
  };
  process_->RemoveActor(0);
  const auto late = std::make_shared<FakeConnection>();
  ids.push_back(hub.OnConnect(late));
  hub.OnHello(ids.back(), FakeHello(config_, "late", 1));
  hub.Tick();
  EXPECT_EQ(leases(*late), 0u);
  EXPECT_FALSE(late->closed().has_value());
  for (const auto& connection : slow) connection->SetBacklog({0, 2});
  ASSERT_TRUE(process_->PumpUntil([&]() {
    hub.OnHeartbeat(ids.back(), v1::Heartbeat());
    hub.Tick();
    return leases(*late) > 0;
  }));
  EXPECT_THAT(ended(), ::testing::ElementsAre(4));
  for (const StreamId id : ids) hub.OnGone(id, "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

// Late segments in between do not make good what is damaged: its block would
// be leased to the same peer for ever.
TEST_F(HostilePeerTest, DamagedSegmentsBetweenStaleOnesEndTheStream) {
  ActorHub& hub = process_->engine().hub();
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  const auto connection = std::make_shared<FakeConnection>();
  const StreamId id = hub.OnConnect(connection);
  hub.OnHello(id, FakeHello(config_, "mixed", 1));
  v1::SegmentDone stale;
  *stale.mutable_key() = ToProto(SegmentKey());
  stale.set_sha256(std::string(32, '\0'));
  for (int i = 0; i < 16; ++i) {
    ASSERT_FALSE(connection->closed().has_value()) << i;
    hub.OnSegmentDone(id, stale);
    hub.OnSegmentDone(id, v1::SegmentDone());
  }
  ASSERT_TRUE(connection->closed().has_value());
  EXPECT_THAT(*connection->closed(), StatusIs(absl::StatusCode::kDataLoss));
  hub.OnGone(id, "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, RefusalsDoNotEchoWhatWasSent) {
  ActorHub& hub = process_->engine().hub();
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  const auto connection = std::make_shared<FakeConnection>();
  const StreamId id = hub.OnConnect(connection);
  hub.OnHello(id, FakeHello(config_, "long", 1));
  v1::StateBatch batch;
  batch.mutable_key()->set_block(2);
  batch.mutable_key()->set_policy_hash(std::string(8 << 20, 'x'));
  hub.OnBatch(id, batch);
  int errors = 0;
  for (const v1::LearnerMessage& message : connection->Take()) {
    if (!message.has_batch_error()) continue;
    ++errors;
    EXPECT_EQ(message.batch_error().key().block(), 2u);
    EXPECT_LT(message.ByteSizeLong(), 1000u);
  }
  EXPECT_EQ(errors, 1);
  hub.OnGone(id, "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, HellosAreNotKept) {
  ActorHub& hub = process_->engine().hub();
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  constexpr int kPeers = 100;
  constexpr size_t kJunk = 4 << 20;
  v1::Hello hello = FakeHello(config_, "", 1);
  hello.GetReflection()->MutableUnknownFields(&hello)->AddLengthDelimited(
      1000, std::string(kJunk, 'x'));
  const auto resident = []() {
    size_t total = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> total >> pages;
    return pages * static_cast<size_t>(getpagesize());
  };
  const size_t before = resident();
  std::vector<StreamId> ids;
  for (int i = 0; i < kPeers; ++i) {
    ids.push_back(hub.OnConnect(std::make_shared<FakeConnection>()));
    hello.set_actor_id(absl::StrCat("peer ", i));
    hub.OnHello(ids.back(), hello);
  }
  EXPECT_LT(resident(), before + kPeers * kJunk / 4);
  for (const StreamId id : ids) hub.OnGone(id, "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

TEST_F(HostilePeerTest, UnreadPolicyIsTheLastOneAndEndsTheStream) {
  ActorHub& hub = process_->engine().hub();
  process_->AddActor("busy");
  ASSERT_TRUE(process_->PumpUntil([&]() { return process_->epoch() >= 1; }));
  const auto deaf = std::make_shared<FakeConnection>();
  deaf->SetBacklog({2 << 20, 7});
  const StreamId id = hub.OnConnect(deaf);
  hub.OnHello(id, FakeHello(config_, "deaf", 2));
  for (int i = 0; i < 10; ++i) {
    process_->clock().Advance(1);
    hub.OnHeartbeat(id, v1::Heartbeat());
    hub.Tick();
  }
  EXPECT_FALSE(deaf->closed().has_value());
  for (const v1::LearnerMessage& message : deaf->Take()) {
    EXPECT_FALSE(message.has_policy_snapshot() || message.has_lease());
  }
  // Writing gets on: the time starts anew.
  deaf->SetBacklog({2 << 20, 8});
  for (int i = 0; i < 14; ++i) {
    process_->clock().Advance(1);
    hub.OnHeartbeat(id, v1::Heartbeat());
    hub.Tick();
  }
  EXPECT_FALSE(deaf->closed().has_value());
  for (int i = 0; i < 4; ++i) {
    process_->clock().Advance(1);
    hub.OnHeartbeat(id, v1::Heartbeat());
    hub.Tick();
  }
  ASSERT_TRUE(deaf->closed().has_value());
  EXPECT_THAT(*deaf->closed(), StatusIs(absl::StatusCode::kResourceExhausted,
                                        HasSubstr("does not read")));
  hub.OnGone(id, "gone");
  ExpectRunEndsAsIfNothingHadBeen();
}

}  // namespace
}  // namespace kmyriad
