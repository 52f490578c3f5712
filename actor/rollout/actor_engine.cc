#include "actor/rollout/actor_engine.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/rpc/channel.h"

namespace kmyriad {
namespace {

// Between two lines that say that the learner is not there.
constexpr double kLogIntervalSeconds = 30;

}  // namespace

ActorEngine::ActorEngine(const ActorEngineOptions& options,
                         MakeRollout make_rollout,
                         PolicyCache::MakePolicy make_policy,
                         LearnerClient& client, ActorMetrics& metrics)
    : options_(options),
      make_rollout_(std::move(make_rollout)),
      make_policy_(std::move(make_policy)),
      client_(client),
      metrics_(metrics) {}

absl::Status ActorEngine::Run() {
  std::vector<std::unique_ptr<RolloutEngine>> rollouts;
  options_.hello.capacity_blocks = 0;
  for (int i = 0; i < options_.threads; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<RolloutEngine> rollout,
                             make_rollout_());
    // The next blocks are there when some are done.
    options_.hello.capacity_blocks += 2 * rollout->batch();
    rollouts.push_back(std::move(rollout));
  }
  ThreadPool pool(options_.threads);
  for (const std::unique_ptr<RolloutEngine>& rollout : rollouts) {
    pool.Schedule([this, r = rollout.get()] { Work(*r); });
  }
  const absl::Status status = KeepSessions();
  absl::MutexLock lock(&mutex_);
  done_ = true;
  return failure_.ok() ? status : failure_;
}

void ActorEngine::Stop(const std::string& reason) {
  std::shared_ptr<LearnerSession> session;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    stop_signal_.SignalAll();
    stop_reason_ = reason;
    session = session_;
  }
  if (session != nullptr) session->Leave(reason);
}

std::shared_ptr<LearnerSession> ActorEngine::OpenSession() {
  const EnvironmentSpec& spec = options_.hello.environment;
  const SegmentShape shape = {std::min(options_.population.envs, kBlockLanes),
                              options_.population.horizon, spec.obs_dim(),
                              spec.act_dim, spec.feature_dim()};
  auto session = std::make_shared<LearnerSession>(
      options_.hello, shape, options_.population,
      PolicyCache(options_.network, make_policy_), options_.silence_seconds,
      *options_.clock, client_, metrics_);
  bool stopping = false;
  std::string reason;
  {
    absl::MutexLock lock(&mutex_);
    session_ = session;
    stopping = stopping_;
    reason = stop_reason_;
  }
  if (stopping) session->Leave(reason);
  return session;
}

void ActorEngine::CountReconnect(LearnerSession::End end) {
  switch (end) {
    case LearnerSession::End::kSilent:
      return metrics_.reconnects_silent.Add();
    case LearnerSession::End::kProtocol:
      return metrics_.reconnects_protocol.Add();
    default:
      return metrics_.reconnects_unavailable.Add();
  }
}

bool ActorEngine::WaitBeforeReconnect(double seconds) {
  const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_;
  };
  absl::MutexLock lock(&mutex_);
  return stop_signal_.AwaitWithTimeout(mutex_, absl::Seconds(seconds),
                                       stopping);
}

absl::Status ActorEngine::KeepSessions() {
  Clock& clock = RealClock();
  Backoff backoff(options_.longest_backoff);
  double last_welcome = clock.MonotonicSeconds();
  double last_log = last_welcome - kLogIntervalSeconds;
  while (true) {
    const std::shared_ptr<LearnerSession> session = OpenSession();
    absl::Status status;
    const LearnerSession::End end = session->Attend(&status);
    {
      absl::MutexLock lock(&mutex_);
      session_ = nullptr;
    }
    if (end == LearnerSession::End::kComplete ||
        end == LearnerSession::End::kLeft) {
      return absl::OkStatus();
    }
    // A learner that comes back may have another configuration: another actor
    // reads that.
    if (end == LearnerSession::End::kDrained) return status;
    if (end == LearnerSession::End::kRefused) {
      // What is refused after a welcome is what we did, not how we are set up.
      return session->welcomed() ? absl::InternalError(status.message())
                                 : status;
    }
    const double now = clock.MonotonicSeconds();
    if (session->welcomed()) {
      last_welcome = now;
      last_log = now - kLogIntervalSeconds;
      backoff.Reset();
    }
    if (now - last_welcome > options_.give_up_seconds) {
      return absl::UnavailableError(absl::StrCat(
          "no learner for ", static_cast<int>(options_.give_up_seconds),
          " s; last: ", std::string(status.message())));
    }
    if (now - last_log >= kLogIntervalSeconds) {
      LogWarning("no stream to the learner, trying again: ", status.ToString());
      last_log = now;
    }
    CountReconnect(end);
    if (WaitBeforeReconnect(backoff.NextSeconds())) return absl::OkStatus();
  }
}

std::shared_ptr<LearnerSession> ActorEngine::NextSession(
    const LearnerSession* last) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return done_ || (session_ != nullptr && session_.get() != last);
  };
  mutex_.Await(absl::Condition(&ready));
  return done_ ? nullptr : session_;
}

void ActorEngine::Work(RolloutEngine& rollout) {
  std::vector<RolloutResult> results(rollout.batch());
  std::shared_ptr<LearnerSession> session;
  while ((session = NextSession(session.get())) != nullptr) {
    for (Tasks tasks = session->NextTasks(rollout.batch()); !tasks.empty();
         tasks = session->NextTasks(rollout.batch())) {
      const absl::Status status = StepBlocks(*session, tasks, rollout, results);
      for (const auto& task : tasks) session->FinishTask(task);
      if (status.ok()) continue;
      {
        absl::MutexLock lock(&mutex_);
        failure_.Update(status);
      }
      return Stop("a rollout failed");
    }
  }
}

absl::Status ActorEngine::StepBlocks(LearnerSession& session,
                                     const Tasks& tasks, RolloutEngine& rollout,
                                     std::vector<RolloutResult>& results) {
  const ScopedTimer timer(metrics_.rollout_seconds);
  std::vector<RolloutRequest> requests;
  for (const auto& task : tasks) {
    RolloutRequest& request = requests.emplace_back();
    request.seed = session.seed();
    request.epoch = static_cast<uint32_t>(task->epoch);
    request.block = task->block;
    request.population = options_.population;
    request.policy = task->policy.get();
  }
  const uint32_t slice = session.SliceSteps();
  std::vector<uint32_t> sent(tasks.size());
  const auto progress = [&](size_t index, uint32_t steps) {
    const BlockTask& task = *tasks[index];
    if (task.abandoned) return false;
    if (steps - sent[index] < slice && steps < options_.population.horizon) {
      return true;
    }
    const uint32_t first = std::exchange(sent[index], steps);
    return session.SendSlice(task, results[index].segment, first,
                             steps - first);
  };
  KMYRIAD_RETURN_IF_ERROR(rollout.Rollout(
      requests, progress, absl::MakeSpan(results).first(tasks.size())));
  for (size_t i = 0; i < tasks.size(); ++i) {
    SendSummary(session, *tasks[i], results[i]);
  }
  return absl::OkStatus();
}

void ActorEngine::SendSummary(LearnerSession& session, const BlockTask& task,
                              const RolloutResult& result) {
  const Segment& segment = result.segment;
  SegmentSummary summary;
  if (result.whole) {
    summary.key = session.KeyOf(task);
    summary.sha256 = HashSegment(segment);
    summary.nonfinite = segment.nonfinite;
    summary.physics_seconds = result.times.physics_seconds;
    summary.inference_seconds = result.times.inference_seconds;
  }
  if (!result.whole || !session.SendDone(task, summary)) {
    metrics_.segments_abandoned.Add();
    return;
  }
  metrics_.env_steps.Add(static_cast<double>(segment.shape.rows) *
                         segment.shape.horizon);
  metrics_.episodes.Add(segment.shape.rows);
  metrics_.nonfinite_states.Add(static_cast<double>(segment.nonfinite));
  metrics_.physics_seconds.Observe(result.times.physics_seconds);
  metrics_.inference_seconds.Observe(result.times.inference_seconds);
}

}  // namespace kmyriad
