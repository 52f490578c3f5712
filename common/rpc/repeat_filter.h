#ifndef KMYRIAD_COMMON_RPC_REPEAT_FILTER_H_
#define KMYRIAD_COMMON_RPC_REPEAT_FILTER_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kmyriad {

// Tells what was said just now, so that a peer that fails again and again, or
// makes up ever new ways to, does not fill a log. Thread-safe.
class RepeatFilter {
 public:
  static constexpr double kSeconds = 10;
  // Texts that may be said in kSeconds, and that are remembered.
  static constexpr size_t kMaxTexts = 64;

  // Whether `text` is due at `now`, in monotonic seconds: neither it nor
  // kMaxTexts others were in the last kSeconds.
  bool Due(const std::string& text, double now) {
    absl::MutexLock lock(&mutex_);
    if (said_.size() >= kMaxTexts) {
      std::erase_if(said_, [now](const auto& entry) {
        return now - entry.second >= kSeconds;
      });
    }
    const auto found = said_.find(text);
    if (found == said_.end()) {
      return said_.size() < kMaxTexts && said_.emplace(text, now).second;
    }
    if (now - found->second < kSeconds) return false;
    found->second = now;
    return true;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, double> said_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_REPEAT_FILTER_H_
