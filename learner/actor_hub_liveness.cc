// What the hub does a few times a second: heartbeats, and the end of streams
// that are silent, do not read, or have too much waiting for them.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learner/actor_hub.h"

namespace kmyriad {
namespace {

// Heartbeats without which an actor is suspected, and evicted: 6 s and 15 s
// at the default of 2 s.
constexpr double kSuspectBeats = 3;
constexpr double kEvictBeats = 7.5;

}  // namespace

void ActorHub::Tick() {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    const double now = clock_.MonotonicSeconds();
    for (auto& [id, stream] : streams_) TickStream(id, stream, now, &report);
    CheckTotalBacklog(&report);
    GrantAll();
    ShowQueues();
  }
  Publish(report);
}

void ActorHub::ShowQueues() {
  metrics_.blocks_leased.Set(leases_.leased());
  metrics_.blocks_unleased.Set(leases_.unleased());
  metrics_.actors_lost.Set(leases_.suspects());
  metrics_.backlog_bytes.Set(static_cast<double>(TotalBacklog()));
  metrics_.backlog_capacity_bytes.Set(
      static_cast<double>(options_.max_backlog_bytes));
  if (assembler_ == nullptr) return;
  const EpochShape& shape = assembler_->buffer().shape;
  metrics_.queue_segments.Set(leases_.done());
  metrics_.queue_capacity_segments.Set(BlockCount(shape.envs));
  metrics_.queue_bytes.Set(static_cast<double>(leases_.done()) /
                           BlockCount(shape.envs) *
                           static_cast<double>(shape.bytes()));
}

void ActorHub::CheckReader(StreamId id, Stream& stream, double now,
                           Report* report) {
  const StreamBacklog backlog = stream.connection->backlog();
  if (backlog.bytes == 0 || backlog.written != stream.written) {
    stream.written = backlog.written;
    stream.written_time = now;
    return;
  }
  if (now - stream.written_time < kEvictBeats * options_.heartbeat_seconds) {
    return;
  }
  AbortStream(id, stream,
              absl::ResourceExhaustedError(absl::StrCat(
                  "does not read what it is sent: ", backlog.bytes, " bytes")),
              report);
}

void ActorHub::AbortStream(StreamId id, Stream& stream,
                           const absl::Status& status, Report* report) {
  metrics_.refused_batches.Add();
  // Close, perhaps long ago, waits for the peer.
  stream.connection->Abort(status);
  unflushed_.push_back(stream.connection);
  CloseStream(id, stream, status, report);
}

uint64_t ActorHub::TotalBacklog() const {
  uint64_t total = 0;
  for (const auto& [id, stream] : streams_) {
    total += stream.connection->backlog().bytes;
  }
  return total;
}

void ActorHub::CheckTotalBacklog(Report* report) {
  uint64_t total = TotalBacklog();
  if (total <= options_.max_backlog_bytes) return;
  std::vector<std::pair<uint64_t, StreamId>> largest;
  for (const auto& [id, stream] : streams_) {
    largest.emplace_back(stream.connection->backlog().bytes, id);
  }
  std::sort(largest.rbegin(), largest.rend());
  for (const auto& [bytes, id] : largest) {
    if (total <= options_.max_backlog_bytes) return;
    AbortStream(
        id, streams_.at(id),
        absl::ResourceExhaustedError(absl::StrCat(
            total, " bytes wait to be read by all actors, ", bytes,
            " of them by this one: more than the ", options_.max_backlog_bytes,
            " that the learner keeps; let fewer actors connect")),
        report);
    total -= bytes;
  }
}

void ActorHub::TickStream(StreamId id, Stream& stream, double now,
                          Report* report) {
  CheckReader(id, stream, now, report);
  if (stream.state == State::kClosed) return;
  const double silent = now - stream.last_seen;
  if (silent >= kEvictBeats * options_.heartbeat_seconds) {
    CloseStream(id, stream,
                absl::UnavailableError(absl::StrCat(
                    "silent for ", static_cast<int>(silent), " s")),
                report);
    return;
  }
  if (stream.state != State::kActive) return;
  leases_.SetSuspect(id, silent >= kSuspectBeats * options_.heartbeat_seconds);
  if (now - stream.last_heartbeat >= options_.heartbeat_seconds) {
    stream.last_heartbeat = now;
    v1::LearnerMessage message;
    message.mutable_heartbeat();
    Send(stream, std::move(message));
    if (stream.received_bytes != stream.acknowledged_bytes) SendAck(stream);
  }
}

}  // namespace kmyriad
