#include "common/rpc/stream_reactor.h"

#include <stdlib.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {
namespace {

using Base = StreamReactor<v1::ActorMessage, v1::LearnerMessage>;
using Handle = Base::Handle;

// A reactor whose reactions the test writes down.
struct Script {
  std::function<void(Base&)> on_start = [](Base& r) { r.ReadNext(); };
  std::function<void(Base&, v1::ActorMessage&)> on_message =
      [](Base& r, v1::ActorMessage&) { r.ReadNext(); };
  std::function<void(Base&)> on_closed = [](Base& r) {
    r.Close(grpc::Status::OK);
  };
  std::function<void()> on_end = [] {};
};

class ScriptedReactor : public Base {
 public:
  explicit ScriptedReactor(const Script& script) : script_(script) {
    script_.on_start(*this);
  }

 private:
  void OnMessage(v1::ActorMessage& m) override { script_.on_message(*this, m); }
  void OnClosed() override { script_.on_closed(*this); }
  void OnEnd() override { script_.on_end(); }

  const Script& script_;
};

class ScriptedLearner : public v1::Learner::CallbackService {
 public:
  explicit ScriptedLearner(const Script& script) : script_(script) {}
  grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>* Collect(
      grpc::CallbackServerContext*) override {
    return new ScriptedReactor(script_);
  }

 private:
  const Script& script_;
};

v1::LearnerMessage Numbered(uint64_t number) {
  v1::LearnerMessage message;
  message.mutable_ack()->set_segments(number);
  return message;
}

v1::ActorMessage Bye(const std::string& reason) {
  v1::ActorMessage message;
  message.mutable_bye()->set_reason(reason);
  return message;
}

class StreamReactorTest : public ::testing::Test {
 protected:
  void Serve() {
    GrpcServerOptions options;
    options.listen = "127.0.0.1:0";
    auto server = GrpcServer::Start(options, {&service_}, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    stub_ = v1::Learner::NewStub(*MakeChannel(server_->address()));
  }

  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::ActorMessage, v1::LearnerMessage>>
        calls;
  };
  std::unique_ptr<Stream> Open() {
    auto stream = std::make_unique<Stream>();
    stream->context.set_deadline(DeadlineAfter(60));
    stream->calls = stub_->Collect(&stream->context);
    return stream;
  }

  Script script_;
  ScriptedLearner service_{script_};
  std::unique_ptr<v1::Learner::Stub> stub_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(StreamReactorTest, SendsInOrderAndFinishesAfterTheLast) {
  script_.on_message = [](Base& r, v1::ActorMessage&) {
    for (uint64_t i = 0; i < 1000; ++i) r.Send(Numbered(i));
    r.Close(grpc::Status(grpc::StatusCode::ABORTED, "that was all"));
    r.Send(Numbered(9999));
  };
  Serve();
  const auto stream = Open();
  stream->calls->Write(Bye(""));
  v1::LearnerMessage message;
  uint64_t next = 0;
  while (stream->calls->Read(&message)) {
    EXPECT_EQ(message.ack().segments(), next++);
  }
  EXPECT_EQ(next, 1000u);
  const grpc::Status status = stream->calls->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "that was all");
}

TEST_F(StreamReactorTest, ReadsNothingUntilAsked) {
  absl::Mutex mutex;
  std::vector<std::string> seen;
  std::shared_ptr<Handle> handle;
  absl::Notification first;
  script_.on_message = [&](Base& r, v1::ActorMessage& m) {
    absl::MutexLock lock(&mutex);
    seen.push_back(m.bye().reason());
    handle = r.handle();
    if (seen.size() == 1) first.Notify();
  };
  Serve();
  const auto stream = Open();
  for (const char* word : {"a", "b", "c"}) stream->calls->Write(Bye(word));
  ASSERT_TRUE(first.WaitForNotificationWithTimeout(absl::Seconds(60)));
  for (size_t count = 2; count <= 3; ++count) {
    std::shared_ptr<Handle> current;
    {
      absl::MutexLock lock(&mutex);
      // Nothing came between: the reactor had not asked.
      EXPECT_EQ(seen.size(), count - 1);
      current = handle;
    }
    current->ReadNext();
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(
        +[](std::pair<std::vector<std::string>*, size_t>* p) {
          return p->first->size() == p->second;
        },
        std::make_unique<std::pair<std::vector<std::string>*, size_t>>(&seen,
                                                                       count)
            .get()));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c"}));
  handle->Close(grpc::Status::OK);
  EXPECT_TRUE(stream->calls->Finish().ok());
}

TEST_F(StreamReactorTest, ClosingEndsAPendingRead) {
  absl::Notification ended;
  script_.on_start = [](Base& r) {
    r.ReadNext();
    r.Close(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no"));
  };
  script_.on_end = [&ended] { ended.Notify(); };
  Serve();
  const auto stream = Open();
  v1::LearnerMessage message;
  EXPECT_FALSE(stream->calls->Read(&message));
  // The client neither ends its side nor sends: the read ends all the same.
  EXPECT_TRUE(ended.WaitForNotificationWithTimeout(absl::Seconds(60)));
  EXPECT_EQ(stream->calls->Finish().error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(StreamReactorTest, CancelEndsAReactorThatDoesNotRead) {
  absl::Notification ended;
  absl::Notification got;
  script_.on_message = [&got](Base&, v1::ActorMessage&) { got.Notify(); };
  script_.on_end = [&ended] { ended.Notify(); };
  Serve();
  const auto stream = Open();
  stream->calls->Write(Bye(""));
  ASSERT_TRUE(got.WaitForNotificationWithTimeout(absl::Seconds(60)));
  stream->context.TryCancel();
  EXPECT_TRUE(ended.WaitForNotificationWithTimeout(absl::Seconds(60)));
  EXPECT_EQ(stream->calls->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamReactorTest, HandleIsHarmlessAfterTheEnd) {
  absl::Notification ended;
  std::shared_ptr<Handle> handle;
  script_.on_start = [&handle](Base& r) {
    handle = r.handle();
    r.ReadNext();
  };
  script_.on_end = [&ended] { ended.Notify(); };
  Serve();
  const auto stream = Open();
  stream->calls->WritesDone();
  EXPECT_TRUE(stream->calls->Finish().ok());
  ASSERT_TRUE(ended.WaitForNotificationWithTimeout(absl::Seconds(60)));
  handle->Send(Numbered(1));
  handle->ReadNext();
  handle->Close(grpc::Status::CANCELLED);
}

TEST_F(StreamReactorTest, APeerThatDoesNotReadIsClosed) {
  constexpr size_t kMessages = Handle::kMaxQueued + 3000;
  absl::Notification sent;
  script_.on_message = [&sent](Base& r, v1::ActorMessage&) {
    v1::LearnerMessage message;
    message.mutable_drain()->set_reason(std::string(8192, 'x'));
    for (size_t i = 0; i < kMessages; ++i) r.Send(message);
    sent.Notify();
  };
  Serve();
  const auto stream = Open();
  stream->calls->Write(Bye(""));
  ASSERT_TRUE(sent.WaitForNotificationWithTimeout(absl::Seconds(60)));
  v1::LearnerMessage message;
  size_t count = 0;
  while (stream->calls->Read(&message)) ++count;
  EXPECT_LT(count, kMessages);
  EXPECT_EQ(stream->calls->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

// Bytes count, not only messages.
TEST(StreamHandleTest, AFewLargeMessagesThatNobodyReadsAreEnough) {
  class Unbound
      : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    void OnDone() override {}
  };
  using BytesHandle = StreamHandle<grpc::ByteBuffer, grpc::ByteBuffer>;
  Unbound reactor;
  BytesHandle handle(&reactor, nullptr);
  // All messages share these bytes.
  const grpc::Slice slice(std::string(64 << 20, 'x'));
  for (int i = 1; i <= 8; ++i) {
    handle.Send(grpc::ByteBuffer(&slice, 1));
    EXPECT_EQ(handle.backlog().bytes, i * slice.size());
  }
  ASSERT_EQ(handle.backlog().bytes, BytesHandle::kMaxQueuedBytes);
  const grpc::Slice byte(std::string("x"));
  for (int i = 0; i < 3; ++i) handle.Send(grpc::ByteBuffer(&byte, 1));
  EXPECT_EQ(handle.backlog().bytes, BytesHandle::kMaxQueuedBytes);
}

// Senders, a closer, a reader and a cancelling client meet in every order;
// the sanitizer presets see a use after free or a race.
TEST_F(StreamReactorTest, ThreadsMayUseTheHandleWhileTheStreamEnds) {
  absl::Mutex mutex;
  std::vector<std::shared_ptr<Handle>> handles;
  int ended = 0;
  script_.on_start = [&](Base& r) {
    absl::MutexLock lock(&mutex);
    handles.push_back(r.handle());
  };
  script_.on_end = [&] {
    absl::MutexLock lock(&mutex);
    ++ended;
  };
  Serve();
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    const auto stream = Open();
    stream->calls->Write(Bye(""));
    std::shared_ptr<Handle> handle;
    {
      absl::MutexLock lock(&mutex);
      mutex.Await(absl::Condition(
          +[](std::vector<std::shared_ptr<Handle>>* h) { return !h->empty(); },
          &handles));
      handle = handles.back();
      handles.clear();
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([handle] {
        for (uint64_t i = 0; i < 50; ++i) handle->Send(Numbered(i));
      });
    }
    threads.emplace_back([handle] {
      for (int i = 0; i < 20; ++i) handle->ReadNext();
    });
    if (round % 2 == 0) {
      threads.emplace_back([handle] { handle->Close(grpc::Status::OK); });
    } else {
      threads.emplace_back([&stream] { stream->context.TryCancel(); });
    }
    for (std::thread& thread : threads) thread.join();
    v1::LearnerMessage message;
    while (stream->calls->Read(&message)) {
    }
    stream->calls->Finish();
  }
  absl::MutexLock lock(&mutex);
  mutex.Await(absl::Condition(
      +[](int* count) { return *count == kRounds; }, &ended));
}

}  // namespace
}  // namespace kmyriad
