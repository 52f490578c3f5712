// The learner's client against the program kmyriad-entropy, over a unix socket.
// In a process of its own: both sides have a ScoreRequest.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/trainer/grpc_entropy_client.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

// Serves once it is made; its end kills and reaps it.
class EntropyProcess {
 public:
  explicit EntropyProcess(const std::string& address) {
    std::vector<std::string> words = {
        KMYRIAD_ENTROPY_PROGRAM, "--listen",  address, "--metrics",
        "127.0.0.1:0",           "--threads", "2"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const int error =
        posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) pid_ = -1;
    // Its first word comes once it serves.
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 1) << KMYRIAD_ENTROPY_PROGRAM;
    close(ends[0]);
  }
  ~EntropyProcess() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  EntropyProcess(const EntropyProcess&) = delete;
  EntropyProcess& operator=(const EntropyProcess&) = delete;

 private:
  pid_t pid_ = -1;
};

// 12 environments of 3 agents, 20 steps, xy in a box, some of them masked.
class EntropyServiceTest : public ::testing::TestWithParam<WeightedForm> {
 protected:
  static constexpr size_t kCount = 240;

  EntropyServiceTest() : mask_(kCount, 1) {
    SeededRandom random(3);
    particles_ = random.Uniforms(2 * kCount, 0, 10);
    for (size_t i = 4; i < kCount; i += 11) mask_[i] = 0;
    request_.run_uuid[0] = 9;
    request_.epoch = 2;
    request_.envs = 12;
    request_.horizon = 20;
    request_.agents = 3;
    request_.dims = 2;
    request_.k = 5;
    request_.floor = 0.01f;
    request_.coverage = {0, 0, 5, 2, 2, {1, 1, 1, 1}};
    request_.particles = particles_.data();
    request_.mask = mask_.data();
    request_.particle_digest = ParticleDigest(request_);
  }
  void SetUp() override {
    const std::string address = "unix:" + folder_.File("s");
    process_ = std::make_unique<EntropyProcess>(address);
    KMYRIAD_ASSERT_OK_AND_ASSIGN(client_, MakeGrpcEntropyClient(address));
  }

  EvaluateResult Evaluate(const std::vector<float>& log_weights) {
    const auto result =
        client_->Evaluate(request_, GetParam(), log_weights.data(),
                          [end = absl::Now() + absl::Minutes(1)](
                              absl::string_view, double seconds) {
                            absl::SleepFor(absl::Seconds(seconds));
                            return absl::Now() < end;
                          });
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *result : EvaluateResult();
  }

  // By central differences of the answers themselves, in two step sizes so that
  // the error is of fourth order; the steps are exact in float.
  double SlopeAlong(const std::vector<float>& at, size_t particle) {
    const auto central = [&](float step) {
      std::vector<float> moved = at;
      moved[particle] = at[particle] + step;
      const double up = Evaluate(moved).entropy_nats;
      moved[particle] = at[particle] - step;
      return (up - Evaluate(moved).entropy_nats) / (2 * step);
    };
    return (4 * central(0x1p-6f) - central(0x1p-5f)) / 3;
  }

  TempDir folder_;
  std::vector<float> particles_;
  std::vector<uint8_t> mask_;
  ScoreRequest request_;
  std::unique_ptr<EntropyProcess> process_;
  std::unique_ptr<EntropyClient> client_;
};

TEST_P(EntropyServiceTest, GradientsAreThoseOfTheEntropyThatIsAnswered) {
  SeededRandom random(8);
  for (size_t draw = 0; draw < 3; ++draw) {
    std::vector<float> log_weights(kCount);
    for (float& weight : log_weights) {
      weight = static_cast<float>(std::round(512 * random.Normal()) / 1024);
    }
    const EvaluateResult result = Evaluate(log_weights);
    ASSERT_EQ(result.entropy_gradient.size(), kCount);
    EXPECT_GT(result.kl_nats, 0);
    double entropy_error = 0, entropy_norm = 0, neighbour_error = 0;
    for (size_t i = draw; i < kCount; i += 7) {
      const double slope = SlopeAlong(log_weights, i);
      if (mask_[i] == 0) {
        EXPECT_EQ(slope, 0) << i;
        EXPECT_EQ(result.entropy_gradient[i], 0) << i;
      }
      entropy_error += std::pow(result.entropy_gradient[i] - slope, 2);
      entropy_norm += std::pow(slope, 2);
      // The control: another particle's gradient is not this one's.
      neighbour_error +=
          std::pow(result.entropy_gradient[(i + 1) % kCount] - slope, 2);
    }
    EXPECT_LT(std::sqrt(entropy_error / entropy_norm), 1e-6) << draw;
    EXPECT_GT(std::sqrt(neighbour_error / entropy_norm), 0.1) << draw;
  }
}

TEST_P(EntropyServiceTest, ARestartedServiceAnswersTheSameBits) {
  std::vector<float> log_weights(kCount);
  SeededRandom random(9);
  for (float& weight : log_weights) {
    weight = static_cast<float>(0.5 * random.Normal());
  }
  const EvaluateResult before = Evaluate(log_weights);
  process_.reset();
  process_ = std::make_unique<EntropyProcess>("unix:" + folder_.File("s"));
  const EvaluateResult after = Evaluate(log_weights);
  EXPECT_EQ(before.entropy_nats, after.entropy_nats);
  EXPECT_EQ(before.kl_nats, after.kl_nats);
  EXPECT_EQ(before.entropy_gradient, after.entropy_gradient);
}

INSTANTIATE_TEST_SUITE_P(Forms, EntropyServiceTest,
                         ::testing::Values(WeightedForm::kSelfNormalized,
                                           WeightedForm::kMepol),
                         [](const auto& form) {
                           return form.param == WeightedForm::kMepol
                                      ? "Mepol"
                                      : "SelfNormalized";
                         });

}  // namespace
}  // namespace kmyriad
