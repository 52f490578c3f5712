// Sorting and building of the CUDA grid, by its host twin.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "common/device/block.h"
#include "entropy_service/index/cuda/cell_build_kernels.h"
#include "entropy_service/index/cuda/radix_sort_kernels.h"
#include "gtest/gtest.h"
#include "tests/conformance/knn_oracle.h"

namespace kmyriad {
namespace {

// Working memory of a sort, on the host.
struct SortBuffers {
  explicit SortBuffers(uint32_t count)
      : keys{std::vector<uint64_t>(count), std::vector<uint64_t>(count)},
        values{std::vector<uint32_t>(count), std::vector<uint32_t>(count)},
        counts(size_t{RadixBlocks(count)} * kRadixDigits) {}
  SortViews views() {
    return {{keys[0].data(), keys[1].data()},
            {values[0].data(), values[1].data()},
            counts.data()};
  }

  std::vector<uint64_t> keys[2];
  std::vector<uint32_t> values[2];
  std::vector<uint32_t> counts;
};

uint64_t RandomKey(uint32_t i) {
  const auto block = RunRandom(3, RandomStream::kEvaluation, i, 0, 0, 0);
  return (uint64_t{block.word[0]} << 32) | block.word[1];
}

TEST(RadixSortTest, SortsStablyByTheBitsThatItIsGiven) {
  for (const uint32_t count : {1u, 15u, 2047u, 2048u, 2049u, 30000u}) {
    for (const uint32_t bits : {4u, 6u, 32u, 64u}) {
      // What is above the last digit does not count; few digits give ties.
      const uint64_t mask =
          bits == 64 ? ~uint64_t{0} : (uint64_t{1} << (bits + 3) / 4 * 4) - 1;
      for (const bool reversed : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << count << " keys, " << bits << " bits, " << reversed);
        SortBuffers buffers(count);
        std::vector<std::pair<uint64_t, uint32_t>> expected;
        for (uint32_t i = 0; i < count; ++i) {
          buffers.keys[0][i] = RandomKey(i);
          buffers.values[0][i] = i;
          expected.emplace_back(RandomKey(i), i);
        }
        std::stable_sort(expected.begin(), expected.end(),
                         [&](const auto& a, const auto& b) {
                           return (a.first & mask) < (b.first & mask);
                         });
        SortViews views = buffers.views();
        TwinStream stream(reversed);
        SortPairsOn(stream, count, bits, views);
        for (uint32_t i = 0; i < count; ++i) {
          ASSERT_EQ(views.keys[views.result][i], expected[i].first) << i;
          ASSERT_EQ(views.values[views.result][i], expected[i].second) << i;
        }
      }
    }
  }
}

// A grid on the host.
struct Cells {
  explicit Cells(const Points& points) {
    const auto count = static_cast<uint32_t>(points.size());
    padded.resize(size_t{count} * kCellPointFloats);
    for (size_t i = 0; i < points.coordinates.size(); ++i) {
      padded[i / points.dims * kCellPointFloats + i % points.dims] =
          points.coordinates[i];
    }
    views.count = count;
    views.dims = points.dims;
    views.first_leaf = 1;
    while (views.first_leaf * kCellPlaces < count) views.first_leaf *= 2;
    placed.resize(padded.size());
    rows.resize(count);
    places.resize(count);
    nodes.resize(size_t{2} * views.first_leaf);
    views.points = padded.data();
    views.placed = placed.data();
    views.rows = rows.data();
    views.places = places.data();
    views.nodes = nodes.data();
    SortBuffers sort(count);
    std::vector<uint64_t> codes(count);
    TwinStream stream;
    BuildCellsOn(stream, views, codes.data(), sort.views());
  }

  CellViews views;
  std::vector<float> padded;
  std::vector<float> placed;
  std::vector<uint32_t> rows;
  std::vector<uint32_t> places;
  std::vector<CellNode> nodes;
};

TEST(CellsTest, EveryPointHasOnePlaceAndLiesInEveryBoxAboveIt) {
  for (const uint32_t dims : {1u, 2u, 3u}) {
    for (const uint32_t count : {1u, 33u, 900u}) {
      for (const auto& [name, points] : DataSets(count, dims)) {
        SCOPED_TRACE(testing::Message() << name << ", d = " << dims);
        const Cells cells(points);
        for (uint32_t place = 0; place < count; ++place) {
          const uint32_t row = cells.rows[place];
          ASSERT_LT(row, count);
          ASSERT_EQ(cells.places[row], place);
          const float* point = &cells.placed[place * kCellPointFloats];
          for (uint32_t node = cells.views.first_leaf + place / kCellPlaces;
               node > 0; node /= 2) {
            const CellNode& box = cells.nodes[node];
            ASSERT_TRUE(box.min_row <= row && row <= box.max_row);
            for (uint32_t j = 0; j < kGridMaxDims; ++j) {
              const float value =
                  j < dims ? points.coordinates[row * dims + j] : 0;
              ASSERT_EQ(point[j], value);
              ASSERT_TRUE(box.low[j] <= value && value <= box.high[j]);
            }
          }
        }
      }
    }
  }
}

// Why ranks, and not coordinates, are put along the curve: one outlier or
// strong skew must not throw all points into one cell.
TEST(CellsTest, CellsStaySmallWhateverTheSkew) {
  const auto mean_area = [](const Points& points) {
    const Cells cells(points);
    double sum = 0;
    const uint32_t used = (cells.views.count + kCellPlaces - 1) / kCellPlaces;
    for (uint32_t cell = 0; cell < used; ++cell) {
      const CellNode& box = cells.nodes[cells.views.first_leaf + cell];
      // The outlier's own cell is large.
      if (box.high[0] > 1) continue;
      sum +=
          double{box.high[0] - box.low[0]} * double{box.high[1] - box.low[1]};
    }
    return sum / used;
  };
  const double plain = mean_area(MakePoints(
      4096, 2, [](uint32_t i, uint32_t j) { return Uniform(i, j); }));
  const double outlier =
      mean_area(MakePoints(4096, 2, [](uint32_t i, uint32_t j) {
        return i == 17 ? 1e6f : Uniform(i, j);
      }));
  // 128 cells; boxes of runs of the curve overlap.
  EXPECT_LT(plain, 3.0 / 128);
  EXPECT_LT(outlier, 1.2 * plain);
}

}  // namespace
}  // namespace kmyriad
