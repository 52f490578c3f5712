#include "tests/actor/physics/parity/optimality.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kmyriad {
namespace {

using Numbers = std::vector<double>;

// Lower factor of a positive definite matrix, in place; the upper half is left.
void FactorCholesky(Numbers* matrix, size_t n) {
  Numbers& a = *matrix;
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
  }
}

// The squared norm of x in the inverse of the factored matrix: |L^-1 x|^2.
double InverseNormSquared(const Numbers& factor, Numbers x) {
  const size_t n = x.size();
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) x[i] -= factor[i * n + k] * x[k];
    x[i] /= factor[i * n + i];
    sum += x[i] * x[i];
  }
  return sum;
}

double Dot(const double* x, const double* y, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

OptimalityCertificate Certify(const ConstraintProblem& problem,
                              const std::vector<double>& qacc) {
  const size_t n = problem.dofs;
  Numbers factor = problem.mass;
  FactorCholesky(&factor, n);
  // The gradient of the smooth part, M a - qfrc_smooth: its norm in the
  // inverse of M is that of a - a_s in M.
  Numbers gradient(n);
  for (size_t i = 0; i < n; ++i) {
    gradient[i] =
        Dot(&problem.mass[i * n], qacc.data(), n) - problem.qfrc_smooth[i];
  }
  OptimalityCertificate certificate;
  certificate.cost = 0.5 * InverseNormSquared(factor, gradient);
  for (size_t row = 0; row < problem.rows(); ++row) {
    const double* jacobian = &problem.jacobian[row * n];
    const double violation =
        std::min(0.0, Dot(jacobian, qacc.data(), n) - problem.aref[row]);
    certificate.cost += 0.5 * problem.d[row] * violation * violation;
    for (size_t i = 0; i < n; ++i) {
      gradient[i] += problem.d[row] * violation * jacobian[i];
    }
  }
  const double squared = InverseNormSquared(factor, gradient);
  certificate.excess = 0.5 * squared;
  certificate.distance =
      std::sqrt(squared) /
      (1 + std::sqrt(InverseNormSquared(factor, problem.qfrc_smooth)));
  return certificate;
}

}  // namespace kmyriad
