#ifndef KMYRIAD_DEPLOY_LAUNCHER_LIVENESS_PROBE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_LIVENESS_PROBE_H_

#include <memory>
#include <string>

namespace kmyriad {

// Asks a process's metrics port now and then, so that one that hangs is
// noticed like one that died. Never blocks: Poll() does what can be done at
// the moment. Times are monotonic seconds. Not thread-safe.
class LivenessProbe {
 public:
  static constexpr double kDeafSeconds = 30;

  // A process that has not answered for `deaf_seconds`, in which it is asked
  // six times, hangs. `address` is "127.0.0.1:PORT"; null if it is not.
  static std::unique_ptr<LivenessProbe> Create(
      const std::string& address, double now,
      double deaf_seconds = kDeafSeconds);
  ~LivenessProbe();

  // Goes on with asking. False once the process is deaf.
  bool Poll(double now);

 private:
  LivenessProbe(int port, double now, double deaf_seconds);
  void Ask(double now);
  void End();

  const int port_;
  const double deaf_seconds_;
  const double interval_seconds_;
  int fd_ = -1;
  bool sent_ = false;
  double asked_ = 0;
  double polled_ = 0;  // when Poll was last called
  double last_answer_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_LIVENESS_PROBE_H_
