#ifndef KMYRIAD_TESTS_BENCHMARK_CPU_CLOCK_H_
#define KMYRIAD_TESTS_BENCHMARK_CPU_CLOCK_H_

#include <time.h>

namespace kmyriad {

// Processor time in seconds: waiting for a core that others use is not part of
// what is measured.
inline double CpuSeconds(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// Of the calling thread.
inline double ThreadCpuSeconds() { return CpuSeconds(CLOCK_THREAD_CPUTIME_ID); }
// Of all threads of the process.
inline double ProcessCpuSeconds() {
  return CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_CPU_CLOCK_H_
