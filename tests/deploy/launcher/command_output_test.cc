#include "deploy/launcher/command_output.h"

#include <gtest/gtest.h>

namespace kmyriad {
namespace {

TEST(CommandOutputTest, WordsForAShellAreQuotedOnlyWhereNeeded) {
  EXPECT_EQ(ShellWord("/data/runs-2"), "/data/runs-2");
  EXPECT_EQ(ShellWord("my runs"), "'my runs'");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("it's;$x"), R"('it'\''s;$x')");
}

TEST(CommandOutputTest, ExitCodesFollowTheStatus) {
  EXPECT_EQ(ReportError(absl::InvalidArgumentError("x")), 78);
  EXPECT_EQ(ReportError(absl::UnavailableError("x")), 69);
  EXPECT_EQ(ReportError(absl::NotFoundError("x")), 1);
}

}  // namespace
}  // namespace kmyriad
