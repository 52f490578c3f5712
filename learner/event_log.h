#ifndef KMYRIAD_LEARNER_EVENT_LOG_H_
#define KMYRIAD_LEARNER_EVENT_LOG_H_

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "kmyriad/v1/learner.pb.h"

namespace kmyriad {

// A watcher's end. OnEvent and OnEnd only store, since they are called with the
// log's lock held; Flush, called without it, passes on what is stored.
// Thread-safe.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvent(const v1::Event& event) = 0;
  // No more events: the learner ends.
  virtual void OnEnd() = 0;
  // May be called by several threads at once, and from within itself.
  virtual void Flush() = 0;
};

// Hands events of a run to those who watch. Thread-safe.
class EventLog {
 public:
  // `clock` must outlive the log.
  explicit EventLog(const Clock& clock) : clock_(clock) {}

  // Stamps an event, hands it out and writes its message to the process's log.
  void Publish(v1::Event::Kind kind, const std::string& message,
               const std::string& metrics_json = "");

  // Past events that are kept.
  static constexpr size_t kPastEvents = 256;

  // The sink gets the newest `past` events, and those from now on, until
  // Remove. OnEnd comes at once at the end of the log, or with `past_only`.
  int Add(std::shared_ptr<EventSink> sink, size_t past = 0,
          bool past_only = false);
  void Remove(int id);
  // Ends all watching.
  void Close();

 private:
  void FlushAll();

  const Clock& clock_;
  absl::Mutex mutex_;
  std::map<int, std::shared_ptr<EventSink>> sinks_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::Event> past_ ABSL_GUARDED_BY(mutex_);
  int next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_EVENT_LOG_H_
