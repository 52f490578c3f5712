#ifndef KMYRIAD_COMMON_BASE_STATUS_MACROS_H_
#define KMYRIAD_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the current function with the status of `expr` unless it is OK.
#define KMYRIAD_RETURN_IF_ERROR(expr)                  \
  do {                                                 \
    if (auto kmyriad_status = (expr); !kmyriad_status.ok()) \
      return kmyriad_status;                           \
  } while (false)

#define KMYRIAD_CONCAT_INNER_(a, b) a##b
#define KMYRIAD_CONCAT_(a, b) KMYRIAD_CONCAT_INNER_(a, b)

// Evaluates `expr`, a StatusOr, once: returns its status on failure, otherwise
// assigns its value to `lhs`, which may declare a variable.
#define KMYRIAD_ASSIGN_OR_RETURN(lhs, expr) \
  KMYRIAD_ASSIGN_OR_RETURN_IMPL_(           \
      KMYRIAD_CONCAT_(kmyriad_or_, __LINE__), lhs, expr)

#define KMYRIAD_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                   \
  if (!tmp.ok()) return std::move(tmp).status();       \
  lhs = std::move(tmp).value()

#endif  // KMYRIAD_COMMON_BASE_STATUS_MACROS_H_
