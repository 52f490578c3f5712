#ifndef KMYRIAD_COMMON_PROCESS_EXIT_CODES_H_
#define KMYRIAD_COMMON_PROCESS_EXIT_CODES_H_

namespace kmyriad {

// Exit codes of every program (design section 12).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitUnreachable = 69;
inline constexpr int kExitInterrupted = 75;
inline constexpr int kExitConfiguration = 78;

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_PROCESS_EXIT_CODES_H_
