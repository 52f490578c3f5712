#include "deploy/launcher/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/launcher/run_folder.h"

namespace kmyriad {
namespace {

constexpr char kBold[] = "\033[1m";
constexpr char kDim[] = "\033[2m";
constexpr char kGreen[] = "\033[32m";
constexpr char kYellow[] = "\033[33m";
constexpr char kPlain[] = "\033[0m";

bool IsSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = absl::AsciiStrToLower(value);
    return absl::StrContains(locale, "utf-8") ||
           absl::StrContains(locale, "utf8");
  }
  return false;
}

// Cuts to `columns` characters; escape sequences take no room, and a colour
// that is still on is switched off.
std::string Cut(const std::string& line, int columns) {
  std::string cut;
  int used = 0;
  bool styled = false;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\033') {
      const size_t end = line.find('m', i);
      if (end == std::string::npos) break;
      cut.append(line, i, end - i + 1);
      styled = true;
      i = end + 1;
      continue;
    }
    const auto byte = static_cast<unsigned char>(line[i]);
    const size_t bytes = byte < 0x80   ? 1
                         : byte < 0xe0 ? 2
                         : byte < 0xf0 ? 3
                                       : 4;
    if (++used > columns) break;
    cut.append(line, i, bytes);
    i += bytes;
  }
  return styled ? cut + kPlain : cut;
}

std::string Bar(double share, int width, const TerminalStyle& style) {
  share = std::clamp(share, 0.0, 1.0);
  std::string bar;
  if (!style.unicode) {
    const int full = static_cast<int>(std::floor(share * width));
    return absl::StrCat("[", std::string(static_cast<size_t>(full), '#'),
                        std::string(static_cast<size_t>(width - full), '.'),
                        "]");
  }
  static constexpr const char* kEighths[] = {"",  "▏", "▎", "▍",
                                             "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::floor(share * width * 8));
  int drawn = 0;
  for (; drawn < eighths / 8; ++drawn) bar += "█";
  if (eighths % 8 != 0) {
    bar += kEighths[eighths % 8];
    ++drawn;
  }
  for (; drawn < width; ++drawn) bar += " ";
  return absl::StrCat("▕", bar, "▏");
}

std::string Percent(double share) {
  return absl::StrFormat("%.1f %%", 100 * share);
}

// " (+0.041)" if both epochs have the number.
std::string Change(const ProgressState& state, const std::string& key,
                   double scale, const char* format_digits) {
  const double now = NumberOr(state.metrics, key, NAN);
  const double before = NumberOr(state.before, key, NAN);
  if (!std::isfinite(now) || !std::isfinite(before)) return "";
  const double change = scale * (now - before);
  return std::string(format_digits) == "2"
             ? absl::StrFormat(" (%+.2f)", change)
             : absl::StrFormat(" (%+.1f)", change);
}

std::string StateLine(const ProgressState& state, const TerminalStyle& style) {
  const double finished =
      state.epoch > 0 ? static_cast<double>(state.epoch - 1) : 0;
  const double share =
      state.state == "finished" ? 1
      : state.target_epochs == 0
          ? 0
          : finished / static_cast<double>(state.target_epochs);
  std::string line =
      absl::StrCat(style.color ? kBold : "", state.run_name,
                   style.color ? kPlain : "", " ", style.color ? kGreen : "",
                   Bar(share, 20, style), style.color ? kPlain : "", " epoch ",
                   state.epoch, "/", state.target_epochs);
  if (state.state == "running" && !state.phase.empty()) {
    absl::StrAppend(&line, "  ", state.phase, " ",
                    absl::StrFormat("%3.0f %%", 100 * state.phase_progress));
  } else {
    absl::StrAppend(&line, "  ", style.color ? kYellow : "", state.state,
                    style.color ? kPlain : "");
  }
  absl::StrAppend(&line, "  ETA ", FormatDuration(state.eta_seconds));
  return line;
}

}  // namespace

std::string FormatDuration(double seconds) {
  if (!(seconds >= 0)) return "?";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return absl::StrFormat("%d s", whole);
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
}

std::string FormatCount(double count) {
  if (count < 1e3) return absl::StrFormat("%.0f", count);
  if (count < 1e6) return absl::StrFormat("%.1fk", count / 1e3);
  if (count < 1e9) return absl::StrFormat("%.2fM", count / 1e6);
  return absl::StrFormat("%.2fG", count / 1e9);
}

std::vector<std::string> TerminalLines(const ProgressState& state,
                                       const TerminalStyle& style) {
  const char* dot = style.unicode ? " · " : " | ";
  std::vector<std::string> lines = {StateLine(state, style)};
  if (state.metrics.is_object()) {
    lines.push_back(absl::StrCat(
        "  entropy ",
        absl::StrFormat("%.2f", NumberOr(state.metrics, "entropy_nats", NAN)),
        " nats", Change(state, "entropy_nats", 1, "2"), dot, "coverage ",
        Percent(NumberOr(state.metrics, "coverage", NAN)),
        Change(state, "coverage", 100, "1"), dot, "ever ",
        Percent(NumberOr(state.metrics, "coverage_ever", NAN))));
  } else {
    lines.push_back("  entropy and coverage come with the first epoch");
  }
  std::string work = absl::StrCat(
      "  ", FormatCount(static_cast<double>(state.env_steps)), " env steps");
  if (state.steps_per_second > 0) {
    absl::StrAppend(&work, dot, FormatCount(state.steps_per_second),
                    " steps/s");
  }
  absl::StrAppend(&work, dot, state.actors, "/", state.expected_actors,
                  " actors");
  if (state.checkpoint_age_seconds >= 0) {
    absl::StrAppend(&work, dot, "checkpoint ",
                    FormatDuration(state.checkpoint_age_seconds), " old");
  }
  lines.push_back(
      absl::StrCat(style.color ? kDim : "", work, style.color ? kPlain : ""));
  if (!state.message.empty())
    lines.push_back(absl::StrCat("  ", state.message));
  for (std::string& line : lines) line = Cut(line, style.columns);
  return lines;
}

std::string EpochLine(const nlohmann::json& metrics, uint64_t target_epochs,
                      double eta_seconds) {
  const auto seconds = metrics.find("seconds");
  const nlohmann::json none;
  const nlohmann::json& s = seconds != metrics.end() ? *seconds : none;
  const std::string success =
      metrics.contains("success")
          ? absl::StrFormat("success %.3f (best %.3f)  ",
                            NumberOr(metrics, "success", NAN),
                            NumberOr(metrics, "success_best", NAN))
          : "";
  return absl::StrFormat(
      "epoch %d/%d  %sentropy %.3f nats  coverage %.1f %% (ever %.1f %%)  "
      "%s env steps  %s steps/s  %.2f s (collect %.2f, score %.2f, update "
      "%.2f, checkpoint %.2f)  ETA %s",
      static_cast<uint64_t>(NumberOr(metrics, "epoch", 0)), target_epochs,
      success, NumberOr(metrics, "entropy_nats", NAN),
      100 * NumberOr(metrics, "coverage", NAN),
      100 * NumberOr(metrics, "coverage_ever", NAN),
      FormatCount(NumberOr(metrics, "env_steps", 0)),
      FormatCount(NumberOr(metrics, "steps_per_second", 0)),
      NumberOr(s, "total", 0), NumberOr(s, "collect", 0),
      NumberOr(s, "score", 0), NumberOr(s, "update", 0),
      NumberOr(s, "checkpoint", 0), FormatDuration(eta_seconds));
}

ProgressDisplay::ProgressDisplay() {
  const char* term = std::getenv("TERM");
  in_place_ = isatty(STDERR_FILENO) != 0 && !IsSet("CI") && term != nullptr &&
              absl::string_view(term) != "dumb";
  style_.color = !IsSet("NO_COLOR");
  style_.unicode = LocaleIsUtf8();
}

ProgressDisplay::~ProgressDisplay() {
  if (in_place_) std::fflush(stderr);
}

void ProgressDisplay::Clear() {
  for (int i = 0; i < drawn_lines_; ++i) std::fputs("\033[1A\033[2K", stderr);
  drawn_lines_ = 0;
}

void ProgressDisplay::Draw(const ProgressState& state) {
  if (!in_place_) return;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style_.columns = size.ws_col;
  }
  std::vector<std::string> lines = TerminalLines(state, style_);
  if (drawn_lines_ > 0 && lines == last_lines_) return;
  Clear();
  for (const std::string& line : lines) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
  drawn_lines_ = static_cast<int>(lines.size());
  last_lines_ = std::move(lines);
}

void ProgressDisplay::Print(const std::string& line) {
  if (in_place_) Clear();
  std::fprintf(stderr, "%s\n", line.c_str());
  if (in_place_) {
    for (const std::string& drawn : last_lines_) {
      std::fprintf(stderr, "%s\n", drawn.c_str());
    }
    drawn_lines_ = static_cast<int>(last_lines_.size());
  }
  std::fflush(stderr);
}

}  // namespace kmyriad
