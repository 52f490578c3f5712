#include "actor/env/terrain_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

using Words = std::vector<absl::string_view>;

// Words of a file in a message: short, and free of control characters.
std::string Shown(absl::string_view word) {
  constexpr size_t kLongest = 40;
  const bool whole = word.size() <= kLongest;
  return absl::StrCat(absl::CHexEscape(word.substr(0, kLongest)),
                      whole ? "" : "...");
}

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<uint8_t>(c)) || c == '_' || c == '-' ||
         c == '.';
}

// Reads the lines in order. Positions given by map characters become metres
// only after the last row, since the centre of the map is the origin.
class PlanParser {
 public:
  explicit PlanParser(absl::string_view file) : file_(file) {}

  absl::StatusOr<TerrainPlan> Parse(absl::string_view text);

 private:
  struct Cell {
    uint32_t column = 0;
    uint32_t row = 0;  // from the top
    uint32_t line = 0;
  };

  absl::Status Error(uint32_t line, absl::string_view what,
                     absl::string_view mend) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ":", line, ": ", what, "; ", mend));
  }
  absl::Status ParseLine(absl::string_view line);
  absl::Status ParseRow(absl::string_view row);
  absl::Status ParseCell(char cell, uint32_t column);
  absl::Status ParseNumber(const Words& words, size_t index, double low,
                           double high, double* value) const;
  absl::Status ParseScalar(const Words& words, double low, double high,
                           double* value, uint32_t* line);
  absl::Status ParseStart(const Words& words);
  absl::Status ParseGoal(const Words& words);
  absl::Status ParseLayer(const Words& words);
  absl::Status AddGoal(PlannedGoal goal);
  absl::Status ExpectWords(const Words& words, size_t count,
                           absl::string_view form) const;
  absl::Status Finish();
  absl::Status CheckSize() const;
  absl::Status CheckPlaces() const;
  absl::Status CheckFree(absl::string_view what, double x, double y,
                         uint32_t line) const;
  double CellX(uint32_t column) const {
    return (column + 0.5) * plan_.cell_size - plan_.width() / 2;
  }
  double CellY(uint32_t row_from_top) const {
    return plan_.height() / 2 - (row_from_top + 0.5) * plan_.cell_size;
  }

  const std::string file_;
  TerrainPlan plan_;
  uint32_t line_ = 0;
  // Lines of what may come once; 0: not yet.
  uint32_t cell_line_ = 0;
  uint32_t height_line_ = 0;
  uint32_t map_line_ = 0;
  bool in_map_ = false;
  std::vector<std::string> map_;  // from the top
  bool has_start_ = false;
  std::vector<Cell> start_cells_;
  std::vector<std::pair<char, Cell>> goal_cells_;
};

absl::StatusOr<TerrainPlan> PlanParser::Parse(absl::string_view text) {
  if (text.size() > kMaxTerrainBytes) {
    return Error(1, absl::StrCat("the file has ", text.size(), " bytes"),
                 absl::StrCat("at most ", kMaxTerrainBytes, " are allowed"));
  }
  plan_.wall_height = 1.5;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_;
    line = absl::StripTrailingAsciiWhitespace(line);
    KMYRIAD_RETURN_IF_ERROR(in_map_ ? ParseRow(line) : ParseLine(line));
  }
  KMYRIAD_RETURN_IF_ERROR(Finish());
  return std::move(plan_);
}

absl::Status PlanParser::ParseLine(absl::string_view line) {
  line = line.substr(0, line.find("//"));
  const Words words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.empty()) return absl::OkStatus();
  if (words[0] == "cell") {
    return ParseScalar(words, kMinCellSize, 100, &plan_.cell_size, &cell_line_);
  }
  if (words[0] == "wall_height") {
    return ParseScalar(words, 0.5, 10, &plan_.wall_height, &height_line_);
  }
  if (words[0] == "start") return ParseStart(words);
  if (words[0] == "goal") return ParseGoal(words);
  if (words[0] == "layer") return ParseLayer(words);
  if (words[0] == "map") {
    KMYRIAD_RETURN_IF_ERROR(ExpectWords(words, 1, "map"));
    if (map_line_ != 0) {
      return Error(line_, absl::StrCat("a second map, after line ", map_line_),
                   "keep one");
    }
    map_line_ = line_;
    in_map_ = true;
    return absl::OkStatus();
  }
  return Error(line_, absl::StrCat("unknown word '", Shown(words[0]), "'"),
               "use cell, wall_height, start, goal, layer or map (comments "
               "begin with //)");
}

absl::Status PlanParser::ParseRow(absl::string_view row) {
  if (row == "end") {
    in_map_ = false;
    return absl::OkStatus();
  }
  if (row.empty()) {
    return Error(line_, "empty row inside the map",
                 "remove it, or close the map with a line 'end'");
  }
  if (row.size() > kMaxTerrainCells || map_.size() == kMaxTerrainCells) {
    return Error(line_,
                 absl::StrCat("the map is larger than ", kMaxTerrainCells,
                              " x ", kMaxTerrainCells, " cells"),
                 "use larger cells or a smaller map");
  }
  if (!map_.empty() && row.size() != map_[0].size()) {
    return Error(
        line_,
        absl::StrCat("this row has ", row.size(),
                     " cells, the first row of the map has ", map_[0].size()),
        "make all rows equally long");
  }
  for (uint32_t column = 0; column < row.size(); ++column) {
    KMYRIAD_RETURN_IF_ERROR(ParseCell(row[column], column));
  }
  map_.emplace_back(row);
  return absl::OkStatus();
}

absl::Status PlanParser::ParseCell(char cell, uint32_t column) {
  const Cell place{column, static_cast<uint32_t>(map_.size()), line_};
  if (cell == '#' || cell == '.') return absl::OkStatus();
  if (cell == 'S') {
    start_cells_.push_back(place);
    return absl::OkStatus();
  }
  if (cell >= '1' && cell <= '9') {
    goal_cells_.emplace_back(cell, place);
    return absl::OkStatus();
  }
  return Error(
      line_,
      absl::StrCat("unknown character '", Shown(absl::string_view(&cell, 1)),
                   "' in column ", column + 1),
      "use # (wall), . (free), S (start) or 1 to 9 (goals)");
}

absl::Status PlanParser::ParseNumber(const Words& words, size_t index,
                                     double low, double high,
                                     double* value) const {
  const std::string word(words[index]);
  if (!absl::SimpleAtod(word, value) || !std::isfinite(*value)) {
    return Error(
        line_,
        absl::StrCat(words[0], ": '", Shown(word), "' is not a finite number"),
        "write it like 1.5");
  }
  if (*value < low || *value > high) {
    return Error(line_,
                 absl::StrCat(words[0], ": ", Shown(word), " is out of range"),
                 absl::StrCat("use ", low, " to ", high));
  }
  return absl::OkStatus();
}

absl::Status PlanParser::ParseScalar(const Words& words, double low,
                                     double high, double* value,
                                     uint32_t* line) {
  if (*line != 0) {
    return Error(line_,
                 absl::StrCat("a second '", words[0], "', after line ", *line),
                 "keep one");
  }
  *line = line_;
  KMYRIAD_RETURN_IF_ERROR(
      ExpectWords(words, 2, absl::StrCat(words[0], " METRES")));
  return ParseNumber(words, 1, low, high, value);
}

absl::Status PlanParser::ParseStart(const Words& words) {
  KMYRIAD_RETURN_IF_ERROR(ExpectWords(words, 3, "start X Y"));
  if (has_start_) {
    return Error(line_,
                 absl::StrCat("a second start, after line ", plan_.start_line),
                 "keep one");
  }
  has_start_ = true;
  plan_.start_line = line_;
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 1, -kMaxTerrainMetres,
                                      kMaxTerrainMetres, &plan_.start_x));
  return ParseNumber(words, 2, -kMaxTerrainMetres, kMaxTerrainMetres,
                     &plan_.start_y);
}

absl::Status PlanParser::ParseGoal(const Words& words) {
  const bool has_height = words.size() == 6 && words[4] == "min_z";
  if (!has_height) {
    KMYRIAD_RETURN_IF_ERROR(ExpectWords(words, 4, "goal NAME X Y [min_z Z]"));
  }
  PlannedGoal goal;
  goal.name = std::string(words[1]);
  goal.line = line_;
  KMYRIAD_RETURN_IF_ERROR(
      ParseNumber(words, 2, -kMaxTerrainMetres, kMaxTerrainMetres, &goal.x));
  KMYRIAD_RETURN_IF_ERROR(
      ParseNumber(words, 3, -kMaxTerrainMetres, kMaxTerrainMetres, &goal.y));
  if (has_height) {
    KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 5, -100, 100, &goal.min_z));
  }
  return AddGoal(std::move(goal));
}

absl::Status PlanParser::AddGoal(PlannedGoal goal) {
  if (goal.name.size() > 32 ||
      !std::all_of(goal.name.begin(), goal.name.end(), IsNameCharacter)) {
    return Error(goal.line,
                 absl::StrCat("'", Shown(goal.name), "' is no name for a goal"),
                 "use at most 32 letters, digits, and _ - .");
  }
  for (const PlannedGoal& other : plan_.goals) {
    if (other.name == goal.name) {
      return Error(
          goal.line,
          absl::StrCat("goal '", goal.name, "' is also on line ", other.line),
          "give each goal its own name");
    }
  }
  if (plan_.goals.size() == kMaxTerrainGoals) {
    return Error(goal.line, "too many goals",
                 absl::StrCat("use at most ", kMaxTerrainGoals));
  }
  plan_.goals.push_back(std::move(goal));
  return absl::OkStatus();
}

absl::Status PlanParser::ParseLayer(const Words& words) {
  KMYRIAD_RETURN_IF_ERROR(
      ExpectWords(words, 7, "layer X Y HALF_X HALF_Y BOTTOM TOP"));
  if (plan_.layers.size() == kMaxTerrainLayers) {
    return Error(line_, "too many layers",
                 absl::StrCat("use at most ", kMaxTerrainLayers));
  }
  const double far = kMaxTerrainMetres;
  PlannedLayer layer;
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 1, -far, far, &layer.x));
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 2, -far, far, &layer.y));
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 3, 0.01, far, &layer.half_x));
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 4, 0.01, far, &layer.half_y));
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 5, -1, 10, &layer.bottom));
  KMYRIAD_RETURN_IF_ERROR(ParseNumber(words, 6, 0, 10, &layer.top));
  if (layer.top - layer.bottom < 0.01) {
    return Error(line_,
                 absl::StrCat("layer: its top ", layer.top,
                              " is not above its bottom ", layer.bottom),
                 "make it at least 0.01 thick");
  }
  plan_.layers.push_back(layer);
  return absl::OkStatus();
}

absl::Status PlanParser::ExpectWords(const Words& words, size_t count,
                                     absl::string_view form) const {
  if (words.size() == count) return absl::OkStatus();
  return Error(
      line_, absl::StrCat("'", words[0], "' has ", words.size() - 1, " values"),
      absl::StrCat("write: ", form));
}

absl::Status PlanParser::Finish() {
  if (map_line_ == 0) {
    return Error(line_, "there is no map",
                 "add a line 'map', the rows, and a line 'end'");
  }
  if (in_map_) {
    return Error(line_,
                 absl::StrCat("the map of line ", map_line_, " is not closed"),
                 "add a line 'end' after its last row");
  }
  KMYRIAD_RETURN_IF_ERROR(CheckSize());
  plan_.columns = static_cast<uint32_t>(map_[0].size());
  plan_.rows = static_cast<uint32_t>(map_.size());
  plan_.walls.reserve(size_t{plan_.columns} * plan_.rows);
  for (uint32_t row = plan_.rows; row-- > 0;) {
    for (const char cell : map_[row]) plan_.walls.push_back(cell == '#');
  }
  for (const Cell& cell : start_cells_) {
    if (has_start_) {
      return Error(
          cell.line,
          absl::StrCat("a second start, after line ", plan_.start_line),
          "keep one S or one line 'start X Y'");
    }
    has_start_ = true;
    plan_.start_line = cell.line;
    plan_.start_x = CellX(cell.column);
    plan_.start_y = CellY(cell.row);
  }
  for (char digit = '1'; digit <= '9'; ++digit) {
    for (const auto& [name, cell] : goal_cells_) {
      if (name != digit) continue;
      PlannedGoal goal;
      goal.name = absl::StrCat("G", std::string(1, digit));
      goal.x = CellX(cell.column);
      goal.y = CellY(cell.row);
      goal.line = cell.line;
      KMYRIAD_RETURN_IF_ERROR(AddGoal(std::move(goal)));
    }
  }
  return CheckPlaces();
}

absl::Status PlanParser::CheckSize() const {
  if (map_.empty()) {
    return Error(map_line_, "the map is empty", "add its rows before 'end'");
  }
  if (plan_.cell_size == 0) {
    return Error(map_line_, "the size of a cell is missing",
                 "add a line such as 'cell 4' (metres)");
  }
  const double longest =
      static_cast<double>(std::max(map_.size(), map_[0].size())) *
      plan_.cell_size;
  if (longest > kMaxTerrainMetres) {
    return Error(map_line_, absl::StrCat("the map is ", longest, " m long"),
                 absl::StrCat("at most ", kMaxTerrainMetres,
                              " m are allowed: use smaller cells or fewer"));
  }
  return absl::OkStatus();
}

absl::Status PlanParser::CheckPlaces() const {
  if (!has_start_) {
    return Error(map_line_, "there is no start",
                 "put an S on a free cell of the map, or add 'start X Y'");
  }
  KMYRIAD_RETURN_IF_ERROR(
      CheckFree("the start", plan_.start_x, plan_.start_y, plan_.start_line));
  for (const PlannedGoal& goal : plan_.goals) {
    KMYRIAD_RETURN_IF_ERROR(CheckFree(absl::StrCat("goal '", goal.name, "'"),
                                      goal.x, goal.y, goal.line));
  }
  return absl::OkStatus();
}

absl::Status PlanParser::CheckFree(absl::string_view what, double x, double y,
                                   uint32_t line) const {
  const double column = (x + plan_.width() / 2) / plan_.cell_size;
  const double row = (y + plan_.height() / 2) / plan_.cell_size;
  if (column < 0 || row < 0 || column >= plan_.columns || row >= plan_.rows) {
    return Error(
        line, absl::StrCat(what, " at (", x, ", ", y, ") lies outside the map"),
        absl::StrCat("the map reaches from ", -plan_.width() / 2, " to ",
                     plan_.width() / 2, " in x and from ", -plan_.height() / 2,
                     " to ", plan_.height() / 2, " in y"));
  }
  const size_t cell =
      static_cast<size_t>(row) * plan_.columns + static_cast<size_t>(column);
  if (plan_.walls[cell] != 0) {
    return Error(
        line, absl::StrCat(what, " at (", x, ", ", y, ") lies inside a wall"),
        "move it to a free cell");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TerrainPlan> ParseTerrainPlan(absl::string_view text,
                                             absl::string_view file) {
  return PlanParser(file).Parse(text);
}

}  // namespace kmyriad
