#include "deploy/launcher/figure_canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cairo/cairo.h"

namespace kmyriad {

struct FigureCanvas::Impl {
  cairo_surface_t* surface = nullptr;
  cairo_t* cairo = nullptr;

  void SetColor(Color c) {
    cairo_set_source_rgba(cairo, c.red, c.green, c.blue, c.alpha);
  }
};

Color HeatColor(double share) {
  static constexpr std::array<Color, 7> kAnchors = {{{0.19, 0.11, 0.36, 1},
                                                     {0.20, 0.28, 0.56, 1},
                                                     {0.13, 0.45, 0.60, 1},
                                                     {0.10, 0.60, 0.57, 1},
                                                     {0.34, 0.74, 0.42, 1},
                                                     {0.69, 0.84, 0.26, 1},
                                                     {0.99, 0.91, 0.25, 1}}};
  const double place =
      std::clamp(share, 0.0, 1.0) * static_cast<double>(kAnchors.size() - 1);
  const size_t low = std::min(static_cast<size_t>(place), kAnchors.size() - 2);
  const double weight = place - static_cast<double>(low);
  const Color& a = kAnchors[low];
  const Color& b = kAnchors[low + 1];
  return {a.red + weight * (b.red - a.red),
          a.green + weight * (b.green - a.green),
          a.blue + weight * (b.blue - a.blue), 1};
}

std::vector<double> NiceTicks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low) || count < 1) return {low};
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = factor * power;
    if (step >= 0.7 * rough) break;
  }
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + 1e-9 * step; i += 1) {
    ticks.push_back(i * step);
  }
  return ticks;
}

std::string TickLabel(double value, double step) {
  if (std::fabs(value) < 1e-9 * std::fabs(step)) return "0";
  const double large = std::max(std::fabs(value), std::fabs(step));
  for (const auto& [unit, letter] :
       {std::pair(1e9, "G"), std::pair(1e6, "M"), std::pair(1e3, "k")}) {
    if (large >= unit) {
      return absl::StrCat(absl::StrFormat("%g", value / unit), letter);
    }
  }
  return absl::StrFormat("%g", value);
}

FigureCanvas::FigureCanvas(int width, int height)
    : impl_(std::make_unique<Impl>()) {
  impl_->surface =
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  impl_->cairo = cairo_create(impl_->surface);
  Fill(0, 0, width, height, kPaper);
}

FigureCanvas::~FigureCanvas() {
  cairo_destroy(impl_->cairo);
  cairo_surface_destroy(impl_->surface);
}

void FigureCanvas::Fill(double x, double y, double width, double height,
                        Color color) {
  impl_->SetColor(color);
  cairo_rectangle(impl_->cairo, x, y, width, height);
  cairo_fill(impl_->cairo);
}

void FigureCanvas::Outline(double x, double y, double width, double height,
                           Color color, double line_width) {
  impl_->SetColor(color);
  cairo_set_line_width(impl_->cairo, line_width);
  cairo_rectangle(impl_->cairo, x, y, width, height);
  cairo_stroke(impl_->cairo);
}

void FigureCanvas::Line(const std::vector<Point>& points, Color color,
                        double line_width, bool dashed) {
  if (points.size() < 2) return;
  impl_->SetColor(color);
  cairo_set_line_width(impl_->cairo, line_width);
  cairo_set_line_join(impl_->cairo, CAIRO_LINE_JOIN_ROUND);
  const std::array<double, 2> dash = {5, 4};
  if (dashed) cairo_set_dash(impl_->cairo, dash.data(), 2, 0);
  cairo_move_to(impl_->cairo, points[0].first, points[0].second);
  for (const Point& point : points) {
    cairo_line_to(impl_->cairo, point.first, point.second);
  }
  cairo_stroke(impl_->cairo);
  cairo_set_dash(impl_->cairo, nullptr, 0, 0);
}

void FigureCanvas::Disc(double x, double y, double radius, Color fill,
                        Color edge) {
  cairo_new_path(impl_->cairo);
  cairo_arc(impl_->cairo, x, y, radius, 0, 2 * M_PI);
  impl_->SetColor(fill);
  cairo_fill_preserve(impl_->cairo);
  impl_->SetColor(edge);
  cairo_set_line_width(impl_->cairo, 1.5);
  cairo_stroke(impl_->cairo);
}

void FigureCanvas::Star(double x, double y, double radius, Color fill,
                        Color edge) {
  cairo_new_path(impl_->cairo);
  for (int i = 0; i < 10; ++i) {
    const double r = i % 2 == 0 ? radius : 0.45 * radius;
    const double angle = -M_PI / 2 + i * M_PI / 5;
    cairo_line_to(impl_->cairo, x + r * std::cos(angle),
                  y + r * std::sin(angle));
  }
  cairo_close_path(impl_->cairo);
  impl_->SetColor(fill);
  cairo_fill_preserve(impl_->cairo);
  impl_->SetColor(edge);
  cairo_set_line_width(impl_->cairo, 1.2);
  cairo_stroke(impl_->cairo);
}

void FigureCanvas::Text(double x, double y, const std::string& text,
                        double size, double align, Color color, bool bold,
                        bool upward) {
  cairo_t* cairo = impl_->cairo;
  cairo_select_font_face(
      cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
      bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, size);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  impl_->SetColor(color);
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  if (upward) cairo_rotate(cairo, -M_PI / 2);
  // A third of the size is where the middle of digits lies above the baseline.
  cairo_move_to(cairo, -align * extents.x_advance, 0.36 * size);
  cairo_show_text(cairo, text.c_str());
  cairo_restore(cairo);
}

void FigureCanvas::Clip(double x, double y, double width, double height) {
  cairo_save(impl_->cairo);
  cairo_rectangle(impl_->cairo, x, y, width, height);
  cairo_clip(impl_->cairo);
}

void FigureCanvas::Unclip() { cairo_restore(impl_->cairo); }

absl::Status FigureCanvas::WritePng(const std::string& path) {
  const cairo_status_t status =
      cairo_surface_write_to_png(impl_->surface, path.c_str());
  if (status == CAIRO_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(path, ": ", cairo_status_to_string(status)));
}

}  // namespace kmyriad
