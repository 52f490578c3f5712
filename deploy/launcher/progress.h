#ifndef KMYRIAD_DEPLOY_LAUNCHER_PROGRESS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_PROGRESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace kmyriad {

// What progress shows; plain values, so that it is drawn without a learner.
struct ProgressState {
  std::string run_name;
  std::string state;  // "running", "paused", "waiting", ...
  std::string phase;  // "collect", "score", "update", "checkpoint" or empty
  double phase_progress = 0;  // 0..1
  uint64_t epoch = 0;         // being worked on, from 1
  uint64_t target_epochs = 0;
  uint64_t env_steps = 0;
  double steps_per_second = 0;
  double eta_seconds = -1;             // < 0: unknown
  double checkpoint_age_seconds = -1;  // < 0: none yet
  int actors = 0;
  int expected_actors = 0;
  std::string message;     // what it waits for
  nlohmann::json metrics;  // of the last finished epoch; null before
  nlohmann::json before;   // of the epoch before it; null if none
};

struct TerminalStyle {
  bool color = true;
  bool unicode = true;
  int columns = 80;
};

// "2h13m", "4m05s", "37 s"; "?" for a negative number.
std::string FormatDuration(double seconds);
// "512", "51.2k", "4.80M", "1.20G".
std::string FormatCount(double count);

// The lines that a terminal shows in place, each cut to the terminal's width.
std::vector<std::string> TerminalLines(const ProgressState& state,
                                       const TerminalStyle& style);

// One plain line for a finished epoch, from its line of metrics.jsonl.
std::string EpochLine(const nlohmann::json& metrics, uint64_t target_epochs,
                      double eta_seconds);

// Writes progress to stderr: redrawn in place on a terminal, whole lines
// otherwise. Not thread-safe.
class ProgressDisplay {
 public:
  // In place unless stderr is no terminal, TERM is "dumb" or CI is set;
  // NO_COLOR switches colours off.
  ProgressDisplay();
  explicit ProgressDisplay(bool in_place) : in_place_(in_place) {}
  // Leaves the last state on the screen.
  ~ProgressDisplay();

  bool in_place() const { return in_place_; }
  // On a terminal: draws the state again. Otherwise nothing.
  void Draw(const ProgressState& state);
  // A line that stays.
  void Print(const std::string& line);

 private:
  void Clear();

  bool in_place_ = false;
  TerminalStyle style_;
  int drawn_lines_ = 0;
  std::vector<std::string> last_lines_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_PROGRESS_H_
