#include "actor/physics/simd/box_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kmyriad {
namespace {

constexpr uint32_t kMaxCells = 64;  // per side

bool Meets(const StaticBox& box, const double low[3], const double high[3]) {
  for (int i = 0; i < 3; ++i) {
    if (!(box.center[i] - box.half[i] <= high[i] &&
          low[i] <= box.center[i] + box.half[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace

BoxGrid::BoxGrid(std::vector<StaticBox> boxes, double cell)
    : boxes_(std::move(boxes)) {
  for (int i = 0; i < 2 && !boxes_.empty(); ++i) {
    double low = boxes_[0].center[i], high = low;
    for (const StaticBox& box : boxes_) {
      low = std::min(low, box.center[i] - box.half[i]);
      high = std::max(high, box.center[i] + box.half[i]);
    }
    origin_[i] = low;
    const double wanted = std::ceil((high - low) / cell);
    cells_[i] = static_cast<uint32_t>(
        std::clamp(wanted, 1.0, static_cast<double>(kMaxCells)));
    cell_[i] = std::max(cell, (high - low) / cells_[i]);
  }
  std::vector<std::vector<uint32_t>> lists(cells_[0] * cells_[1]);
  for (uint32_t id = 0; id < boxes_.size(); ++id) {
    const StaticBox& box = boxes_[id];
    const uint32_t x_end = CellOf(box.center[0] + box.half[0], 0);
    const uint32_t y_end = CellOf(box.center[1] + box.half[1], 1);
    for (uint32_t y = CellOf(box.center[1] - box.half[1], 1); y <= y_end; ++y) {
      for (uint32_t x = CellOf(box.center[0] - box.half[0], 0); x <= x_end;
           ++x) {
        lists[y * cells_[0] + x].push_back(id);
      }
    }
  }
  first_.push_back(0);
  for (const std::vector<uint32_t>& list : lists) {
    ids_.insert(ids_.end(), list.begin(), list.end());
    first_.push_back(static_cast<uint32_t>(ids_.size()));
  }
}

uint32_t BoxGrid::CellOf(double x, int axis) const {
  const double cell = std::floor((x - origin_[axis]) / cell_[axis]);
  return static_cast<uint32_t>(std::clamp(cell, 0.0, cells_[axis] - 1.0));
}

void BoxGrid::Find(const double low[3], const double high[3],
                   std::vector<uint32_t>* ids) const {
  ids->clear();
  for (int i = 0; i < 3; ++i) {
    if (!(low[i] <= high[i])) return;
  }
  // Cells are monotonous in the coordinate, so a box that meets the region
  // shares a cell with it.
  const uint32_t x_end = CellOf(high[0], 0), y_end = CellOf(high[1], 1);
  for (uint32_t y = CellOf(low[1], 1); y <= y_end; ++y) {
    for (uint32_t x = CellOf(low[0], 0); x <= x_end; ++x) {
      const uint32_t cell = y * cells_[0] + x;
      for (uint32_t k = first_[cell]; k < first_[cell + 1]; ++k) {
        if (Meets(boxes_[ids_[k]], low, high)) ids->push_back(ids_[k]);
      }
    }
  }
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace kmyriad
