#include "deploy/launcher/study/study_rows.h"

#include <gtest/gtest.h>

#include "tests/deploy/launcher/study/study_fixture.h"

namespace kmyriad {
namespace {

using StudyRowsTest = StudyFixture;

TEST_F(StudyRowsTest, RowsComeBackAndTheirOrderIsThatOfCells) {
  StudyRows rows = Read();
  EXPECT_TRUE(rows.rows().empty());
  ASSERT_TRUE(rows.Add({"maze", "two", 1, "G2"}, {{"success", 0.5}}).ok());
  ASSERT_TRUE(rows.Add({"maze", "one", 2, ""}, {{"coverage", 0.75}}).ok());
  const std::string content = Content();
  EXPECT_LT(content.find("\"one\""), content.find("\"two\""));
  const StudyRows again = Read();
  EXPECT_EQ(again.rows(), rows.rows());
  EXPECT_TRUE(again.Has({"maze", "one", 2, ""}));
  EXPECT_FALSE(again.Has({"maze", "one", 2, "G2"}));
}

TEST_F(StudyRowsTest, ARowOfOtherSettingsOrOfNoCellIsRefused) {
  StudyRows rows = Read();
  ASSERT_TRUE(rows.Add({"maze", "one", 1, "G1"}, {{"success", 0.5}}).ok());
  const StudyPlan changed =
      *ParseStudy(std::string(kSmallStudy) + "episodes: 7", "f");
  const auto stale = StudyRows::Read(files_, path_, changed);
  EXPECT_EQ(stale.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(stale.status().message().find("maze one seed 1 G1 was measured"),
            absl::string_view::npos);
  const std::string line = Content();
  ASSERT_TRUE(files_.WriteAndSync(path_, line + line).ok());
  EXPECT_FALSE(StudyRows::Read(files_, path_, plan_).ok());
  ASSERT_TRUE(files_.WriteAndSync(path_, line + "{\"torn").ok());
  const auto torn = StudyRows::Read(files_, path_, plan_);
  EXPECT_NE(torn.status().message().find(":2: is no row"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace kmyriad
