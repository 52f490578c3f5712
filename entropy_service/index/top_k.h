#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_TOP_K_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_TOP_K_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// A neighbour as one integer whose order is the order by (squared distance,
// row): distances are not negative, so their bits order as they do.
inline uint64_t NeighborKey(float squared_distance, uint32_t row) {
  return (uint64_t{std::bit_cast<uint32_t>(squared_distance)} << 32) | row;
}
inline float KeyDistance(uint64_t key) {
  return std::bit_cast<float>(static_cast<uint32_t>(key >> 32));
}
inline uint32_t KeyRow(uint64_t key) { return static_cast<uint32_t>(key); }

// The k smallest keys of a stream of keys, each offered once. Keeps more than
// k for a while, so that a selection is paid once per k or so keys. Not
// thread-safe.
class TopK {
 public:
  // Forgets everything; k >= 1.
  void Reset(size_t k) {
    k_ = k;
    keys_.clear();
    worst_ = std::numeric_limits<uint64_t>::max();
  }

  // Keys above this are not among the k smallest.
  uint64_t worst() const { return worst_; }
  // The same for distances; +inf until k keys have come.
  float threshold() const {
    return worst_ == std::numeric_limits<uint64_t>::max()
               ? std::numeric_limits<float>::infinity()
               : KeyDistance(worst_);
  }

  void Offer(uint64_t key) {
    if (key > worst_) return;
    keys_.push_back(key);
    const bool first = worst_ == std::numeric_limits<uint64_t>::max();
    if (keys_.size() >= (first ? k_ : 2 * k_ + 16)) Select();
  }

  // The k smallest keys, ascending; fewer if fewer were offered.
  const std::vector<uint64_t>& Sorted() {
    if (keys_.size() > k_) Select();
    std::sort(keys_.begin(), keys_.end());
    return keys_;
  }
  // The k-th smallest key; k keys must have been offered.
  uint64_t Kth() {
    Select();
    return worst_;
  }

 private:
  void Select() {
    const auto kth = keys_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(keys_.begin(), kth, keys_.end());
    worst_ = *kth;
    keys_.resize(k_);
  }

  size_t k_ = 1;
  std::vector<uint64_t> keys_;
  uint64_t worst_ = std::numeric_limits<uint64_t>::max();
};

// Writes the keys of `nearest`, ascending, as neighbours; `ids` by row.
inline void WriteNeighbors(TopK& nearest, const std::vector<uint32_t>& ids,
                           Neighbor* out) {
  for (const uint64_t key : nearest.Sorted()) {
    *out++ = {ids[KeyRow(key)], KeyDistance(key)};
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_TOP_K_H_
