#include "actor/env/reachable_area.h"

#include <cmath>
#include <limits>
#include <queue>
#include <utility>

namespace kmyriad {
namespace {

constexpr float kUnreached = std::numeric_limits<float>::infinity();

}  // namespace

ReachableArea::ReachableArea(const Raster& raster,
                             const std::function<bool(double, double)>& is_free,
                             double clearance, double start_x, double start_y)
    : raster_(raster), distance_(size_t{raster.nx} * raster.ny, kUnreached) {
  const std::vector<uint8_t> free = Erode(is_free, clearance);
  const int64_t start = CellOf(start_x, start_y);
  if (start >= 0 && free[start] != 0) Flood(free, start);
}

std::vector<uint8_t> ReachableArea::Erode(
    const std::function<bool(double, double)>& is_free,
    double clearance) const {
  const int64_t nx = raster_.nx;
  const int64_t ny = raster_.ny;
  // A rim of blocked cells stands for everything outside the raster.
  const double radius = clearance / raster_.resolution;
  const auto rim = static_cast<int64_t>(radius + 1e-9) + 1;
  const int64_t stride = nx + 2 * rim;
  std::vector<uint8_t> open(static_cast<size_t>(stride * (ny + 2 * rim)), 0);
  for (int64_t j = 0; j < ny; ++j) {
    for (int64_t i = 0; i < nx; ++i) {
      const double x =
          raster_.x_min + (static_cast<double>(i) + 0.5) * raster_.resolution;
      const double y =
          raster_.y_min + (static_cast<double>(j) + 0.5) * raster_.resolution;
      open[(j + rim) * stride + i + rim] = is_free(x, y);
    }
  }
  std::vector<int64_t> disc;
  for (int64_t b = -rim; b <= rim; ++b) {
    for (int64_t a = -rim; a <= rim; ++a) {
      const auto square = static_cast<double>(a * a + b * b);
      if (square <= radius * radius + 1e-9) disc.push_back(b * stride + a);
    }
  }
  std::vector<uint8_t> kept(static_cast<size_t>(nx * ny), 1);
  for (int64_t j = 0; j < ny; ++j) {
    for (int64_t i = 0; i < nx; ++i) {
      const int64_t centre = (j + rim) * stride + i + rim;
      for (const int64_t offset : disc) {
        if (open[centre + offset] == 0) kept[j * nx + i] = 0;
      }
    }
  }
  return kept;
}

void ReachableArea::Flood(const std::vector<uint8_t>& free, int64_t start) {
  const int64_t nx = raster_.nx;
  const int64_t ny = raster_.ny;
  const auto is_open = [&](int64_t i, int64_t j) {
    return i >= 0 && j >= 0 && i < nx && j < ny && free[j * nx + i] != 0;
  };
  const auto straight = static_cast<float>(raster_.resolution);
  const auto diagonal = static_cast<float>(raster_.resolution * std::sqrt(2.0));
  using Entry = std::pair<float, int64_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> frontier;
  distance_[start] = 0;
  frontier.emplace(0.0f, start);
  while (!frontier.empty()) {
    const auto [distance, cell] = frontier.top();
    frontier.pop();
    if (distance > distance_[cell]) continue;
    const int64_t i = cell % nx;
    const int64_t j = cell / nx;
    for (int64_t b = -1; b <= 1; ++b) {
      for (int64_t a = -1; a <= 1; ++a) {
        if ((a == 0 && b == 0) || !is_open(i + a, j + b)) continue;
        if (!is_open(i + a, j) && !is_open(i, j + b)) continue;
        const int64_t next = (j + b) * nx + i + a;
        const float length =
            distance + (a != 0 && b != 0 ? diagonal : straight);
        if (length < distance_[next]) {
          distance_[next] = length;
          frontier.emplace(length, next);
        }
      }
    }
  }
}

double ReachableArea::area() const {
  uint64_t cells = 0;
  for (const float distance : distance_) cells += distance < kUnreached;
  return static_cast<double>(cells) * raster_.resolution * raster_.resolution;
}

double ReachableArea::Distance(double x, double y) const {
  const int64_t cell = CellOf(x, y);
  return cell < 0 ? std::numeric_limits<double>::infinity()
                  : static_cast<double>(distance_[cell]);
}

bool ReachableArea::Contains(double x, double y) const {
  const int64_t cell = CellOf(x, y);
  return cell >= 0 && distance_[cell] < kUnreached;
}

int64_t ReachableArea::CellOf(double x, double y) const {
  const double i = std::floor((x - raster_.x_min) / raster_.resolution);
  const double j = std::floor((y - raster_.y_min) / raster_.resolution);
  if (!(i >= 0 && j >= 0 && i < raster_.nx && j < raster_.ny)) return -1;
  return static_cast<int64_t>(j) * raster_.nx + static_cast<int64_t>(i);
}

}  // namespace kmyriad
