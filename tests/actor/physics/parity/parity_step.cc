#include "tests/actor/physics/parity/parity_step.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kmyriad {

void SortContacts(const std::vector<size_t>& rows_of, ParityStep* step) {
  const std::vector<ParityContact>& contacts = step->contacts;
  std::vector<size_t> order(contacts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) {
    return std::pair(contacts[i].geom1, contacts[i].geom2) <
           std::pair(contacts[j].geom1, contacts[j].geom2);
  });
  const ConstraintProblem& from = step->problem;
  const size_t contact_rows =
      std::accumulate(rows_of.begin(), rows_of.end(), size_t{0});
  std::vector<size_t> first(contacts.size());
  size_t row = from.rows() - contact_rows;
  std::vector<size_t> rows(row);
  std::iota(rows.begin(), rows.end(), size_t{0});
  for (size_t k = 0; k < contacts.size(); ++k) {
    first[k] = row;
    row += rows_of[k];
  }
  std::vector<ParityContact> sorted;
  for (const size_t k : order) {
    sorted.push_back(contacts[k]);
    for (size_t i = 0; i < rows_of[k]; ++i) rows.push_back(first[k] + i);
  }
  ConstraintProblem to = {from.dofs, from.mass, from.qfrc_smooth, {}, {},
                          {},        {}};
  for (const size_t i : rows) {
    const auto begin = from.jacobian.begin() + ptrdiff_t(i * from.dofs);
    to.jacobian.insert(to.jacobian.end(), begin, begin + ptrdiff_t(from.dofs));
    to.d.push_back(from.d[i]);
    to.r.push_back(from.r[i]);
    to.aref.push_back(from.aref[i]);
  }
  step->contacts = std::move(sorted);
  step->problem = std::move(to);
}

}  // namespace kmyriad
