#include "deploy/launcher/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairo/cairo.h"
#include "deploy/launcher/figure_canvas.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;

// Pixels of a PNG file.
class Picture {
 public:
  explicit Picture(const std::string& path)
      : surface_(cairo_image_surface_create_from_png(path.c_str())) {}
  ~Picture() { cairo_surface_destroy(surface_); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }
  int Count(Color color) const {
    int count = 0;
    const unsigned char* data = cairo_image_surface_get_data(surface_);
    for (int y = 0; y < height(); ++y) {
      for (int x = 0; x < width(); ++x) {
        const unsigned char* pixel =
            data + y * cairo_image_surface_get_stride(surface_) + 4 * x;
        if (std::abs(pixel[0] - 255 * color.blue) < 2 &&
            std::abs(pixel[1] - 255 * color.green) < 2 &&
            std::abs(pixel[2] - 255 * color.red) < 2) {
          ++count;
        }
      }
    }
    return count;
  }

 private:
  cairo_surface_t* surface_;
};

EnvironmentSpec SmallArena() {
  EnvironmentSpec spec;
  spec.task = "point_mass";
  spec.terrain = "maze";
  spec.coverage = {0, 0, 1, 4, 3, std::vector<uint8_t>(12, 1)};
  spec.coverage.reachable[5] = 0;
  spec.boxes = {{{1.5f, 1.5f, 0.5f}, {0.5f, 0.5f, 0.5f}}};
  spec.goals = {{"far", 3.5f, 2.5f, 4}};
  spec.start_x = spec.start_y = 0.5f;
  return spec;
}

TEST(FiguresTest, TicksAreRoundAndInside) {
  EXPECT_THAT(NiceTicks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_EQ(NiceTicks(0.13, 0.97, 4).size(), 4u);
  EXPECT_THAT(NiceTicks(3, 3, 5), ElementsAre(3));
  EXPECT_EQ(TickLabel(4e6, 1e6), "4M");
  EXPECT_EQ(TickLabel(20000, 5000), "20k");
  EXPECT_EQ(TickLabel(0.5, 0.5), "0.5");
  EXPECT_EQ(TickLabel(0, 0.5), "0");
}

TEST(FiguresTest, HeatRisesInLightness) {
  double before = -1;
  for (double share = 0; share <= 1; share += 0.05) {
    const Color c = HeatColor(share);
    const double light = 0.3 * c.red + 0.59 * c.green + 0.11 * c.blue;
    EXPECT_GT(light, before) << share;
    before = light;
  }
}

TEST(FiguresTest, MapShowsVisitsInTheirColours) {
  TempDir dir;
  CoverageVisits visits;
  visits.epoch = 7;
  visits.in_epoch = std::vector<double>(12, 0);
  visits.in_epoch[0] = 100;
  visits.in_all = visits.in_epoch;
  visits.in_all[3] = 100;
  const std::string path = dir.File("coverage.png");
  ASSERT_THAT(DrawCoverage("demo", SmallArena(), visits,
                           {{"coverage", 0.1}, {"entropy_nats", 3}}, path),
              IsOk());
  const Picture picture(path);
  EXPECT_GT(picture.width(), picture.height());
  // A cell takes 130 x 130 pixels; three cells with the most visits.
  const int most = picture.Count(HeatColor(1));
  EXPECT_GT(most, 3 * 100 * 100);
  EXPECT_LT(most, 4 * 130 * 130);
}

TEST(FiguresTest, VisitsOfAnotherGridAreRefused) {
  TempDir dir;
  CoverageVisits visits;
  visits.in_epoch = visits.in_all = std::vector<double>(11, 0);
  EXPECT_THAT(DrawCoverage("demo", SmallArena(), visits, {}, dir.File("x.png")),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FiguresTest, CurvesAreDrawnAlsoFromHolesAndConstants) {
  TempDir dir;
  std::vector<nlohmann::json> metrics;
  for (int i = 1; i <= 5; ++i) {
    nlohmann::json line = {{"epoch", i},
                           {"env_steps", 1000 * i},
                           {"coverage", 0.5},
                           {"diversity_null_nats", nullptr}};
    if (i != 3) line["entropy_nats"] = -1.0 + 0.1 * i;
    metrics.push_back(line);
  }
  const std::string path = dir.File("curves.png");
  ASSERT_THAT(DrawCurves("demo", metrics, path), IsOk());
  EXPECT_GT(Picture(path).Count({0.12, 0.40, 0.70, 1}), 500);
  EXPECT_THAT(DrawCurves("demo", {}, path),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(DrawCurves("demo", metrics, "/nowhere/x.png"),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace kmyriad
