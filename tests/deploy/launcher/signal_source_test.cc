#include "deploy/launcher/signal_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Signals that are blocked for this thread go to the descriptor at once.
class SignalSourceTest : public ::testing::Test {
 protected:
  SignalSourceTest() {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    old_hangup_ = signal(SIGHUP, SIG_DFL);
  }
  ~SignalSourceTest() override {
    signal(SIGHUP, old_hangup_);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  sigset_t mask_;
  void (*old_hangup_)(int);
};

TEST_F(SignalSourceTest, TakesWhatAsksAProcessToEndAndWakesAPoll) {
  SignalSource source;
  EXPECT_THAT(source.Take(), IsEmpty());
  raise(SIGTERM);
  pollfd wake{source.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&wake, 1, 0), 1);
  EXPECT_THAT(source.Take(), ElementsAre(SIGTERM));
  raise(SIGHUP);
  raise(SIGCHLD);
  EXPECT_THAT(source.Take(), ElementsAre(SIGHUP));
}

TEST_F(SignalSourceTest, AHangupThatNohupIgnoresStaysIgnored) {
  signal(SIGHUP, SIG_IGN);
  SignalSource source;
  raise(SIGHUP);
  EXPECT_THAT(source.Take(), IsEmpty());
}

}  // namespace
}  // namespace kmyriad
