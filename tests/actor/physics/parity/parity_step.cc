#include "tests/actor/physics/parity/parity_step.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kmyriad {

size_t LimitRows(const ParityStep& step) {
  const auto constraining =
      std::count_if(step.contacts.begin(), step.contacts.end(),
                    [](const ParityContact& c) { return c.constrains; });
  return step.problem.rows() -
         kRowsOfContact * static_cast<size_t>(constraining);
}

void SortContacts(ParityStep* step) {
  const std::vector<ParityContact>& contacts = step->contacts;
  std::vector<size_t> order(contacts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) {
    return std::pair(contacts[i].geom1, contacts[i].geom2) <
           std::pair(contacts[j].geom1, contacts[j].geom2);
  });
  const ConstraintProblem& from = step->problem;
  std::vector<size_t> rows(LimitRows(*step));
  std::iota(rows.begin(), rows.end(), size_t{0});
  std::vector<size_t> first(contacts.size());
  size_t row = rows.size();
  for (size_t k = 0; k < contacts.size(); ++k) {
    first[k] = row;
    if (contacts[k].constrains) row += kRowsOfContact;
  }
  std::vector<ParityContact> sorted;
  for (const size_t k : order) {
    sorted.push_back(contacts[k]);
    if (!contacts[k].constrains) continue;
    for (size_t i = 0; i < kRowsOfContact; ++i) rows.push_back(first[k] + i);
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
