#include "actor/physics/simd/box_grid.h"

#include <cmath>
#include <limits>
#include <random>

#include "actor/env/terrain_library.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

std::vector<uint32_t> AllThatMeet(const std::vector<StaticBox>& boxes,
                                  const double low[3], const double high[3]) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < boxes.size(); ++id) {
    bool meets = true;
    for (int i = 0; i < 3; ++i) {
      meets = meets && boxes[id].center[i] - boxes[id].half[i] <= high[i] &&
              low[i] <= boxes[id].center[i] + boxes[id].half[i];
    }
    if (meets) ids.push_back(id);
  }
  return ids;
}

// Regions anywhere, also outside the grid and with bounds on seams.
TEST(BoxGridTest, FindsWhatASearchThroughAllBoxesFinds) {
  std::mt19937_64 random(1);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53);
  };
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    const auto terrain = LoadTerrain(std::string(shipped.name), {});
    ASSERT_TRUE(terrain.ok()) << terrain.status();
    const BoxGrid grid(terrain->boxes);
    uint64_t found = 0;
    std::vector<uint32_t> ids;
    for (int n = 0; n < 250000; ++n) {
      double low[3], high[3];
      for (int i = 0; i < 3; ++i) {
        low[i] = i < 2 ? uniform(-16, 15) : uniform(-1, 3);
        if (n % 4 == 0) low[i] = std::round(4 * low[i]) / 4;
        high[i] = low[i] + (n % 8 == 0 ? 0.5 : uniform(0, 2));
      }
      grid.Find(low, high, &ids);
      ASSERT_EQ(ids, AllThatMeet(terrain->boxes, low, high));
      found += ids.size();
    }
    EXPECT_GT(found, 1000u) << shipped.name;
  }
}

TEST(BoxGridTest, EmptyTerrainsAndBadRegionsFindNothing) {
  const double low[3] = {-1, -1, -1}, high[3] = {1, 1, 1};
  std::vector<uint32_t> ids = {7};
  BoxGrid({}).Find(low, high, &ids);
  EXPECT_TRUE(ids.empty());
  StaticBox box;
  for (double& half : box.half) half = 1;
  const BoxGrid grid({box});
  grid.Find(low, high, &ids);
  EXPECT_EQ(ids, std::vector<uint32_t>{0});
  const double nan[3] = {std::numeric_limits<double>::quiet_NaN(), 0, 0};
  grid.Find(nan, high, &ids);
  EXPECT_TRUE(ids.empty());
  const double infinite[3] = {INFINITY, INFINITY, INFINITY};
  grid.Find(low, infinite, &ids);
  EXPECT_EQ(ids.size(), 1u);
}

}  // namespace
}  // namespace kmyriad
