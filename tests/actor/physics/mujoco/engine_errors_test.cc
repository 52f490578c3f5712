#include "actor/physics/mujoco/engine_errors.h"

#include <mujoco/mujoco.h>

#include <string>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// Message of the error that the engine raises, or "" if it raises none.
std::string Trapped(bool raise) {
  EngineErrorTrap trap;
  if (setjmp(trap.target()) != 0) return trap.message();
  if (raise) mju_error("no room for %d rows", 7);
  return "";
}

TEST(EngineErrorsTest, JumpsToTheInnermostTrap) {
  InstallEngineHandlers();
  InstallEngineHandlers();
  EXPECT_EQ(Trapped(false), "");
  EXPECT_NE(Trapped(true).find("no room for 7 rows"), std::string::npos);
  EngineErrorTrap outer;
  ASSERT_EQ(setjmp(outer.target()), 0);
  EXPECT_NE(Trapped(true), "");
  EXPECT_STREQ(outer.message(), "");
}

TEST(EngineErrorsTest, WarningsAreSilent) {
  InstallEngineHandlers();
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  mju_warning("a warning");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST(EngineErrorsDeathTest, AnErrorOutsideATrapIsABug) {
  EXPECT_DEATH(
      {
        InstallEngineHandlers();
        mju_error("nobody listens");
      },
      "nobody listens");
}

}  // namespace
}  // namespace kmyriad
