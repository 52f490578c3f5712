#include "actor/env/terrain_plan.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRoom[] =
    "// a room\n"
    "cell 2  // metres\n"
    "goal door 1 1 min_z 0.5\n"
    "layer 0 0 1 1 0 0.2\n"
    "map\n"
    "#####\n"
    "#S.2#\n"
    "#.1.#\n"
    "#####\n"
    "end\n";

std::string MessageOf(const std::string& text) {
  const auto plan = ParseTerrainPlan(text, "room.txt");
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(plan.status().message());
}

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(TerrainPlanTest, ReadsMapWithTheTopRowInTheNorth) {
  const auto plan = ParseTerrainPlan(kRoom, "room.txt");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->columns, 5u);
  EXPECT_EQ(plan->rows, 4u);
  EXPECT_EQ(plan->cell_size, 2);
  EXPECT_EQ(plan->wall_height, 1.5);
  EXPECT_EQ(plan->start_x, -2);
  EXPECT_EQ(plan->start_y, 1);
  ASSERT_EQ(plan->goals.size(), 3u);
  EXPECT_EQ(plan->goals[0].name, "door");
  EXPECT_EQ(plan->goals[0].min_z, 0.5);
  EXPECT_EQ(plan->goals[1].name, "G1");
  EXPECT_EQ(plan->goals[1].x, 0);
  EXPECT_EQ(plan->goals[1].y, -1);
  EXPECT_EQ(plan->goals[2].name, "G2");
  EXPECT_EQ(plan->goals[2].x, 2);
  EXPECT_EQ(plan->goals[2].y, 1);
  ASSERT_EQ(plan->layers.size(), 1u);
  EXPECT_EQ(plan->layers[0].top, 0.2);
}

TEST(TerrainPlanTest, AcceptsCarriageReturnsAndNoFinalNewline) {
  std::string text = absl::StrReplaceAll(kRoom, {{"\n", "\r\n"}});
  text.resize(text.size() - 2);
  EXPECT_TRUE(ParseTerrainPlan(text, "room.txt").ok());
}

TEST(TerrainPlanTest, NamesFileAndLineOfRaggedRows) {
  EXPECT_THAT(MessageOf(Replaced(kRoom, "#S.2#", "#S.2")),
              AllOf(StartsWith("room.txt:7: "), HasSubstr("4 cells"),
                    HasSubstr("5"), HasSubstr("equally long")));
}

TEST(TerrainPlanTest, NamesUnknownCharacters) {
  EXPECT_THAT(MessageOf(Replaced(kRoom, "#.1.#", "#.x.#")),
              AllOf(StartsWith("room.txt:8: "), HasSubstr("'x' in column 3")));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "#.1.#", "#.\x01.#")),
              HasSubstr("\\x01"));
}

TEST(TerrainPlanTest, NeedsExactlyOneStartInFreeSpace) {
  EXPECT_THAT(MessageOf(Replaced(kRoom, "S", ".")),
              HasSubstr("there is no start; put an S"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "#.1.#", "#S1.#")),
              HasSubstr("room.txt:8: a second start, after line 7"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "map", "start 0 0\nmap")),
              HasSubstr("a second start, after line 5"));
  EXPECT_THAT(
      MessageOf(Replaced(Replaced(kRoom, "S", "."), "map", "start 4 3\nmap")),
      AllOf(StartsWith("room.txt:5: "), HasSubstr("inside a wall")));
}

TEST(TerrainPlanTest, RefusesGoalsInWallsOutsideAndTwice) {
  EXPECT_THAT(
      MessageOf(Replaced(kRoom, "door 1 1", "door 4.5 1")),
      AllOf(StartsWith("room.txt:3: goal 'door'"), HasSubstr("inside a wall")));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "door 1 1", "door 5.5 1")),
              AllOf(HasSubstr("outside the map"), HasSubstr("-5 to 5 in x")));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "door", "G2")),
              AllOf(StartsWith("room.txt:7: "), HasSubstr("also on line 3")));
}

TEST(TerrainPlanTest, RefusesNumbersThatAreNone) {
  for (const char* bad : {"nan", "inf", "1e999", "two", "1,5", "-1", "0"}) {
    EXPECT_THAT(
        MessageOf(Replaced(kRoom, "cell 2", absl::StrCat("cell ", bad))),
        StartsWith("room.txt:2: cell: "))
        << bad;
  }
  for (const char* bad : {"nan", "-inf", "high", "101", "-101"}) {
    EXPECT_THAT(
        MessageOf(Replaced(kRoom, "min_z 0.5", absl::StrCat("min_z ", bad))),
        StartsWith("room.txt:3: goal: "))
        << bad;
  }
  EXPECT_THAT(MessageOf(Replaced(kRoom, "0 0.2", "0.2 0.2")),
              HasSubstr("not above its bottom"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "layer 0", "layer nan")),
              HasSubstr("not a finite number"));
}

TEST(TerrainPlanTest, RefusesUnknownAndIncompleteWords) {
  EXPECT_THAT(MessageOf(Replaced(kRoom, "cell", "cels")),
              AllOf(HasSubstr("unknown word 'cels'"), HasSubstr("use cell")));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "cell 2", "cell")),
              HasSubstr("write: cell METRES"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, " min_z 0.5", " 0.5")),
              HasSubstr("write: goal NAME X Y [min_z Z]"));
}

TEST(TerrainPlanTest, RefusesWhatMayComeOnlyOnce) {
  EXPECT_THAT(MessageOf(Replaced(kRoom, "map", "cell 3\nmap")),
              HasSubstr("room.txt:5: a second 'cell', after line 2"));
  EXPECT_THAT(
      MessageOf(Replaced(kRoom, "map", "wall_height 1\nwall_height 1\nmap")),
      HasSubstr("a second 'wall_height', after line 5"));
}

TEST(TerrainPlanTest, ShowsForeignBytesShortAndHarmless) {
  const std::string message = MessageOf(std::string(5000, '\x07'));
  EXPECT_THAT(message, HasSubstr("\\x07"));
  EXPECT_LT(message.size(), 400u);
  EXPECT_THAT(MessageOf(Replaced(kRoom, "door", "d\xf6r")),
              AllOf(HasSubstr("'d\\xf6r' is no name for a goal"),
                    HasSubstr("letters, digits")));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "door", std::string(33, 'd'))),
              HasSubstr("at most 32"));
}

TEST(TerrainPlanTest, RefusesMissingParts) {
  EXPECT_THAT(MessageOf(""), HasSubstr("there is no map"));
  EXPECT_THAT(MessageOf("cell 1\nmap\nend\n"), HasSubstr("the map is empty"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "end", "")),
              HasSubstr("close the map with a line 'end'"));
  EXPECT_THAT(MessageOf("cell 1\nmap\nS"), HasSubstr("is not closed"));
  EXPECT_THAT(MessageOf(Replaced(kRoom, "cell 2", "")),
              HasSubstr("size of a cell is missing"));
  EXPECT_THAT(MessageOf(absl::StrCat(kRoom, "map\nend\n")),
              HasSubstr("a second map, after line 5"));
}

TEST(TerrainPlanTest, RefusesWhatIsTooLarge) {
  const std::string wide(513, '.');
  EXPECT_THAT(MessageOf(absl::StrCat("cell 1\nmap\n", wide, "\nend\n")),
              HasSubstr("512 x 512"));
  std::string high = "cell 1\nmap\n";
  for (int row = 0; row < 513; ++row) high += ".\n";
  EXPECT_THAT(MessageOf(high + "end\n"), HasSubstr("room.txt:515: the map"));
  EXPECT_THAT(MessageOf(std::string(kMaxTerrainBytes + 1, '\n')),
              HasSubstr("1048577 bytes"));
  EXPECT_THAT(MessageOf("cell 100\nmap\nS.....\nend\n"),
              HasSubstr("600 m long"));
}

// Whatever bytes come, parsing ends with a plan or a message.
TEST(TerrainPlanTest, SurvivesMutations) {
  uint32_t state = 12345;
  const auto next = [&state] { return state = state * 1664525u + 1013904223u; };
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = kRoom;
    for (uint32_t edits = next() >> 30; edits-- > 0;) {
      const size_t at = (next() >> 8) % text.size();
      switch (next() >> 30) {
        case 0:
          text[at] = static_cast<char>(next() >> 24);
          break;
        case 1:
          text.erase(at, 1 + (next() >> 29));
          break;
        default:
          text.insert(at, text.substr((next() >> 8) % text.size(), 5));
      }
      if (text.empty()) text.push_back('\n');
    }
    const auto plan = ParseTerrainPlan(text, "room.txt");
    if (plan.ok()) {
      ++accepted;
      EXPECT_EQ(plan->walls.size(), size_t{plan->columns} * plan->rows);
    } else {
      EXPECT_THAT(std::string(plan.status().message()),
                  AllOf(StartsWith("room.txt:"), HasSubstr("; ")));
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace kmyriad
