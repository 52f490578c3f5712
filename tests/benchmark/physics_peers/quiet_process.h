#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_QUIET_PROCESS_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_QUIET_PROCESS_H_

namespace kmyriad {

// A pause of the calling thread, and how many there are at most.
inline constexpr double kNapSeconds = 0.0005;
inline constexpr int kMostNaps = 40;

// Naps until the other threads of the process rest: until the process takes
// less than a fifth of a nap. `cpu_seconds` is its processor time so far, `nap`
// pauses for kNapSeconds. Threads of a pool that go on looking for work after
// theirs is done would otherwise cost whoever is measured next.
template <typename CpuSeconds, typename Nap>
void NapUntilQuiet(const CpuSeconds& cpu_seconds, const Nap& nap) {
  double before = cpu_seconds();
  for (int i = 0; i < kMostNaps; ++i) {
    nap();
    const double now = cpu_seconds();
    if (now - before < kNapSeconds / 5) return;
    before = now;
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_QUIET_PROCESS_H_
