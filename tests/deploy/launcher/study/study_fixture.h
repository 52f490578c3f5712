#ifndef KMYRIAD_TESTS_DEPLOY_LAUNCHER_STUDY_STUDY_FIXTURE_H_
#define KMYRIAD_TESTS_DEPLOY_LAUNCHER_STUDY_STUDY_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>

#include "common/base/file_system.h"
#include "deploy/launcher/study/study_plan.h"
#include "deploy/launcher/study/study_rows.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {

inline constexpr char kSmallStudy[] = R"(
seeds: [1, 2]
world { name: "maze" preset: "point-maze" goal: ["G1", "G2"] }
arm { name: "one" }
arm { name: "two" use: "random" }
)";

// A study of two seeds, goals and arms, and a file for its rows.
class StudyFixture : public testing::Test {
 protected:
  StudyRows Read() {
    auto rows = StudyRows::Read(files_, path_, plan_);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return *rows;
  }
  std::string Content() { return *files_.Read(path_, 1 << 20); }

  TempDir dir_;
  FileSystem& files_ = PosixFileSystem();
  const StudyPlan plan_ = *ParseStudy(kSmallStudy, "f");
  const std::string path_ = dir_.File("rows.jsonl");
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_DEPLOY_LAUNCHER_STUDY_STUDY_FIXTURE_H_
