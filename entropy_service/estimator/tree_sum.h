#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_TREE_SUM_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_TREE_SUM_H_

#include <cstddef>

namespace kmyriad {

// Sum of value(i) for i in [first, last) in a fixed order: runs of 128 one
// after the other, then halves pairwise. The error grows with log(last -
// first), and the bits depend on nothing but the values.
template <typename Value>
double TreeSum(size_t first, size_t last, const Value& value) {
  constexpr size_t kRun = 128;
  if (last - first <= kRun) {
    double sum = 0;
    for (size_t i = first; i < last; ++i) sum += value(i);
    return sum;
  }
  // The left half is a whole number of runs.
  const size_t runs = (last - first + kRun - 1) / kRun;
  const size_t middle = first + runs / 2 * kRun;
  return TreeSum(first, middle, value) + TreeSum(middle, last, value);
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_TREE_SUM_H_
