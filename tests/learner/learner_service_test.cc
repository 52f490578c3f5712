// Learner and Control over a real server on a unix socket.
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/message_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "learner/control_service_impl.h"
#include "learner/learner_service_impl.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using Stream = grpc::ClientReaderWriter<v1::ActorMessage, v1::LearnerMessage>;

class LearnerServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    process_ = std::make_unique<LearnerProcess>(PosixFileSystem(),
                                                folder_.File("run"), config_);
    ASSERT_THAT(process_->status(), IsOk());
    learner_ = std::make_unique<LearnerServiceImpl>(process_->engine().hub());
    control_ = std::make_unique<ControlServiceImpl>(process_->engine());
    GrpcServerOptions options;
    options.listen = "unix:" + folder_.File("socket");
    auto server =
        GrpcServer::Start(options, {learner_.get(), control_.get()}, {});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto channel = MakeChannel(server_->address());
    ASSERT_THAT(channel, IsOk());
    learner_stub_ = v1::Learner::NewStub(*channel);
    control_stub_ = v1::Control::NewStub(*channel);
  }
  void TearDown() override {
    server_->Shutdown(0);
    process_.reset();
  }

  std::unique_ptr<Stream> Open(grpc::ClientContext& context) {
    return learner_stub_->Collect(&context);
  }
  v1::ActorMessage Hello(const std::string& actor, uint32_t capacity = 3) {
    v1::ActorMessage message;
    *message.mutable_hello() = FakeHello(config_, actor, capacity);
    return message;
  }
  // Reads until a message of this kind comes; false at the end of the stream.
  static bool ReadUntil(Stream& stream, v1::LearnerMessage::MessageCase kind,
                        v1::LearnerMessage* message) {
    while (stream.Read(message)) {
      if (message->message_case() == kind) return true;
    }
    return false;
  }
  // Sends a lease's segments, whole and right.
  void Work(Stream& stream, const v1::LearnerMessage& welcome,
            const v1::Lease& lease) {
    for (const uint32_t block : lease.blocks()) {
      SegmentKey key;
      key.run_uuid = *UuidFromBytes(welcome.welcome().run_uuid(), "run_uuid");
      key.epoch = lease.epoch();
      key.block = block;
      key.policy_hash = *DigestFromBytes(lease.policy_hash(), "policy_hash");
      key.fingerprint = *DigestFromBytes(
          FakeHello(config_, "a", 1).fingerprint(), "fingerprint");
      const Segment segment =
          FakeSegment(config_, lease.epoch(), block, key.policy_hash);
      v1::ActorMessage message;
      EncodeStateBatch(key, segment, 0, config_.env().horizon(),
                       message.mutable_state_batch());
      ASSERT_TRUE(stream.Write(message));
      *message.mutable_segment_done()->mutable_key() = ToProto(key);
      message.mutable_segment_done()->set_sha256(ToBytes(HashSegment(segment)));
      ASSERT_TRUE(stream.Write(message));
    }
  }
  // Works off leases until the learner drains; then says goodbye.
  void WorkToEnd(Stream& stream, const v1::LearnerMessage& welcome) {
    v1::LearnerMessage message;
    while (stream.Read(&message)) {
      if (message.has_drain()) break;
      if (message.has_lease()) Work(stream, welcome, message.lease());
    }
    v1::ActorMessage bye;
    bye.mutable_bye()->set_reason("done");
    stream.Write(bye);
  }

  TempDir folder_;
  const v1::RunConfig config_ = SmallRunConfig(2);
  std::unique_ptr<LearnerProcess> process_;
  std::unique_ptr<LearnerServiceImpl> learner_;
  std::unique_ptr<ControlServiceImpl> control_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::Learner::Stub> learner_stub_;
  std::unique_ptr<v1::Control::Stub> control_stub_;
};

TEST_F(LearnerServiceTest, RubbishIsRefusedAndStreamAndRunSurvive) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(Hello("rubbish")));
  v1::LearnerMessage welcome, message;
  ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kWelcome, &welcome));
  EXPECT_GT(welcome.welcome().credit_bytes(), 0u);
  ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kLease, &message));
  const v1::Lease lease = message.lease();

  const Segment segment = FakeSegment(config_, 1, 0, Digest());
  SegmentKey key;
  std::vector<v1::ActorMessage> rubbish(6);
  // Nothing at all; an empty batch; wrong run; wrong checksum; a column that
  // is too short; a block that does not exist.
  rubbish[1].mutable_state_batch();
  EncodeStateBatch(key, segment, 0, 5, rubbish[2].mutable_state_batch());
  rubbish[3] = rubbish[4] = rubbish[5] = rubbish[2];
  rubbish[3].mutable_state_batch()->set_crc32c(1);
  rubbish[4].mutable_state_batch()->mutable_actions()->pop_back();
  rubbish[5].mutable_state_batch()->mutable_key()->set_block(4000000000u);
  for (const v1::ActorMessage& bad : rubbish) {
    ASSERT_TRUE(stream->Write(bad));
    ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kBatchError, &message));
    EXPECT_NE(message.batch_error().code(), 0);
    EXPECT_FALSE(message.batch_error().message().empty());
  }
  v1::ActorMessage done;
  done.mutable_segment_done()->set_sha256("short");
  ASSERT_TRUE(stream->Write(done));
  ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kAck, &message));
  EXPECT_EQ(message.ack().last_result(), v1::SEGMENT_RESULT_DAMAGED);

  Work(*stream, welcome, lease);
  WorkToEnd(*stream, welcome);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(process_->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
}

TEST_F(LearnerServiceTest, FirstMessageMustBeHello) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  v1::ActorMessage message;
  message.mutable_heartbeat();
  ASSERT_TRUE(stream->Write(message));
  v1::LearnerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("Hello"));
}

TEST_F(LearnerServiceTest, ActorOfAnotherConfigurationIsRefusedWithBothHashes) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  v1::ActorMessage hello = Hello("other");
  hello.mutable_hello()->set_config_hash(std::string(32, 'x'));
  ASSERT_TRUE(stream->Write(hello));
  v1::LearnerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("config_hash = 7878"));
}

TEST_F(LearnerServiceTest, StreamThatIsCutFreesItsBlocks) {
  {
    grpc::ClientContext context;
    const auto stream = Open(context);
    ASSERT_TRUE(stream->Write(Hello("gone")));
    v1::LearnerMessage message;
    ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kLease, &message));
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(Hello("heir")));
  v1::LearnerMessage welcome;
  ASSERT_TRUE(ReadUntil(*stream, v1::LearnerMessage::kWelcome, &welcome));
  WorkToEnd(*stream, welcome);
  EXPECT_THAT(process_->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
}

TEST_F(LearnerServiceTest, ControlAnswersAndWatchersSeeTheRunEnd) {
  grpc::ClientContext watch_context;
  const auto watch = control_stub_->WatchEvents(&watch_context, {});
  watch->WaitForInitialMetadata();
  v1::PauseRequest pause;
  pause.set_request_id("p");
  v1::PauseResponse paused;
  grpc::ClientContext pause_context;
  ASSERT_TRUE(control_stub_->Pause(&pause_context, pause, &paused).ok());
  EXPECT_EQ(paused.state(), v1::RUN_STATE_PAUSED);
  v1::ResumeRequest resume;
  resume.set_request_id("p");
  v1::ResumeResponse resumed;
  grpc::ClientContext clash_context;
  EXPECT_EQ(
      control_stub_->Resume(&clash_context, resume, &resumed).error_code(),
      grpc::StatusCode::INVALID_ARGUMENT);
  resume.set_request_id("r");
  grpc::ClientContext resume_context;
  ASSERT_TRUE(control_stub_->Resume(&resume_context, resume, &resumed).ok());

  process_->AddActor("local");
  ASSERT_THAT(process_->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  int epochs = 0;
  v1::Event event;
  while (watch->Read(&event)) {
    if (event.kind() != v1::Event::EPOCH) continue;
    ++epochs;
    EXPECT_THAT(event.metrics_json(), HasSubstr("\"entropy_nats\""));
  }
  EXPECT_TRUE(watch->Finish().ok());
  EXPECT_EQ(epochs, 2);
  v1::Status status;
  grpc::ClientContext status_context;
  ASSERT_TRUE(control_stub_->GetStatus(&status_context, {}, &status).ok());
  EXPECT_EQ(status.state(), v1::RUN_STATE_FINISHED);
  EXPECT_EQ(status.policy_version(), 2u);
  EXPECT_EQ(status.parameters_sha256().size(), 64u);
  v1::ListCheckpointsResponse listed;
  grpc::ClientContext list_context;
  ASSERT_TRUE(control_stub_->ListCheckpoints(&list_context, {}, &listed).ok());
  EXPECT_EQ(listed.checkpoints_size(), 3);
}

}  // namespace
}  // namespace kmyriad
