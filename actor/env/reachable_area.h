#ifndef KMYRIAD_ACTOR_ENV_REACHABLE_AREA_H_
#define KMYRIAD_ACTOR_ENV_REACHABLE_AREA_H_

#include <cstdint>
#include <functional>
#include <vector>

namespace kmyriad {

// Where a robot can get to from the start, on a raster: free space eroded by
// the robot's clearance, then the connected part that holds the start, with
// shortest distances (reference/method.md 6).
class ReachableArea {
 public:
  struct Raster {
    double x_min = 0, y_min = 0;
    double resolution = 0;  // side of a raster cell
    uint32_t nx = 0, ny = 0;
  };

  // `is_free(x, y)` is asked at the centres of the raster cells; everything
  // outside the raster counts as blocked. A cell is kept if every blocked
  // cell's centre is farther than `clearance` from its own. Moves go to the
  // eight neighbours, but not between two blocked ones.
  ReachableArea(const Raster& raster,
                const std::function<bool(double, double)>& is_free,
                double clearance, double start_x, double start_y);

  // Square units that can be reached.
  double area() const;
  // Geodesic distance from the start; infinite where one cannot get to.
  double Distance(double x, double y) const;
  bool Contains(double x, double y) const;

 private:
  // Index of the cell that holds a point, or -1.
  int64_t CellOf(double x, double y) const;
  std::vector<uint8_t> Erode(const std::function<bool(double, double)>& is_free,
                             double clearance) const;
  void Flood(const std::vector<uint8_t>& free, int64_t start);

  Raster raster_;
  std::vector<float> distance_;  // [ny, nx]
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_REACHABLE_AREA_H_
