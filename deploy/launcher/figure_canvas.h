#ifndef KMYRIAD_DEPLOY_LAUNCHER_FIGURE_CANVAS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_FIGURE_CANVAS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace kmyriad {

struct Color {
  double red = 0;
  double green = 0;
  double blue = 0;
  double alpha = 1;
};

inline constexpr Color kInk = {0.13, 0.15, 0.18, 1};
inline constexpr Color kFaintInk = {0.45, 0.48, 0.52, 1};
inline constexpr Color kPaper = {1, 1, 1, 1};

// Colour of a share in [0, 1]: dark blue over green to yellow, rising in
// lightness, so that it also reads in grey and by the colour-blind.
Color HeatColor(double share);

// Round numbers in [low, high], about `count` of them.
std::vector<double> NiceTicks(double low, double high, int count);
// Short label of a tick among ticks that are `step` apart: "0.5", "20", "4M".
std::string TickLabel(double value, double step);

// A picture to draw on, in pixels from the upper left corner (cairo inside).
// Not thread-safe.
class FigureCanvas {
 public:
  using Point = std::pair<double, double>;

  FigureCanvas(int width, int height);
  ~FigureCanvas();

  void Fill(double x, double y, double width, double height, Color color);
  void Outline(double x, double y, double width, double height, Color color,
               double line_width);
  void Line(const std::vector<Point>& points, Color color, double line_width,
            bool dashed = false);
  void Disc(double x, double y, double radius, Color fill, Color edge);
  void Star(double x, double y, double radius, Color fill, Color edge);
  // `align` 0: starts at x, 0.5: centred, 1: ends at x. The vertical middle of
  // the text is y. `upward` turns it by 90 degrees.
  void Text(double x, double y, const std::string& text, double size,
            double align, Color color = kInk, bool bold = false,
            bool upward = false);
  // Until Unclip, nothing outside is drawn.
  void Clip(double x, double y, double width, double height);
  void Unclip();

  // INTERNAL if it cannot be written.
  absl::Status WritePng(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_FIGURE_CANVAS_H_
