#include "learner/event_log.h"

#include "absl/time/time.h"
#include "common/base/logging.h"

namespace kmyriad {

void EventLog::Publish(v1::Event::Kind kind, const std::string& message,
                       const std::string& metrics_json) {
  if (kind == v1::Event::WARNING) {
    LogWarning(message);
  } else {
    LogInfo(message);
  }
  v1::Event event;
  event.set_kind(kind);
  event.set_time(absl::ToDoubleSeconds(clock_.WallTime() - absl::UnixEpoch()));
  event.set_message(message);
  event.set_metrics_json(metrics_json);
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, sink] : sinks_) sink->OnEvent(event);
}

int EventLog::Add(EventSink* sink) {
  absl::MutexLock lock(&mutex_);
  if (closed_) {
    sink->OnEnd();
    return 0;
  }
  sinks_[next_id_] = sink;
  return next_id_++;
}

void EventLog::Remove(int id) {
  absl::MutexLock lock(&mutex_);
  sinks_.erase(id);
}

void EventLog::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  for (const auto& [id, sink] : sinks_) sink->OnEnd();
}

}  // namespace kmyriad
