#include "learner/event_log.h"

#include <utility>
#include <vector>

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
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, sink] : sinks_) sink->OnEvent(event);
  }
  FlushAll();
}

void EventLog::FlushAll() {
  std::vector<std::shared_ptr<EventSink>> sinks;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, sink] : sinks_) sinks.push_back(sink);
  }
  for (const auto& sink : sinks) sink->Flush();
}

int EventLog::Add(std::shared_ptr<EventSink> sink) {
  int id = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (!closed_) {
      id = next_id_++;
      sinks_[id] = std::move(sink);
      return id;
    }
  }
  sink->OnEnd();
  sink->Flush();
  return id;
}

void EventLog::Remove(int id) {
  absl::MutexLock lock(&mutex_);
  sinks_.erase(id);
}

void EventLog::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    for (const auto& [id, sink] : sinks_) sink->OnEnd();
  }
  FlushAll();
}

}  // namespace kmyriad
