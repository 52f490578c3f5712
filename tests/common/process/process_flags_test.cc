#include "common/process/process_flags.h"

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// The flags after parsing `arguments`; false if they are refused.
bool Parse(std::vector<std::string> arguments, ProcessFlags* flags) {
  CLI::App app("test");
  AddProcessFlags(app, *flags);
  // CLI11 takes them last one first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError&) {
    return false;
  }
  return true;
}

TEST(ProcessFlagsTest, DefaultsStayUnlessSaidOtherwise) {
  ProcessFlags flags;
  flags.metrics = "127.0.0.1:9464";
  ASSERT_TRUE(Parse({}, &flags));
  EXPECT_EQ(flags.metrics, "127.0.0.1:9464");
  EXPECT_EQ(flags.health, "");
  EXPECT_EQ(flags.log_format, "text");
  ASSERT_TRUE(Parse({"--metrics", "0.0.0.0:1", "--health", "0.0.0.0:2", "--log",
                     "f", "--log-format", "json"},
                    &flags));
  EXPECT_EQ(flags.metrics, "0.0.0.0:1");
  EXPECT_EQ(flags.health, "0.0.0.0:2");
  EXPECT_EQ(flags.log, "f");
  EXPECT_EQ(flags.log_format, "json");
  ASSERT_TRUE(Parse({"--metrics", ""}, &flags));
  EXPECT_EQ(flags.metrics, "");
}

TEST(ProcessFlagsTest, RefusesOtherFormats) {
  ProcessFlags flags;
  EXPECT_FALSE(Parse({"--log-format", "xml"}, &flags));
}

}  // namespace
}  // namespace kmyriad
