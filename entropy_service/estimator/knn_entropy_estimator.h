#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_KNN_ENTROPY_ESTIMATOR_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_KNN_ENTROPY_ESTIMATOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace kmyriad {

// The Kozachenko-Leonenko estimate of differential entropy, nats:
//
//   H = psi(N) - psi(k) + mean_i ln V_i,   V_i = c_d rho_i^d,
//
// where rho_i is the distance of particle i to its k-th nearest other
// particle, floored, and c_d the volume of the unit ball. Unbiased where the
// density is constant over the balls (Kozachenko and Leonenko, Problems of
// Information Transmission 23, 1987; psi(N) in place of ln N makes it so for
// finite N). Pure functions, the same bits on every machine.

// psi(n) for n >= 1, to about 1e-15.
double Digamma(uint64_t n);

// ln c_d, the volume of the d-dimensional unit ball, d >= 1.
double LogUnitBallVolume(uint32_t dims);

// The estimate from the mean of ln V_i over `count` > k particles.
double KnnEntropy(uint64_t count, uint32_t k, double mean_log_volume);

// ln V_i from squared distances: out [squared_distances.size()]. Distances
// below `floor` (> 0, feature units) are raised to it; returns how many were.
size_t LogVolumes(absl::Span<const float> squared_distances, uint32_t dims,
                  float floor, absl::Span<double> out);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_KNN_ENTROPY_ESTIMATOR_H_
