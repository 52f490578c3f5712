#include "common/rpc/grpc_server.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/rpc/channel.h"
#include "common/rpc/health_client.h"
#include "common/rpc/stream_reactor.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {
namespace {

// Reads for ever and answers nothing, as an idle stream does.
class IdleReactor : public StreamReactor<v1::ActorMessage, v1::LearnerMessage> {
 public:
  IdleReactor() { ReadNext(); }

 private:
  void OnMessage(v1::ActorMessage&) override { ReadNext(); }
  void OnClosed() override { Close(grpc::Status::OK); }
  void OnEnd() override {}
};

class IdleLearner : public v1::Learner::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>* Collect(
      grpc::CallbackServerContext*) override {
    return new IdleReactor();
  }
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/kmyriad_rpc_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (DIR* entries = opendir(folder_.c_str())) {
      while (const dirent* entry = readdir(entries)) {
        unlink((folder_ + "/" + entry->d_name).c_str());
      }
      closedir(entries);
    }
    rmdir(folder_.c_str());
  }

  std::string UnixAddress(const std::string& name) const {
    return "unix:" + folder_ + "/" + name;
  }
  absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcServerOptions& options) {
    return GrpcServer::Start(options, {&service_}, {"kmyriad.v1.Learner"});
  }
  absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const std::string& listen) {
    GrpcServerOptions options;
    options.listen = listen;
    return Start(options);
  }

  // True if a stream can be opened and ended.
  static bool Serves(const std::string& address) {
    const auto channel = MakeChannel(address);
    if (!channel.ok()) return false;
    const auto stub = v1::Learner::NewStub(*channel);
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(30));
    const auto stream = stub->Collect(&context);
    stream->WritesDone();
    return stream->Finish().ok();
  }

  // What a health check says of `service`.
  static std::string Health(const std::string& address,
                            const std::string& service) {
    const absl::StatusOr<bool> serving = CheckHealth(address, service, 30);
    if (!serving.ok()) return absl::StatusCodeToString(serving.status().code());
    return *serving ? "SERVING" : "NOT_SERVING";
  }

  std::string folder_;
  IdleLearner service_;
};

TEST_F(GrpcServerTest, ServesOnAFreePortAndSaysWhich) {
  const auto server = Start("127.0.0.1:0");
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(absl::StartsWith((*server)->address(), "127.0.0.1:"));
  EXPECT_NE((*server)->address(), "127.0.0.1:0");
  EXPECT_TRUE(Serves((*server)->address()));
}

TEST_F(GrpcServerTest, ServesOnLocalhostAndUnixSockets) {
  const auto tcp = Start("localhost:0");
  ASSERT_TRUE(tcp.ok()) << tcp.status();
  EXPECT_TRUE(Serves((*tcp)->address()));
  const auto local = Start(UnixAddress("s"));
  ASSERT_TRUE(local.ok()) << local.status();
  EXPECT_TRUE(Serves((*local)->address()));
  struct stat info;
  ASSERT_EQ(stat((folder_ + "/s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(GrpcServerTest, RefusesAPortInUse) {
  const auto first = Start("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  const std::string address = (*first)->address();
  const absl::Status status = Start(address).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), address))
      << status;
  EXPECT_TRUE(Serves(address));
  // Negative control: once the first is gone, the port can be had.
  (*first)->Shutdown(0);
  EXPECT_TRUE(Start(address).ok());
}

TEST_F(GrpcServerTest, RefusesAUnixSocketInUse) {
  const std::string address = UnixAddress("s");
  const auto first = Start(address);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Start(address).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Serves(address));
}

TEST_F(GrpcServerTest, ReplacesTheSocketOfADeadProcess) {
  const std::string path = folder_ + "/stale";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  close(fd);
  const auto server = Start("unix:" + path);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(Serves("unix:" + path));
}

TEST_F(GrpcServerTest, NeverReplacesAFileThatIsNoSocket) {
  const std::string path = folder_ + "/file";
  FILE* file = fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  fputs("precious", file);
  fclose(file);
  EXPECT_EQ(Start("unix:" + path).status().code(),
            absl::StatusCode::kUnavailable);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 8);
}

TEST_F(GrpcServerTest, RefusesMalformedAndForeignAddresses) {
  for (const std::string& listen :
       {std::string("nonsense"), std::string("127.0.0.1:x"),
        std::string("192.0.2.1:0"), std::string("0.0.0.0:0"),
        std::string("[::]:0"), std::string("unix:/no/such/folder/s")}) {
    const absl::Status status = Start(listen).status();
    EXPECT_FALSE(status.ok()) << listen;
    EXPECT_TRUE(absl::StrContains(std::string(status.message()), listen))
        << status;
  }
}

TEST_F(GrpcServerTest, ListensRemotelyOnlyWhenTold) {
  GrpcServerOptions options;
  options.listen = "0.0.0.0:0";
  const absl::Status refused = Start(options).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(std::string(refused.message()),
                                "--insecure-allow-remote"));
  options.insecure_allow_remote = true;
  EXPECT_TRUE(Start(options).ok());
}

TEST_F(GrpcServerTest, HealthTellsLiveAndReady) {
  GrpcServerOptions options;
  options.listen = UnixAddress("s");
  options.health_listen = UnixAddress("h");
  const auto server = Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string health = (*server)->health_address();
  EXPECT_EQ(Health(health, ""), "SERVING");
  EXPECT_EQ(Health(health, "kmyriad.v1.Learner"), "NOT_SERVING");
  (*server)->SetReady(true);
  EXPECT_EQ(Health(health, "kmyriad.v1.Learner"), "SERVING");
  (*server)->SetReady(false);
  EXPECT_EQ(Health(health, "kmyriad.v1.Learner"), "NOT_SERVING");
  EXPECT_EQ(Health(health, "nobody"), "NOT_FOUND");
  // The service's own address has no health, the health address no service.
  EXPECT_EQ(Health((*server)->address(), ""), "UNAVAILABLE");
  EXPECT_FALSE(Serves(health));
}

TEST_F(GrpcServerTest, HealthCanStandAlone) {
  GrpcServerOptions options;
  options.health_listen = "127.0.0.1:0";
  const auto server = GrpcServer::Start(options, {}, {"kmyriad.v1.Actor"});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ((*server)->address(), "");
  EXPECT_FALSE((*server)->insecure_remote());
  (*server)->SetReady(true);
  const std::string health = (*server)->health_address();
  EXPECT_EQ(Health(health, "kmyriad.v1.Actor"), "SERVING");
  (*server)->Shutdown(0);
  EXPECT_EQ(Health(health, ""), "UNAVAILABLE");
}

TEST_F(GrpcServerTest, AHealthCheckEndsAtItsDeadline) {
  // Takes connections and never answers.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const std::string path = folder_ + "/deaf";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(listen(fd, 8), 0);
  const absl::Time start = absl::Now();
  const absl::Status status = CheckHealth("unix:" + path, "", 0.2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  EXPECT_EQ(CheckHealth("nonsense", "", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  close(fd);
}

TEST_F(GrpcServerTest, SaysAgainAndAgainThatItIsOpenToOthers) {
  const std::string log = folder_ + "/log";
  InitLogging({"test", log, LogLevel::kInfo, LogFormat::kText});
  const auto reminders = [&log]() {
    const auto text = PosixFileSystem().Read(log, 1 << 20);
    std::vector<std::string> lines = absl::StrSplit(text.value_or(""), '\n');
    return std::count_if(lines.begin(), lines.end(), [](const auto& line) {
      return absl::StrContains(line, "without encryption or authentication");
    });
  };
  GrpcServerOptions options;
  options.reminder_seconds = 0.01;
  options.insecure_allow_remote = true;
  // Negative control: nothing to remind of on this machine alone.
  options.listen = "127.0.0.1:0";
  auto server = Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_FALSE((*server)->insecure_remote());
  server->reset();
  EXPECT_EQ(reminders(), 0);
  options.listen = "0.0.0.0:0";
  server = Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE((*server)->insecure_remote());
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (reminders() < 3 && absl::Now() < end) std::this_thread::yield();
  EXPECT_GE(reminders(), 3);
  // Ends at once, whatever the interval.
  server->reset();
}

TEST_F(GrpcServerTest, ShutdownEndsOpenStreamsInBoundedTime) {
  const auto server = Start(UnixAddress("s"));
  ASSERT_TRUE(server.ok());
  const auto channel = MakeChannel((*server)->address());
  const auto stub = v1::Learner::NewStub(*channel);
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(60));
  const auto stream = stub->Collect(&context);
  // The server is in the stream once it has a message of it.
  ASSERT_TRUE(stream->Write(v1::ActorMessage()));
  const absl::Time start = absl::Now();
  (*server)->Shutdown(0.05);
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  v1::LearnerMessage message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_FALSE(Serves((*server)->address()));
}

}  // namespace
}  // namespace kmyriad
