#include "deploy/launcher/commands/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using Mark = Finding::Mark;

MachineFacts GoodMachine() {
  MachineFacts facts;
  facts.cpu_model = "CPU";
  facts.cores = 8;
  facts.memory_bytes = 32e9;
  facts.available_bytes = 30e9;
  facts.disk_free_bytes = 1e12;
  facts.runs_folder = "runs";
  facts.simd = "avx512";
  facts.clock_year = 2030;
  return facts;
}

Mark MarkOf(const MachineFacts& facts, const std::string& what) {
  for (const Finding& finding : Judge(facts)) {
    if (finding.what == what) return finding.mark;
  }
  ADD_FAILURE() << what;
  return Mark::kFail;
}

TEST(DoctorTest, AGoodMachinePasses) {
  for (const Finding& finding : Judge(GoodMachine())) {
    EXPECT_EQ(finding.mark, Mark::kPass) << finding.what;
    EXPECT_FALSE(finding.meaning.empty()) << finding.what;
  }
}

TEST(DoctorTest, EachLackIsMarked) {
  MachineFacts facts = GoodMachine();
  facts.cores = 1;
  EXPECT_EQ(MarkOf(facts, "cores"), Mark::kWarn);
  facts.available_bytes = 1e9;
  EXPECT_EQ(MarkOf(facts, "memory"), Mark::kWarn);
  facts.disk_free_bytes = 1e6;
  EXPECT_EQ(MarkOf(facts, "disk"), Mark::kWarn);
  facts.runs_error = "runs: read-only";
  EXPECT_EQ(MarkOf(facts, "run folder"), Mark::kFail);
  facts.simd = "scalar";
  EXPECT_EQ(MarkOf(facts, "instructions"), Mark::kWarn);
  facts.simd_error = "KMYRIAD_SIMD = x: unknown";
  EXPECT_EQ(MarkOf(facts, "instructions"), Mark::kFail);
  facts.gpu = "a GPU";
  EXPECT_EQ(MarkOf(facts, "GPU"), Mark::kWarn);
  facts.cuda_driver = facts.torch_cuda = true;
  EXPECT_EQ(MarkOf(facts, "GPU"), Mark::kPass);
  facts.clock_year = 1970;
  EXPECT_EQ(MarkOf(facts, "clock"), Mark::kWarn);
}

TEST(DoctorTest, LookingLeavesNoTrace) {
  TempDir dir;
  const MachineFacts facts = LookAtMachine(dir.File("runs"));
  EXPECT_GE(facts.cores, 1);
  EXPECT_GT(facts.memory_bytes, 0);
  EXPECT_GT(facts.disk_free_bytes, 0);
  EXPECT_EQ(facts.runs_error, "");
  EXPECT_NE(access(dir.File("runs").c_str(), F_OK), 0);
}

TEST(DoctorTest, AFolderThatCannotBeMadeIsSeen) {
  EXPECT_NE(LookAtMachine("/proc/nowhere/runs").runs_error, "");
}

}  // namespace
}  // namespace kmyriad
