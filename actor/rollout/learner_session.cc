#include "actor/rollout/learner_session.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/metrics/process_usage.h"

namespace kmyriad {
namespace {

// Before the learner has said how often.
constexpr double kFirstHeartbeatSeconds = 2;
// How long a learner may take to end a stream that we have left.
constexpr absl::Duration kLeaveTime = absl::Seconds(2);
// Room for what a message holds besides its columns.
constexpr uint64_t kMessageOverhead = 4096;

bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    // Another service answers at this address.
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace

LearnerSession::LearnerSession(const ActorHello& hello,
                               const SegmentShape& shape,
                               const PopulationShape& population,
                               PolicyCache cache, double silence_seconds,
                               Clock& clock, LearnerClient& client,
                               ActorMetrics& metrics)
    : shape_(shape),
      population_(population),
      silence_seconds_(silence_seconds),
      fingerprint_(hello.fingerprint),
      clock_(clock),
      metrics_(metrics),
      before_(ProcessTotals()),
      cache_(std::move(cache)),
      last_heard_(clock.MonotonicSeconds()),
      stream_(client.Open(hello, this)) {}

LearnerSession::End LearnerSession::Attend(absl::Status* status) {
  while (!WaitForEnd()) {
    const double now = clock_.MonotonicSeconds();
    bool silent = false;
    bool welcomed = false;
    {
      absl::MutexLock lock(&mutex_);
      silent = now - last_heard_ > silence_seconds_;
      welcomed = welcomed_;
      if (silent) {
        EndFor(End::kSilent, absl::UnavailableError(absl::StrCat(
                                 "the learner has said nothing for ",
                                 static_cast<int>(silence_seconds_), " s")));
      }
    }
    if (welcomed && !silent) stream_->SendHeartbeat(Totals());
  }
  CloseStream();
  return Judge(status);
}

ActorTotals LearnerSession::ProcessTotals() const {
  ActorTotals totals;
  totals.env_steps = static_cast<uint64_t>(metrics_.env_steps.value());
  totals.nonfinite = static_cast<uint64_t>(metrics_.nonfinite_states.value());
  totals.cpu_seconds = UsedCpuSeconds().value_or(0);
  totals.credit_wait_seconds = metrics_.credit_wait_seconds.value();
  totals.resident_bytes =
      static_cast<uint64_t>(ResidentMemoryBytes().value_or(0));
  return totals;
}

ActorTotals LearnerSession::Totals() const {
  ActorTotals totals = ProcessTotals();
  totals.env_steps -= before_.env_steps;
  totals.nonfinite -= before_.nonfinite;
  totals.cpu_seconds -= before_.cpu_seconds;
  totals.credit_wait_seconds -= before_.credit_wait_seconds;
  return totals;
}

bool LearnerSession::WaitForEnd() {
  absl::MutexLock lock(&mutex_);
  const bool knew = welcomed_;
  const double heartbeat =
      knew ? terms_.heartbeat_seconds : kFirstHeartbeatSeconds;
  const double seconds = std::min(heartbeat, silence_seconds_ / 2);
  // A welcome says how often to beat.
  const auto due = [this, knew]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return Over() || welcomed_ != knew;
  };
  changed_.AwaitWithTimeout(mutex_, absl::Seconds(seconds), due);
  return Over();
}

void LearnerSession::CloseStream() {
  bool polite = false;
  {
    absl::MutexLock lock(&mutex_);
    leases_.AbandonAll();
    polite =
        end_ == End::kDrained || end_ == End::kComplete || end_ == End::kLeft;
  }
  if (polite) {
    stream_->Leave("leaving as asked");
    const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return ended_;
    };
    absl::MutexLock lock(&mutex_);
    if (changed_.AwaitWithTimeout(mutex_, kLeaveTime, ended)) return;
  }
  stream_->Cancel();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&ended_));
}

LearnerSession::End LearnerSession::Judge(absl::Status* status) {
  absl::MutexLock lock(&mutex_);
  metrics_.connected.Set(0);
  metrics_.blocks_held.Set(0);
  *status = status_;
  return end_;
}

void LearnerSession::Leave(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  EndFor(End::kLeft, absl::CancelledError(reason));
}

bool LearnerSession::welcomed() const {
  absl::MutexLock lock(&mutex_);
  return welcomed_;
}

uint64_t LearnerSession::seed() const {
  absl::MutexLock lock(&mutex_);
  return terms_.seed;
}

void LearnerSession::EndFor(End end, const absl::Status& status) {
  if (Over()) return;
  ending_ = true;
  changed_.SignalAll();
  end_ = end;
  status_ = status;
  leases_.AbandonAll();
}

void LearnerSession::Heard() { last_heard_ = clock_.MonotonicSeconds(); }

uint64_t LearnerSession::StepBytes() const {
  return uint64_t{shape_.rows} *
         (sizeof(float) *
              (shape_.obs_dim + shape_.act_dim + 1 + shape_.feature_dim) +
          1);
}

uint32_t LearnerSession::SliceSteps() const {
  absl::MutexLock lock(&mutex_);
  const uint64_t bytes =
      std::min({terms_.batch_bytes, terms_.credit_bytes,
                terms_.max_message_bytes - kMessageOverhead});
  const uint64_t most =
      std::clamp<uint64_t>(bytes / StepBytes(), 1, shape_.horizon);
  // Slices of equal length rather than a short last one.
  const uint64_t slices = (shape_.horizon + most - 1) / most;
  return static_cast<uint32_t>((shape_.horizon + slices - 1) / slices);
}

SegmentKey LearnerSession::KeyOf(const BlockTask& task) const {
  absl::MutexLock lock(&mutex_);
  SegmentKey key;
  key.run_uuid = terms_.run_uuid;
  key.epoch = task.epoch;
  key.block = task.block;
  key.policy_hash = task.policy_hash;
  key.fingerprint = fingerprint_;
  return key;
}

std::vector<std::shared_ptr<BlockTask>> LearnerSession::NextTasks(size_t most) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return Over() || leases_.has_waiting();
  };
  mutex_.Await(absl::Condition(&ready));
  if (Over()) return {};
  std::vector<std::shared_ptr<BlockTask>> tasks = {leases_.Take()};
  while (tasks.size() < most && leases_.next_takes(tasks[0]->policy.get())) {
    tasks.push_back(leases_.Take());
  }
  return tasks;
}

void LearnerSession::FinishTask(const std::shared_ptr<BlockTask>& task) {
  absl::MutexLock lock(&mutex_);
  leases_.Finish(*task);
  metrics_.blocks_held.Set(static_cast<double>(leases_.held()));
}

bool LearnerSession::SendSlice(const BlockTask& task, const Segment& segment,
                               uint32_t first_step, uint32_t steps) {
  // The last block's rows may be fewer.
  const uint64_t bytes = StepBytes() / shape_.rows * segment.shape.rows * steps;
  const double start = RealClock().MonotonicSeconds();
  {
    absl::MutexLock lock(&mutex_);
    const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return Over() || task.abandoned || credits_.CanSend(bytes);
    };
    mutex_.Await(absl::Condition(&ready));
    if (Over() || task.abandoned) return false;
    credits_.Sent(bytes);
  }
  metrics_.credit_wait_seconds.Add(RealClock().MonotonicSeconds() - start);
  metrics_.bytes_sent.Add(static_cast<double>(bytes));
  stream_->SendBatch(KeyOf(task), segment, first_step, steps);
  return true;
}

bool LearnerSession::SendDone(const BlockTask& task,
                              const SegmentSummary& summary) {
  {
    absl::MutexLock lock(&mutex_);
    if (Over() || task.abandoned) return false;
    // Before the learner can answer: if it finds the segment damaged and
    // leases the block again, that lease must not count as held already.
    leases_.Finish(task);
  }
  stream_->SendDone(summary);
  return true;
}

absl::Status LearnerSession::CheckTerms(const SessionTerms& terms) const {
  const auto wrong = [](absl::string_view field, double value) {
    return absl::InternalError(absl::StrCat("the learner's Welcome.", field,
                                            " = ", value, " makes no sense"));
  };
  if (!(terms.heartbeat_seconds > 0 && terms.heartbeat_seconds <= 60)) {
    return wrong("heartbeat_seconds", terms.heartbeat_seconds);
  }
  if (terms.credit_bytes < StepBytes()) {
    return wrong("credit_bytes", static_cast<double>(terms.credit_bytes));
  }
  if (terms.max_message_bytes < StepBytes() + kMessageOverhead) {
    return wrong("max_message_bytes",
                 static_cast<double>(terms.max_message_bytes));
  }
  return absl::OkStatus();
}

void LearnerSession::OnWelcome(const SessionTerms& terms) {
  const absl::Status status = CheckTerms(terms);
  absl::MutexLock lock(&mutex_);
  Heard();
  if (!status.ok()) return EndFor(End::kProtocol, status);
  terms_ = terms;
  credits_ = ByteCredits(terms.credit_bytes);
  welcomed_ = true;
  changed_.SignalAll();
  metrics_.connected.Set(1);
  SetLogRun(ToHex(terms.run_uuid));
  LogInfo("welcome to run ", ToHex(terms.run_uuid));
}

void LearnerSession::OnPolicyChunk(const PolicyChunk& chunk) {
  if (chunk.index == 0) snapshot_start_ = clock_.MonotonicSeconds();
  const absl::StatusOr<bool> complete = cache_.Add(chunk);
  if (complete.ok() && *complete) {
    metrics_.policy_fetch_seconds.Observe(clock_.MonotonicSeconds() -
                                          snapshot_start_);
  }
  absl::MutexLock lock(&mutex_);
  Heard();
  if (!complete.ok()) {
    EndFor(End::kProtocol, absl::InternalError(complete.status().message()));
  }
}

absl::Status LearnerSession::CheckLease(const BlockLease& lease) const {
  // The random numbers' counter has 32 bits for the epoch.
  if (lease.epoch == 0 || lease.epoch > std::numeric_limits<uint32_t>::max()) {
    return absl::InternalError(absl::StrCat(
        "the learner's Lease.epoch = ", lease.epoch, ", not 1..2^32-1"));
  }
  if (lease.blocks.size() > population_.blocks()) {
    return absl::InternalError(absl::StrCat("the learner leased ",
                                            lease.blocks.size(), " blocks of ",
                                            population_.blocks()));
  }
  for (const uint32_t block : lease.blocks) {
    if (block >= population_.blocks()) {
      return absl::InternalError(absl::StrCat("the learner's Lease.blocks has ",
                                              block, ", the run has ",
                                              population_.blocks(), " blocks"));
    }
  }
  return absl::OkStatus();
}

void LearnerSession::OnLease(const BlockLease& lease) {
  absl::Status status = CheckLease(lease);
  std::vector<std::shared_ptr<BlockTask>> tasks;
  for (const uint32_t block : lease.blocks) {
    if (!status.ok()) break;
    auto task = std::make_shared<BlockTask>();
    task->epoch = lease.epoch;
    task->policy_version = lease.policy_version;
    task->policy_hash = lease.policy_hash;
    task->block = block;
    task->policy = cache_.Find(lease.policy_hash, population_.AgentOf(block, 0),
                               population_.AgentOf(block, kBlockLanes - 1));
    if (task->policy == nullptr) {
      status = absl::InternalError(
          absl::StrCat("the learner leased block ", block, " of epoch ",
                       lease.epoch, " with a policy that it has not sent"));
    }
    tasks.push_back(std::move(task));
  }
  absl::MutexLock lock(&mutex_);
  Heard();
  if (status.ok() && !welcomed_) {
    status = absl::InternalError("the learner leased blocks before Welcome");
  }
  if (!status.ok()) return EndFor(End::kProtocol, status);
  if (Over()) return;
  for (std::shared_ptr<BlockTask>& task : tasks) {
    leases_.Add(std::move(task));
  }
  metrics_.epoch.Set(static_cast<double>(lease.epoch));
  metrics_.policy_version.Set(static_cast<double>(lease.policy_version));
  SetLogPolicyVersion(lease.policy_version);
  metrics_.blocks_held.Set(static_cast<double>(leases_.held()));
}

void LearnerSession::OnRevoke(const LeaseRevocation& revocation) {
  absl::MutexLock lock(&mutex_);
  Heard();
  leases_.Revoke(revocation);
  metrics_.blocks_held.Set(static_cast<double>(leases_.held()));
}

void LearnerSession::CountSegments(const SegmentAck& ack) {
  if (ack.segments <= acked_segments_) return;
  // The last one's verdict stands for those that were acknowledged with it.
  const double count = static_cast<double>(ack.segments - acked_segments_);
  acked_segments_ = ack.segments;
  switch (ack.last_verdict) {
    case SegmentVerdict::kApplied:
      return metrics_.segments_acked.Add(count);
    case SegmentVerdict::kDuplicate:
    case SegmentVerdict::kStale:
      return metrics_.segments_dropped.Add(count);
    case SegmentVerdict::kDamaged:
    case SegmentVerdict::kUnknown:
      return metrics_.segments_rejected.Add(count);
  }
}

void LearnerSession::OnAck(const SegmentAck& ack) {
  absl::MutexLock lock(&mutex_);
  Heard();
  const absl::Status status = credits_.Acknowledge(ack.received_bytes);
  if (!status.ok()) {
    return EndFor(End::kProtocol, absl::InternalError(status.message()));
  }
  CountSegments(ack);
}

void LearnerSession::OnBatchError(const absl::Status& error) {
  metrics_.batch_errors.Add();
  LogWarning("the learner refused a state batch: ", error.ToString());
  absl::MutexLock lock(&mutex_);
  Heard();
}

void LearnerSession::OnDrain(const std::string& reason, bool complete) {
  LogInfo("the learner ", complete ? "is done" : "goes away", ": ", reason);
  absl::MutexLock lock(&mutex_);
  EndFor(complete ? End::kComplete : End::kDrained, absl::AbortedError(reason));
}

void LearnerSession::OnHeartbeat() {
  absl::MutexLock lock(&mutex_);
  Heard();
}

void LearnerSession::OnEnd(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (!ending_) {
    if (IsRefusal(status)) {
      EndFor(End::kRefused, status);
    } else if (status.code() == absl::StatusCode::kInternal) {
      EndFor(End::kProtocol, status);
    } else {
      EndFor(End::kLost, status.ok() ? absl::UnavailableError(
                                           "the learner ended the stream")
                                     : status);
    }
  }
  ended_ = true;
  changed_.SignalAll();
}

}  // namespace kmyriad
