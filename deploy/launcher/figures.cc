#include "deploy/launcher/figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/launcher/figure_canvas.h"
#include "deploy/launcher/progress.h"
#include "deploy/launcher/run_folder.h"

namespace kmyriad {
namespace {

using Point = FigureCanvas::Point;

constexpr Color kWall = {0.36, 0.38, 0.42, 1};
constexpr Color kUnseen = {0.955, 0.955, 0.945, 1};
constexpr Color kUnreachable = {0.78, 0.79, 0.80, 1};
constexpr Color kGrid = {0.90, 0.91, 0.92, 1};
constexpr Color kBlue = {0.12, 0.40, 0.70, 1};
constexpr Color kOrange = {0.90, 0.45, 0.05, 1};
constexpr Color kGreen = {0.10, 0.55, 0.35, 1};
constexpr Color kRed = {0.85, 0.15, 0.15, 1};

// Pixels of a plot's data area, and the data range that it shows.
struct Frame {
  double left = 0, top = 0, width = 0, height = 0;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;

  double X(double x) const {
    return left + (x - x_low) / (x_high - x_low) * width;
  }
  double Y(double y) const {
    return top + height - (y - y_low) / (y_high - y_low) * height;
  }
};

double StepOf(const std::vector<double>& ticks) {
  return ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
}

// Ticks, labels and frame; `lines` adds a faint grid.
void DrawAxes(FigureCanvas& canvas, const Frame& f, const std::string& x_label,
              const std::string& y_label, bool lines) {
  const auto x_ticks =
      NiceTicks(f.x_low, f.x_high, std::max(3, static_cast<int>(f.width / 90)));
  const auto y_ticks = NiceTicks(f.y_low, f.y_high,
                                 std::max(3, static_cast<int>(f.height / 45)));
  const double bottom = f.top + f.height;
  for (const double tick : x_ticks) {
    const double x = f.X(tick);
    if (lines) canvas.Line({{x, f.top}, {x, bottom}}, kGrid, 1);
    canvas.Line({{x, bottom}, {x, bottom + 5}}, kInk, 1);
    canvas.Text(x, bottom + 15, TickLabel(tick, StepOf(x_ticks)), 12, 0.5);
  }
  for (const double tick : y_ticks) {
    const double y = f.Y(tick);
    if (lines) canvas.Line({{f.left, y}, {f.left + f.width, y}}, kGrid, 1);
    canvas.Line({{f.left - 5, y}, {f.left, y}}, kInk, 1);
    canvas.Text(f.left - 9, y, TickLabel(tick, StepOf(y_ticks)), 12, 1);
  }
  canvas.Outline(f.left, f.top, f.width, f.height, kInk, 1);
  canvas.Text(f.left + f.width / 2, bottom + 36, x_label, 13, 0.5);
  canvas.Text(f.left - 46, f.top + f.height / 2, y_label, 13, 0.5, kInk, false,
              true);
}

// A box whose middle can be walked on is a step of the terrain, not a wall.
bool IsWall(const CoverageGrid& grid, const Box& box) {
  const double column = (box.center[0] - grid.x_min) / grid.cell_size;
  const double row = (box.center[1] - grid.y_min) / grid.cell_size;
  if (column < 0 || row < 0 || column >= grid.nx || row >= grid.ny) {
    return true;
  }
  const size_t cell =
      static_cast<size_t>(row) * grid.nx + static_cast<size_t>(column);
  return grid.reachable[cell] == 0;
}

void DrawCells(FigureCanvas& canvas, const Frame& f, const CoverageGrid& grid,
               const std::vector<double>& visits, double most) {
  // Neighbouring cells overlap by half a pixel, so that no seam shows.
  const double side = grid.cell_size;
  const double width = side / (f.x_high - f.x_low) * f.width;
  const double height = side / (f.y_high - f.y_low) * f.height;
  for (uint32_t row = 0; row < grid.ny; ++row) {
    for (uint32_t column = 0; column < grid.nx; ++column) {
      const size_t cell = static_cast<size_t>(row) * grid.nx + column;
      Color color = grid.reachable[cell] ? kUnseen : kUnreachable;
      if (visits[cell] > 0) {
        color =
            HeatColor(std::log(visits[cell]) / std::log(std::max(most, 2.0)));
      }
      canvas.Fill(f.X(grid.x_min + column * side),
                  f.Y(grid.y_min + (row + 1) * side), width + 0.5, height + 0.5,
                  color);
    }
  }
}

void DrawTerrain(FigureCanvas& canvas, const Frame& f,
                 const EnvironmentSpec& spec) {
  for (const Box& box : spec.boxes) {
    const double x = f.X(box.center[0] - box.half[0]);
    const double y = f.Y(box.center[1] + box.half[1]);
    const double width = f.X(box.center[0] + box.half[0]) - x;
    const double height = f.Y(box.center[1] - box.half[1]) - y;
    if (IsWall(spec.coverage, box)) {
      canvas.Fill(x, y, width, height, kWall);
    } else {
      canvas.Outline(x, y, width, height, {0.3, 0.3, 0.3, 0.55}, 1);
    }
  }
  for (const Goal& goal : spec.goals) {
    canvas.Star(f.X(goal.x), f.Y(goal.y), 9, kRed, kPaper);
    canvas.Text(f.X(goal.x), f.Y(goal.y) - 15, goal.name, 11, 0.5, kRed, true);
  }
  canvas.Disc(f.X(spec.start_x), f.Y(spec.start_y), 6, kPaper, kInk);
}

// Range of the map: cells and boxes.
void SetRange(const EnvironmentSpec& spec, Frame& f) {
  const CoverageGrid& grid = spec.coverage;
  const double side = grid.cell_size;
  f.x_low = grid.x_min;
  f.x_high = grid.x_min + grid.nx * side;
  f.y_low = grid.y_min;
  f.y_high = grid.y_min + grid.ny * side;
  for (const Box& box : spec.boxes) {
    f.x_low = std::min<double>(f.x_low, box.center[0] - box.half[0]);
    f.x_high = std::max<double>(f.x_high, box.center[0] + box.half[0]);
    f.y_low = std::min<double>(f.y_low, box.center[1] - box.half[1]);
    f.y_high = std::max<double>(f.y_high, box.center[1] + box.half[1]);
  }
}

void DrawColorBar(FigureCanvas& canvas, double left, double top, double height,
                  double most) {
  constexpr double kWidth = 16;
  const int steps = static_cast<int>(height);
  for (int i = 0; i < steps; ++i) {
    canvas.Fill(left, top + height - i - 1, kWidth, 1.5,
                HeatColor(static_cast<double>(i) / steps));
  }
  canvas.Outline(left, top, kWidth, height, kInk, 1);
  const double range = std::log(std::max(most, 2.0));
  for (double visits = 1; visits <= most; visits *= 10) {
    const double y = top + height - std::log(visits) / range * height;
    canvas.Line({{left + kWidth, y}, {left + kWidth + 5, y}}, kInk, 1);
    canvas.Text(left + kWidth + 9, y, TickLabel(visits, visits), 12, 0);
  }
  canvas.Text(left + kWidth / 2, top - 14, "visits", 12, 0.5);
}

void DrawMap(FigureCanvas& canvas, Frame frame, const EnvironmentSpec& spec,
             const std::vector<double>& visits, const std::string& title) {
  const double most =
      std::max(1.0, *std::max_element(visits.begin(), visits.end()));
  const std::string unit = spec.task == "point_mass" ? "cells" : "m";
  canvas.Fill(frame.left, frame.top, frame.width, frame.height, kUnreachable);
  canvas.Clip(frame.left, frame.top, frame.width, frame.height);
  DrawCells(canvas, frame, spec.coverage, visits, most);
  DrawTerrain(canvas, frame, spec);
  canvas.Unclip();
  DrawAxes(canvas, frame, absl::StrCat("x [", unit, "]"),
           absl::StrCat("y [", unit, "]"), false);
  canvas.Text(frame.left + frame.width / 2, frame.top - 16, title, 14, 0.5);
  DrawColorBar(canvas, frame.left + frame.width + 18, frame.top, frame.height,
               most);
}

std::string PercentText(double share) {
  return std::isfinite(share) ? absl::StrFormat("%.1f %%", 100 * share) : "?";
}

struct Curve {
  std::string key;
  std::string label;
  Color color;
  bool dashed = false;
};

std::vector<Point> CurvePoints(const std::vector<nlohmann::json>& metrics,
                               const std::string& key, double scale) {
  std::vector<Point> points;
  for (const nlohmann::json& line : metrics) {
    const double y = NumberOr(line, key, NAN);
    if (std::isfinite(y)) {
      points.emplace_back(NumberOr(line, "env_steps", 0), scale * y);
    }
  }
  return points;
}

// One panel: curves with a legend, its range from the data.
void DrawPanel(FigureCanvas& canvas, Frame frame,
               const std::vector<nlohmann::json>& metrics,
               const std::vector<Curve>& curves, double scale,
               const std::string& y_label, const std::string& title) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Curve& curve : curves) {
    for (const Point& point : CurvePoints(metrics, curve.key, scale)) {
      low = std::min(low, point.second);
      high = std::max(high, point.second);
    }
  }
  if (!(low <= high)) low = 0, high = 1;
  const double margin = std::max(0.08 * (high - low), 1e-3 * (1 + high));
  frame.y_low = low >= 0 && low < 0.5 * high ? 0 : low - margin;
  frame.y_high = high + margin;
  frame.x_low = 0;
  frame.x_high = std::max(1.0, 1.02 * NumberOr(metrics.back(), "env_steps", 1));
  DrawAxes(canvas, frame, "environment steps", y_label, true);
  canvas.Text(frame.left, frame.top - 16, title, 14, 0, kInk, true);
  double legend = frame.left + frame.width;
  for (auto curve = curves.rbegin(); curve != curves.rend(); ++curve) {
    const std::vector<Point> points = CurvePoints(metrics, curve->key, scale);
    if (points.empty()) continue;
    std::vector<Point> pixels;
    for (const Point& point : points) {
      pixels.emplace_back(frame.X(point.first), frame.Y(point.second));
    }
    canvas.Line(pixels, curve->color, 2, curve->dashed);
    if (pixels.size() < 60) {
      for (const Point& pixel : pixels) {
        canvas.Disc(pixel.first, pixel.second, 2.5, curve->color, curve->color);
      }
    }
    if (curves.size() == 1) continue;
    canvas.Text(legend, frame.top - 16, curve->label, 12, 1);
    // About 6.6 pixels per letter at this size.
    legend -= 6.6 * static_cast<double>(curve->label.size()) + 10;
    canvas.Line({{legend - 22, frame.top - 16}, {legend, frame.top - 16}},
                curve->color, 2.5, curve->dashed);
    legend -= 36;
  }
}

}  // namespace

absl::Status DrawCoverage(const std::string& run_name,
                          const EnvironmentSpec& spec,
                          const CoverageVisits& visits,
                          const nlohmann::json& metrics,
                          const std::string& path) {
  const size_t cells = spec.coverage.reachable.size();
  if (cells == 0 || spec.coverage.cell_size <= 0 ||
      cells != static_cast<size_t>(spec.coverage.nx) * spec.coverage.ny ||
      visits.in_epoch.size() != cells || visits.in_all.size() != cells) {
    return absl::DataLossError(
        "coverage: the visits do not match the environment's grid");
  }
  Frame frame;
  SetRange(spec, frame);
  // The longer side of the map takes so many pixels.
  constexpr double kSide = 520;
  const double x_range = frame.x_high - frame.x_low;
  const double y_range = frame.y_high - frame.y_low;
  frame.width = kSide * std::min(1.0, x_range / y_range);
  frame.height = kSide * std::min(1.0, y_range / x_range);
  frame.left = 75;
  frame.top = 92;
  const double pitch = frame.left + frame.width + 90;
  FigureCanvas canvas(static_cast<int>(2 * pitch + 10),
                      static_cast<int>(frame.top + frame.height + 62));
  canvas.Text(
      pitch, 28,
      absl::StrFormat("%s: %s in %s", run_name, spec.task, spec.terrain), 17,
      0.5, kInk, true);
  DrawMap(
      canvas, frame, spec, visits.in_epoch,
      absl::StrFormat("epoch %d: coverage %s, entropy %.2f nats", visits.epoch,
                      PercentText(NumberOr(metrics, "coverage", NAN)),
                      NumberOr(metrics, "entropy_nats", NAN)));
  frame.left += pitch;
  DrawMap(
      canvas, frame, spec, visits.in_all,
      absl::StrFormat("epochs 1 to %d: coverage %s", visits.epoch,
                      PercentText(NumberOr(metrics, "coverage_ever", NAN))));
  return canvas.WritePng(path);
}

absl::Status DrawCurves(const std::string& run_name,
                        const std::vector<nlohmann::json>& metrics,
                        const std::string& path) {
  if (metrics.empty()) {
    return absl::NotFoundError("metrics.jsonl: no finished epoch to draw");
  }
  constexpr double kPanelWidth = 470;
  constexpr double kPanelHeight = 300;
  constexpr double kPitch = kPanelWidth + 95;
  FigureCanvas canvas(static_cast<int>(3 * kPitch + 15), 460);
  canvas.Text(
      1.5 * kPitch, 26,
      absl::StrFormat("%s: %d epochs, %s environment steps", run_name,
                      metrics.size(),
                      FormatCount(NumberOr(metrics.back(), "env_steps", 0))),
      17, 0.5, kInk, true);
  Frame frame;
  frame.left = 75;
  frame.top = 92;
  frame.width = kPanelWidth;
  frame.height = kPanelHeight;
  DrawPanel(canvas, frame, metrics,
            {{"entropy_nats", "k-NN estimate", kBlue},
             {"grid_entropy_nats", "per cell", kGreen, true}},
            1, "nats", "State entropy");
  frame.left += kPitch;
  DrawPanel(canvas, frame, metrics,
            {{"coverage", "in the epoch", kBlue},
             {"coverage_ever", "so far", kOrange}},
            100, "% of reachable cells", "Coverage");
  frame.left += kPitch;
  DrawPanel(canvas, frame, metrics,
            {{"diversity_nats", "between agents", kBlue},
             {"diversity_null_nats", "dealt at random", kFaintInk, true}},
            1, "nats", "Diversity (Jensen-Shannon)");
  return canvas.WritePng(path);
}

}  // namespace kmyriad
