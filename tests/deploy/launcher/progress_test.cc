#include "deploy/launcher/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ProgressState Running() {
  ProgressState state;
  state.run_name = "demo";
  state.state = "running";
  state.phase = "collect";
  state.phase_progress = 0.634;
  state.epoch = 6;
  state.target_epochs = 20;
  state.env_steps = 4800000;
  state.steps_per_second = 51234;
  state.eta_seconds = 133;
  state.checkpoint_age_seconds = 3;
  state.actors = 2;
  state.expected_actors = 2;
  state.metrics = {
      {"entropy_nats", 4.5}, {"coverage", 0.312}, {"coverage_ever", 0.4}};
  state.before = {{"entropy_nats", 4.25}, {"coverage", 0.3}};
  return state;
}

TEST(ProgressTest, DurationsAndCountsAreShort) {
  EXPECT_EQ(FormatDuration(-1), "?");
  EXPECT_EQ(FormatDuration(0.4), "0 s");
  EXPECT_EQ(FormatDuration(59.6), "1m00s");
  EXPECT_EQ(FormatDuration(8000), "2h13m");
  EXPECT_EQ(FormatCount(512), "512");
  EXPECT_EQ(FormatCount(51234), "51.2k");
  EXPECT_EQ(FormatCount(4.8e6), "4.80M");
  EXPECT_EQ(FormatCount(1.2e9), "1.20G");
}

TEST(ProgressTest, OneGlanceTellsEverything) {
  const auto lines = TerminalLines(Running(), {false, true, 120});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            "demo ▕█████               ▏ epoch 6/20  collect  63 %  "
            "ETA 2m13s");
  EXPECT_EQ(lines[1],
            "  entropy 4.50 nats (+0.25) · coverage 31.2 % (+1.2) · "
            "ever 40.0 %");
  EXPECT_EQ(lines[2],
            "  4.80M env steps · 51.2k steps/s · 2/2 actors · "
            "checkpoint 3 s old");
}

TEST(ProgressTest, WithoutUnicodeOnlyAsciiIsUsed) {
  for (const std::string& line :
       TerminalLines(Running(), {false, false, 120})) {
    for (const char c : line) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST(ProgressTest, NarrowTerminalsCutLinesAndEndColours) {
  const auto lines = TerminalLines(Running(), {true, true, 12});
  for (const std::string& line : lines) {
    int shown = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\033') {
        i = line.find('m', i);
      } else if ((line[i] & 0xc0) != 0x80) {
        ++shown;
      }
    }
    EXPECT_LE(shown, 12) << line;
  }
  EXPECT_TRUE(lines[0].ends_with("\033[0m"));
}

TEST(ProgressTest, PausedAndWaitingAreSaid) {
  ProgressState state = Running();
  state.state = "waiting";
  state.message = "no actors";
  const auto lines = TerminalLines(state, {false, true, 120});
  EXPECT_THAT(lines[0], HasSubstr("waiting"));
  EXPECT_THAT(lines[0], Not(HasSubstr("collect")));
  EXPECT_EQ(lines.back(), "  no actors");
}

TEST(ProgressTest, EpochLineHoldsTheNumbers) {
  const nlohmann::json metrics = {
      {"epoch", 3},
      {"entropy_nats", 4.5121},
      {"coverage", 0.312},
      {"coverage_ever", 0.4},
      {"env_steps", 400000},
      {"steps_per_second", 51200},
      {"seconds",
       {{"total", 7.8}, {"collect", 6.1}, {"score", 0.8}, {"update", 0.9}}}};
  const std::string line = EpochLine(metrics, 20, 130);
  EXPECT_THAT(line, HasSubstr("epoch 3/20  entropy 4.512 nats  coverage 31.2 %"
                              " (ever 40.0 %)"));
  EXPECT_THAT(line, HasSubstr("7.80 s (collect 6.10, score 0.80, update 0.90"));
  EXPECT_THAT(line, HasSubstr("ETA 2m10s"));
}

TEST(ProgressTest, EpochLineOfADamagedRecordDoesNotCrash) {
  EXPECT_THAT(EpochLine({{"epoch", "x"}, {"seconds", 3}}, 5, -1),
              HasSubstr("epoch 0/5"));
}

}  // namespace
}  // namespace kmyriad
