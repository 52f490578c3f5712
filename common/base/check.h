#ifndef KMYRIAD_COMMON_BASE_CHECK_H_
#define KMYRIAD_COMMON_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the process when an invariant of our own code is broken. Never for
// input from the network, a file, a flag or a user: that is a Status.
#define KMYRIAD_CHECK(condition)                                        \
  do {                                                                  \
    if (!(condition)) {                                                 \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__,   \
                   __LINE__, #condition);                               \
      std::abort();                                                     \
    }                                                                   \
  } while (false)

#endif  // KMYRIAD_COMMON_BASE_CHECK_H_
