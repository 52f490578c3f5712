#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_GRID_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_GRID_H_

#include <cstdint>
#include <vector>

#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The boxes of a terrain in a uniform grid over x and y, shared by all
// environments. Constant once made; thread-safe.
class BoxGrid {
 public:
  // Cells have a side of at least `cell` metres, and there are at most 64 x 64
  // of them: memory is bounded by 4096 entries per box. Boxes are finite, with
  // half sizes that are not negative.
  explicit BoxGrid(std::vector<StaticBox> boxes, double cell = 1.5);

  // Replaces *ids with the boxes that meet the axis-aligned region
  // [low, high] (metres; touching counts), each once, in ascending order: the
  // same as a search through all boxes. Empty if a bound is NaN.
  void Find(const double low[3], const double high[3],
            std::vector<uint32_t>* ids) const;

  const std::vector<StaticBox>& boxes() const { return boxes_; }

 private:
  // Column or row of a coordinate, cut to the grid.
  uint32_t CellOf(double x, int axis) const;

  const std::vector<StaticBox> boxes_;
  double origin_[2] = {0, 0};
  double cell_[2] = {1, 1};
  uint32_t cells_[2] = {1, 1};
  // Boxes of cell c: ids_[first_[c]] up to ids_[first_[c + 1]], ascending.
  std::vector<uint32_t> first_, ids_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_BOX_GRID_H_
