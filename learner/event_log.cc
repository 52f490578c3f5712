#include "learner/event_log.h"

#include <algorithm>
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
    if (past_.size() >= kPastEvents) past_.pop_front();
    past_.push_back(std::move(event));
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

int EventLog::Add(std::shared_ptr<EventSink> sink, size_t past,
                  bool past_only) {
  int id = 0;
  {
    absl::MutexLock lock(&mutex_);
    const size_t count = std::min(past, past_.size());
    for (auto event = past_.end() - static_cast<ptrdiff_t>(count);
         event != past_.end(); ++event) {
      sink->OnEvent(*event);
    }
    if (closed_ || past_only) {
      sink->OnEnd();
    } else {
      id = next_id_++;
      sinks_[id] = sink;
    }
  }
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
