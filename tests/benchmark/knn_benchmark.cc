#include "tests/benchmark/knn_benchmark.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numbers>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/math/philox.h"
#include "entropy_service/index/index_factory.h"
#include "tests/benchmark/cpu_clock.h"

#if defined(KMYRIAD_HAS_NANOFLANN)
#include <nanoflann.hpp>
#endif

namespace kmyriad {
namespace {

constexpr int kRepeats = 3;
constexpr uint32_t kWalkSteps = 400;

// Two independent numbers of the benchmark's data.
struct Draw {
  float uniform;
  float normal;
};

Draw DrawFor(uint64_t seed, uint32_t point, uint32_t dim) {
  const PhiloxBlock block =
      RunRandom(seed, RandomStream::kEvaluation, point, 0, dim, 0);
  const double radius = std::sqrt(-2 * std::log(UniformOpen(block.word[1])));
  const double angle = 2 * std::numbers::pi * UniformOpen(block.word[2]);
  return {UniformOpen(block.word[0]),
          static_cast<float>(radius * std::cos(angle))};
}

absl::StatusOr<std::vector<float>> ReadData(
    const KnnBenchmarkOptions& options) {
  std::vector<float> data(size_t{options.points} * options.dims);
  std::ifstream file(options.data, std::ios::binary);
  file.read(reinterpret_cast<char*>(data.data()),
            static_cast<std::streamsize>(data.size() * sizeof(float)));
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("data = ", options.data, ": cannot read ", options.points,
                     " points of ", options.dims, " float32 numbers from it"));
  }
  return data;
}

absl::StatusOr<std::vector<float>> MakeData(
    const KnnBenchmarkOptions& options) {
  if (options.data.find('/') != std::string::npos) return ReadData(options);
  std::vector<float> data(size_t{options.points} * options.dims);
  for (uint32_t i = 0; i < options.points; ++i) {
    for (uint32_t j = 0; j < options.dims; ++j) {
      const Draw draw = DrawFor(options.seed, i, j);
      float& value = data[size_t{i} * options.dims + j];
      if (options.data == "uniform") {
        value = draw.uniform;
      } else if (options.data == "gaussian") {
        value = draw.normal;
      } else if (options.data == "walk") {
        const float before =
            i % kWalkSteps == 0 ? 0.0f : data[(i - 1) * options.dims + j];
        value = before + 0.1f * draw.normal;
      } else {
        return absl::InvalidArgumentError(absl::StrCat(
            "data = ", options.data,
            ": use uniform, gaussian, walk or the path of a file"));
      }
    }
  }
  return data;
}

#if defined(KMYRIAD_HAS_NANOFLANN)
// Debian's libnanoflann-dev reads points through this.
struct PointCloud {
  const std::vector<float>& data;
  uint32_t dims;
  size_t kdtree_get_point_count() const { return data.size() / dims; }
  float kdtree_get_pt(size_t row, size_t dim) const {
    return data[row * dims + dim];
  }
  template <typename Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

// kDims = -1: at run time.
template <int kDims>
void TimeNanoflann(const KnnBenchmarkOptions& options,
                   const std::vector<float>& data,
                   const std::vector<float>& ours, ThreadPool& pool,
                   nlohmann::json& result) {
  using Tree = nanoflann::KDTreeSingleIndexAdaptor<
      nanoflann::L2_Simple_Adaptor<float, PointCloud>, PointCloud, kDims>;
  const double start = RealClock().MonotonicSeconds();
  const double cpu_start = ProcessCpuSeconds();
  const PointCloud cloud{data, options.dims};
  const Tree tree(static_cast<int>(options.dims), cloud);
  const double built = RealClock().MonotonicSeconds();
  const double cpu_built = ProcessCpuSeconds();
  constexpr size_t kTask = 512;
  const size_t batch = kTask * static_cast<size_t>(pool.threads()) * 4;
  std::vector<double> difference(options.points);
  size_t done = 0;
  double now = built;
  while (done < options.points && now - built < options.nanoflann_seconds) {
    const size_t end = std::min<size_t>(options.points, done + batch);
    pool.ParallelFor((end - done + kTask - 1) / kTask, [&](size_t task) {
      // One more, since a point finds itself.
      std::vector<uint32_t> rows(options.k + 1);
      std::vector<float> squares(options.k + 1);
      const size_t first = done + task * kTask;
      for (size_t i = first; i < std::min(end, first + kTask); ++i) {
        tree.knnSearch(&data[i * options.dims], options.k + 1, rows.data(),
                       squares.data());
        difference[i] = std::abs(squares[options.k] - ours[i]) /
                        std::max(ours[i], std::numeric_limits<float>::min());
      }
    });
    done = end;
    now = RealClock().MonotonicSeconds();
  }
  const double scale =
      static_cast<double>(options.points) / static_cast<double>(done);
  const double seconds = built - start + (now - built) * scale;
  result["nanoflann_package"] = "libnanoflann-dev";
  result["nanoflann_build_seconds"] = built - start;
  result["nanoflann_queries"] = done;
  result["nanoflann_query_order"] = "as generated";
  result["nanoflann_seconds"] = seconds;
  result["ratio"] = seconds / result["seconds"].get<double>();
  const double cpu_seconds =
      cpu_built - cpu_start + (ProcessCpuSeconds() - cpu_built) * scale;
  result["nanoflann_cpu_seconds"] = cpu_seconds;
  result["cpu_ratio"] = cpu_seconds / result["cpu_seconds"].get<double>();
  result["max_relative_difference"] =
      *std::max_element(difference.begin(), difference.end());
}

void CompareWithNanoflann(const KnnBenchmarkOptions& options,
                          const std::vector<float>& data,
                          const std::vector<float>& ours, ThreadPool& pool,
                          nlohmann::json& result) {
  switch (options.dims) {
    case 2:
      return TimeNanoflann<2>(options, data, ours, pool, result);
    case 3:
      return TimeNanoflann<3>(options, data, ours, pool, result);
    case 4:
      return TimeNanoflann<4>(options, data, ours, pool, result);
    case 7:
      return TimeNanoflann<7>(options, data, ours, pool, result);
    default:
      return TimeNanoflann<-1>(options, data, ours, pool, result);
  }
}
#else
void CompareWithNanoflann(const KnnBenchmarkOptions&, const std::vector<float>&,
                          const std::vector<float>&, ThreadPool&,
                          nlohmann::json& result) {
  result["nanoflann_package"] = nullptr;
}
#endif

}  // namespace

absl::StatusOr<nlohmann::json> RunKnnBenchmark(
    const KnnBenchmarkOptions& options) {
  if (options.points == 0 || options.points > kMaxIndexPoints ||
      options.dims == 0 || options.dims > kMaxIndexDims) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points = ", options.points, ", dims = ", options.dims, ": use 1 to ",
        kMaxIndexPoints, " points of 1 to ", kMaxIndexDims, " features"));
  }
  const uint32_t threads =
      options.threads > 0 ? options.threads
                          : std::max(1u, std::thread::hardware_concurrency());
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> data, MakeData(options));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  std::vector<uint32_t> ids(options.points);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(static_cast<int>(threads));
  std::vector<float> kth(options.points);
  nlohmann::json result;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const double start = RealClock().MonotonicSeconds();
    const double cpu_start = ProcessCpuSeconds();
    KMYRIAD_ASSIGN_OR_RETURN(
        const ChosenIndex chosen,
        CreateKnnIndex(options.engine, {data, ids, options.dims}, level, pool));
    const double built = RealClock().MonotonicSeconds();
    KMYRIAD_RETURN_IF_ERROR(chosen.index->KthSquaredDistances(
        options.k, pool, absl::MakeSpan(kth)));
    const double seconds = RealClock().MonotonicSeconds() - start;
    const double cpu_seconds = ProcessCpuSeconds() - cpu_start;
    if (repeat == 0 || cpu_seconds < result["cpu_seconds"].get<double>()) {
      result["cpu_seconds"] = cpu_seconds;
    }
    if (repeat > 0 && seconds >= result["seconds"].get<double>()) continue;
    result["engine"] = std::string(chosen.index->name());
    result["reason"] = chosen.reason;
    result["seconds"] = seconds;
    result["build_seconds"] = built - start;
    result["queries_per_second"] = options.points / seconds;
  }
  result["instruction_set"] = std::string(SimdLevelName(level));
  result["threads"] = threads;
  result["points"] = options.points;
  result["dims"] = options.dims;
  result["k"] = options.k;
  result["data"] = options.data;
  if (options.nanoflann_seconds > 0) {
    CompareWithNanoflann(options, data, kth, pool, result);
  }
  return result;
}

}  // namespace kmyriad
