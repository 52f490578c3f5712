#include "deploy/launcher/study/study_report.h"

#include <gtest/gtest.h>

#include "tests/deploy/launcher/study/study_fixture.h"

namespace kmyriad {
namespace {

using StudyReportTest = StudyFixture;

TEST_F(StudyReportTest, TablesHoldWhatTheRowsHold) {
  StudyRows rows = Read();
  EXPECT_EQ(FormatStudyTables(plan_, rows), "");
  const double success[2][2] = {{1.0, 0.8}, {0.6, 0.4}};
  for (int seed = 0; seed < 2; ++seed) {
    for (int goal = 0; goal < 2; ++goal) {
      const std::string name = goal == 0 ? "G1" : "G2";
      const auto number = static_cast<uint64_t>(seed + 1);
      ASSERT_TRUE(rows.Add({"maze", "one", number, name},
                           {{"success", success[seed][goal]},
                            {"success_best", 1.0},
                            {"zero_shot_best", 0.25},
                            {"success_mean_actions", 0.5},
                            {"env_steps_until_solved",
                             seed == 0 ? nlohmann::ordered_json(4800)
                                       : nlohmann::ordered_json()}})
                      .ok());
      if (seed > 0) continue;
      ASSERT_TRUE(rows.Add({"maze", "two", number, name},
                           {{"success", 0.0},
                            {"success_best", 0.0},
                            {"success_mean_actions", 0.0},
                            {"env_steps_until_solved", nullptr}})
                      .ok());
    }
  }
  const std::string tables = FormatStudyTables(plan_, rows);
  // Mean 0.7; the middle two of four: 0.7; above 0.5: three, above 0.9: one.
  EXPECT_NE(tables.find("| one | 4 | 0.25 | 0.700 | 0.700 ["),
            std::string::npos)
      << tables;
  EXPECT_NE(tables.find("| 0.75 | 0.25 | 2 of 4 | - |"), std::string::npos)
      << tables;
  EXPECT_NE(tables.find("| two | 2 of 4 | - | 0.000 |"), std::string::npos)
      << tables;
  EXPECT_NE(tables.find("| 0 of 2 | 1.00 [1.00, 1.00] |"), std::string::npos)
      << tables;
  EXPECT_EQ(tables.find("pretraining"), std::string::npos) << tables;
}

TEST(WithStudyTablesTest, ReplacesWhatStandsBetweenTheMarks) {
  const std::string document =
      "a\n<!-- study s: begin -->\nold\n<!-- study s: end -->\nb\n";
  const auto once = WithStudyTables(document, "s", "new\n");
  ASSERT_TRUE(once.ok());
  EXPECT_EQ(*once,
            "a\n<!-- study s: begin -->\nnew\n<!-- study s: end -->\nb\n");
  EXPECT_EQ(*WithStudyTables(*once, "s", "new\n"), *once);
  EXPECT_FALSE(WithStudyTables(document, "t", "new\n").ok());
  EXPECT_FALSE(WithStudyTables(document + document, "s", "new\n").ok());
}

}  // namespace
}  // namespace kmyriad
