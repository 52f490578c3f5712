#include "deploy/launcher/liveness_probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace kmyriad {
namespace {

// Between two questions, by default.
constexpr double kIntervalSeconds = LivenessProbe::kDeafSeconds / 6;

// A listening socket on a free port of loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    bind(fd_, generic, size);
    listen(fd_, 8);
    getsockname(fd_, generic, &size);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Takes one connection and answers its request.
  void Answer() {
    const int peer = accept(fd_, nullptr, nullptr);
    char buffer[256];
    ASSERT_GT(recv(peer, buffer, sizeof(buffer), 0), 0);
    ASSERT_EQ(send(peer, "HTTP/1.1 200 OK\r\n", 17, 0), 17);
    shutdown(peer, SHUT_WR);
    close(peer);
  }

 private:
  int fd_;
  int port_ = 0;
};

TEST(LivenessProbeTest, OnlyLoopbackAddressesArePolled) {
  EXPECT_EQ(LivenessProbe::Create("", 0), nullptr);
  EXPECT_EQ(LivenessProbe::Create("example.org:80", 0), nullptr);
  EXPECT_EQ(LivenessProbe::Create("127.0.0.1:0", 0), nullptr);
  EXPECT_EQ(LivenessProbe::Create("127.0.0.1:70000", 0), nullptr);
  EXPECT_NE(LivenessProbe::Create("127.0.0.1:9464", 0), nullptr);
}

TEST(LivenessProbeTest, AProcessThatAnswersIsAlive) {
  Listener listener;
  const auto probe = LivenessProbe::Create(listener.address(), 0);
  double now = 0;
  for (int round = 0; round < 20; ++round) {
    now += kIntervalSeconds;
    EXPECT_TRUE(probe->Poll(now));  // connects
    EXPECT_TRUE(probe->Poll(now));  // asks
    listener.Answer();
    // The answer is on its way over loopback.
    for (int i = 0; i < 1000 && probe->Poll(now); ++i) poll(nullptr, 0, 0);
  }
  EXPECT_GT(now, LivenessProbe::kDeafSeconds);
  EXPECT_TRUE(probe->Poll(now));
}

TEST(LivenessProbeTest, AProcessThatAcceptsButNeverAnswersIsDeaf) {
  Listener listener;
  const auto probe = LivenessProbe::Create(listener.address(), 0);
  for (double now = 0; now < LivenessProbe::kDeafSeconds; now += 1) {
    EXPECT_TRUE(probe->Poll(now)) << now;
  }
  EXPECT_FALSE(probe->Poll(LivenessProbe::kDeafSeconds));
}

TEST(LivenessProbeTest, AnAskerThatWasStoppedDoesNotTakeOthersForDeaf) {
  Listener listener;
  const auto probe = LivenessProbe::Create(listener.address(), 0);
  // An hour between two calls, as after Ctrl-Z and fg.
  double now = 3600;
  EXPECT_TRUE(probe->Poll(now));
  // From then on silence counts again.
  while (probe->Poll(now) && now < 3700) now += 1;
  EXPECT_EQ(now, 3600 + LivenessProbe::kDeafSeconds);
}

}  // namespace
}  // namespace kmyriad
