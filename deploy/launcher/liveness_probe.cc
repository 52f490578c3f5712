#include "deploy/launcher/liveness_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace kmyriad {

namespace {

constexpr double kQuestions = 6;
// A launcher that is blocked for less than this does ask.
constexpr double kLeastPauseSeconds = 1;
// A question may take this long, since each Poll goes on by one step only.
constexpr double kLeastAnswerSeconds = 2;

}  // namespace

LivenessProbe::LivenessProbe(int port, double now, double deaf_seconds)
    : port_(port),
      deaf_seconds_(deaf_seconds),
      interval_seconds_(deaf_seconds / kQuestions),
      polled_(now),
      last_answer_(now) {}

std::unique_ptr<LivenessProbe> LivenessProbe::Create(const std::string& address,
                                                     double now,
                                                     double deaf_seconds) {
  absl::string_view port_text = address;
  int port = 0;
  if (!absl::ConsumePrefix(&port_text, "127.0.0.1:") ||
      !absl::SimpleAtoi(port_text, &port) || port <= 0 || port > 65535) {
    return nullptr;
  }
  return std::unique_ptr<LivenessProbe>(
      new LivenessProbe(port, now, deaf_seconds));
}

LivenessProbe::~LivenessProbe() { End(); }

void LivenessProbe::End() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  sent_ = false;
}

void LivenessProbe::Ask(double now) {
  asked_ = now;
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    End();
  }
}

bool LivenessProbe::Poll(double now) {
  // The asker may have been stopped, by Ctrl-Z for instance: while it does not
  // ask, nobody can answer.
  if (now - polled_ > std::max(interval_seconds_, kLeastPauseSeconds)) {
    last_answer_ += now - polled_;
  }
  polled_ = now;
  if (fd_ < 0) {
    if (now - asked_ >= interval_seconds_) Ask(now);
  } else if (!sent_) {
    // HEAD would do, but the exposer knows GET alone.
    constexpr absl::string_view kRequest =
        "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    const ssize_t bytes =
        send(fd_, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    sent_ = bytes > 0;
    if (bytes < 0 && errno != EAGAIN && errno != ENOTCONN) End();
  } else {
    char byte = 0;
    const ssize_t bytes = recv(fd_, &byte, 1, 0);
    if (bytes > 0) last_answer_ = now;
    if (bytes >= 0 || errno != EAGAIN) End();
  }
  if (fd_ >= 0 &&
      now - asked_ > std::max(interval_seconds_, kLeastAnswerSeconds)) {
    End();
  }
  return now - last_answer_ < deaf_seconds_;
}

}  // namespace kmyriad
