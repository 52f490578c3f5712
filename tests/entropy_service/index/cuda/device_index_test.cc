#include "entropy_service/index/cuda/device_index.h"

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/thread_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/knn_oracle.h"

namespace kmyriad {
namespace {

// The twin, with faults: memory that runs out, and views that are spoilt on
// their way to a kernel.
class FaultyDevice final : public KnnDevice {
 public:
  absl::StatusOr<void*> Allocate(size_t bytes) override {
    if (allocations_left == 0) {
      return absl::ResourceExhaustedError("no memory is left");
    }
    --allocations_left;
    auto memory = twin_->Allocate(bytes);
    if (memory.ok()) live.insert(*memory);
    return memory;
  }
  void Free(void* memory) override {
    EXPECT_EQ(live.erase(memory), 1u);
    twin_->Free(memory);
  }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return twin_->Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return twin_->Download(from, bytes, to);
  }
  absl::Status BuildCells(const CellViews& cells, uint64_t* codes,
                          const SortViews& sort) override {
    const absl::Status status = twin_->BuildCells(cells, codes, sort);
    if (spoil_cells) spoil_cells(cells);
    return status;
  }
  absl::Status SearchCells(const CellViews& cells, const QueryViews& queries,
                           const SortViews& sort,
                           const DevicePeriods& periods) override {
    return twin_->SearchCells(cells, queries, sort, periods);
  }
  absl::Status SearchBruteForce(const PointViews& points,
                                const QueryViews& queries,
                                const DevicePeriods& periods) override {
    PointViews spoilt = points;
    spoilt.count -= dropped_points;
    return twin_->SearchBruteForce(spoilt, queries, periods);
  }

  int allocations_left = 1000000;
  std::set<void*> live;
  std::function<void(const CellViews&)> spoil_cells;
  uint32_t dropped_points = 0;

 private:
  const std::unique_ptr<KnnDevice> twin_ = CreateTwinKnnDevice(false);
};

class DeviceIndexTest : public testing::Test {
 protected:
  // The first row whose neighbours are wrong; -1 if there is none.
  int64_t FirstWrong(DeviceEngine engine, const Points& points, uint32_t k) {
    const auto index = DeviceIndex::Create(engine, points.view(), device_);
    EXPECT_TRUE(index.ok()) << index.status();
    return FirstDifference(
        points, k, 1,
        [&](const std::vector<uint32_t>& rows, const NeighborQuery& query) {
          std::vector<Neighbor> found(rows.size() * query.k);
          EXPECT_TRUE(
              (*index)->Search(rows, query, pool_, absl::MakeSpan(found)).ok());
          return found;
        });
  }

  ThreadPool pool_{2};
  std::shared_ptr<FaultyDevice> device_ = std::make_shared<FaultyDevice>();
};

TEST_F(DeviceIndexTest, ADroppedTileIsFoundOut) {
  const Points points = DataSets(500, 5)[0].second;
  EXPECT_EQ(FirstWrong(DeviceEngine::kBruteForce, points, 4), -1);
  device_->dropped_points = 128;
  EXPECT_NE(FirstWrong(DeviceEngine::kBruteForce, points, 4), -1);
}

TEST_F(DeviceIndexTest, ADroppedCellIsFoundOut) {
  const Points points = DataSets(500, 2)[0].second;
  EXPECT_EQ(FirstWrong(DeviceEngine::kGrid, points, 4), -1);
  device_->spoil_cells = [](const CellViews& cells) {
    for (float& low : cells.nodes[cells.first_leaf + 3].low) low = HUGE_VALF;
  };
  EXPECT_NE(FirstWrong(DeviceEngine::kGrid, points, 4), -1);
}

// Boxes that say that their rows come late lose ties to points with larger
// ids.
TEST_F(DeviceIndexTest, AWrongOrderOfTiesIsFoundOut) {
  const Points points = MakePoints(500, 2, [](uint32_t i, uint32_t j) {
    return std::floor(Uniform(i, j) * 3);
  });
  EXPECT_EQ(FirstWrong(DeviceEngine::kGrid, points, 4), -1);
  device_->spoil_cells = [](const CellViews& cells) {
    for (uint32_t i = 1; i < 2 * cells.first_leaf; ++i) {
      cells.nodes[i].min_row = cells.nodes[i].max_row;
    }
  };
  EXPECT_NE(FirstWrong(DeviceEngine::kGrid, points, 4), -1);
}

TEST_F(DeviceIndexTest, MemoryThatRunsOutIsAStatusAndLeavesNothingBehind) {
  Points points = DataSets(300, 2)[0].second;
  points.particles_per_agent = 90;
  for (const DeviceEngine engine :
       {DeviceEngine::kGrid, DeviceEngine::kBruteForce}) {
    int failures = 0;
    for (int allocations = 0;; ++allocations) {
      device_->allocations_left = allocations;
      absl::Status status;
      {
        const auto index = DeviceIndex::Create(engine, points.view(), device_);
        status = index.status();
        NeighborQuery query(3);
        query.scope = NeighborScope::kOwnAgent;
        std::vector<Neighbor> found(3);
        if (status.ok()) {
          status = (*index)->Search({7}, query, pool_, absl::MakeSpan(found));
        }
      }
      EXPECT_TRUE(device_->live.empty());
      if (status.ok()) break;
      ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
      ++failures;
    }
    EXPECT_GE(failures, engine == DeviceEngine::kGrid ? 20 : 4);
  }
}

TEST_F(DeviceIndexTest, ASearchIsCancelled) {
  const Points points = DataSets(300, 2)[0].second;
  const auto index =
      DeviceIndex::Create(DeviceEngine::kGrid, points.view(), device_);
  ASSERT_TRUE(index.ok());
  const std::atomic<bool> cancelled = true;
  std::vector<float> kth(300);
  EXPECT_EQ(
      (*index)
          ->KthSquaredDistances(2, {pool_, &cancelled}, absl::MakeSpan(kth))
          .code(),
      absl::StatusCode::kCancelled);
  std::vector<Neighbor> found(2);
  EXPECT_EQ((*index)
                ->Search({1}, 2, {pool_, &cancelled}, absl::MakeSpan(found))
                .code(),
            absl::StatusCode::kCancelled);
}

TEST_F(DeviceIndexTest, WhatTheGridDoesNotTakeIsRefused) {
  const Points points = DataSets(50, 4)[0].second;
  const absl::Status status =
      DeviceIndex::Create(DeviceEngine::kGrid, points.view(), device_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("use cuda_brute_force"));
  EXPECT_TRUE(
      DeviceIndex::Create(DeviceEngine::kBruteForce, points.view(), device_)
          .ok());
  Points none;
  none.dims = 2;
  EXPECT_TRUE(
      DeviceIndex::Create(DeviceEngine::kGrid, none.view(), device_).ok());
}

}  // namespace
}  // namespace kmyriad
