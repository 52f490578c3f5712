#include "learner/run_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/checkpoint/safetensors.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"

// The policy that a run of a task starts from, and which arithmetic went on.
// More of resuming is tested with the engine (learner_engine_test.cc).

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class InitialPolicyTest : public ::testing::Test {
 protected:
  InitialPolicyTest() {
    SafetensorsContent content;
    content.tensors = {{"heads.bias", TensorType::kUint8, {2}, {7, 9}}};
    policy_ = *EncodeSafetensors(content);
    options_.run_dir = "runs/task";
    options_.config = SmallRunConfig(3);
    Name(policy_);
  }
  // In the configuration.
  void Name(const std::string& policy) {
    options_.config.mutable_task()->set_initial_sha256(ToHex(Sha256Of(policy)));
  }
  void Put(const std::string& policy) {
    ASSERT_THAT(disk_.CreateFolders(options_.run_dir), IsOk());
    ASSERT_THAT(
        disk_.WriteAndSync(options_.run_dir + "/initial.safetensors", policy),
        IsOk());
  }
  absl::StatusOr<RunSession> Open() {
    return OpenRunSession(options_, disk_, clock_);
  }

  SimulatedDisk disk_;
  FakeClock clock_;
  RunSessionOptions options_;
  std::string policy_;
};

// Also once a checkpoint holds what came of it: it tells what is forgotten.
TEST_F(InitialPolicyTest, IsReadAtEveryStart) {
  Put(policy_);
  for (const bool resumed : {false, true}) {
    const auto session = Open();
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->resumed, resumed);
    ASSERT_EQ(session->initial.size(), 1u);
    EXPECT_EQ(session->initial[0].name, "heads.bias");
    EXPECT_EQ(session->initial[0].data, (std::vector<uint8_t>{7, 9}));
  }
  {
    auto session = Open();
    ASSERT_THAT(session, IsOk());
    v1::RunHead head = session->directory->head();
    head.set_checkpoint("000000");
    ASSERT_THAT(session->directory->WriteHead(head), IsOk());
  }
  {
    const auto session = Open();
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->initial.size(), 1u);
  }
  Put("broken");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(InitialPolicyTest, MustBeThere) {
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("runs/task/initial.safetensors")));
}

TEST_F(InitialPolicyTest, MayBeMissingOnceACheckpointHoldsWhatCameOfIt) {
  Put(policy_);
  ASSERT_THAT(Open(), IsOk());
  const std::string path = options_.run_dir + "/initial.safetensors";
  ASSERT_THAT(disk_.RemoveAll(path), IsOk());
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  Put(policy_);
  {
    const auto session = Open();
    ASSERT_THAT(session, IsOk());
    v1::RunHead head = session->directory->head();
    head.set_checkpoint("000007");
    ASSERT_THAT(session->directory->WriteHead(head), IsOk());
  }
  ASSERT_THAT(disk_.RemoveAll(path), IsOk());
  testing::internal::CaptureStderr();
  const auto session = Open();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr(path + ": missing"), HasSubstr("000007")));
  ASSERT_THAT(session, IsOk());
  EXPECT_TRUE(session->resumed);
  EXPECT_TRUE(session->initial.empty());
  EXPECT_TRUE(session->recorded.empty());
}

TEST_F(InitialPolicyTest, MustBeTheOneThatIsNamed) {
  std::string other = policy_;
  other.back() ^= 1;
  Put(other);
  EXPECT_THAT(Open(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("put it back")));
}

TEST_F(InitialPolicyTest, MustBeSafetensors) {
  Put("no tensors");
  Name("no tensors");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("runs/task/initial.safetensors")));
}

TEST(RunSessionTest, OtherArithmeticIsSaidOnceOfARunThatItConcerns) {
  // The versions that concern it.
  const std::map<std::string, std::set<std::string>> kinds = {
      {"pretraining", {}}, {"task", {"2"}}, {"ascent", {"3"}}};
  for (const auto& [kind, versions] : kinds) {
    SimulatedDisk disk;
    const FakeClock clock;
    RunSessionOptions options;
    options.run_dir = "runs/old";
    options.config = SmallRunConfig(3);
    if (kind == "task") {
      options.config.mutable_task()->set_goal("G");
    } else if (kind == "ascent") {
      options.config.mutable_objective()->set_kind("iw_entropy");
    }
    const auto open = [&]() {
      const auto session = OpenRunSession(options, disk, clock);
      EXPECT_THAT(session, IsOk());
      return session.ok() ? session->recorded : std::vector<std::string>();
    };
    // From before the number was recorded: the first version.
    EXPECT_TRUE(open().empty());
    options.numerics[kUpdateArithmetic] = "1";
    EXPECT_TRUE(open().empty());
    for (const char* version : {"2", "3"}) {
      options.numerics[kUpdateArithmetic] = version;
      const std::vector<std::string> recorded = open();
      ASSERT_EQ(recorded.size(), versions.count(version)) << kind << version;
      for (const std::string& line : recorded) {
        EXPECT_THAT(line,
                    AllOf(HasSubstr("update_arithmetic"), HasSubstr(version)));
      }
      EXPECT_TRUE(open().empty());
    }
    // Both at once.
    options.numerics[kUpdateArithmetic] = "1";
    open();
    options.numerics[kUpdateArithmetic] = "3";
    EXPECT_EQ(open().size(), versions.size()) << kind;
    options.numerics["device"] = "cpu";
    EXPECT_EQ(open().size(), 1u);
  }
}

}  // namespace
}  // namespace kmyriad
