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
  // Between two questions; an answer that takes longer than kDeafSeconds in
  // all, over any number of questions, means that the process hangs.
  static constexpr double kIntervalSeconds = 5;
  static constexpr double kDeafSeconds = 30;

  // `address` is "127.0.0.1:PORT". Null if it is not.
  static std::unique_ptr<LivenessProbe> Create(const std::string& address,
                                               double now);
  ~LivenessProbe();

  // Goes on with asking. False once the process is deaf.
  bool Poll(double now);

 private:
  LivenessProbe(int port, double now)
      : port_(port), polled_(now), last_answer_(now) {}
  void Ask(double now);
  void End();

  const int port_;
  int fd_ = -1;
  bool sent_ = false;
  double asked_ = 0;
  double polled_ = 0;  // when Poll was last called
  double last_answer_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_LIVENESS_PROBE_H_
