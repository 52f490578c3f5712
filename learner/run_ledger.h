#ifndef KMYRIAD_LEARNER_RUN_LEDGER_H_
#define KMYRIAD_LEARNER_RUN_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {

// The durable side of a run: which epoch is the last finished one, what of it
// is saved, where HEAD points, what operators asked for. The training thread
// commits epochs; control threads pause, checkpoint and restore.
//
// Mutating control calls carry a request id. Its answer is stored in the same
// replacement of HEAD.json as its effect, so that a repeat gets that answer,
// also after a restart, and has no further effect. Thread-safe; calls wait for
// storage and for each other, but for last, manifest, paused and the like,
// which answer at once: with what held before a call that is in progress.
class RunLedger {
 public:
  // Loads what HEAD points to; a damaged checkpoint is set aside, loudly, and
  // HEAD goes back to the newest whole one before it. Cuts metrics to that
  // checkpoint and sets later checkpoints aside. `keep` as in
  // checkpoint.keep. DATA_LOSS if no checkpoint of the run is whole.
  static absl::StatusOr<std::unique_ptr<RunLedger>> Open(
      std::unique_ptr<RunDirectory> directory, uint32_t keep,
      const Clock& clock);

  // --- Training thread ---

  // Last finished epoch's state, 0 before training; null if nothing, not even
  // the initial state, has been committed.
  std::shared_ptr<const CheckpointContent> last() const;

  // Makes `content` the last finished epoch: appends its metrics line (empty:
  // none) and, if `save`, writes its checkpoint and moves HEAD. May be
  // repeated with the same content until it succeeds; what is done is not
  // done again. ABORTED if a restore has come in: the epoch is void.
  absl::Status Commit(std::shared_ptr<CheckpointContent> content,
                      absl::string_view metrics_line, bool save);

  // Saves the last finished epoch unless that is done.
  absl::Status SaveLast();

  // True from a restore until TakeRestore. Never waits.
  bool restore_pending() const { return restore_pending_; }
  // The state to go on from; null if there is none pending.
  std::shared_ptr<const CheckpointContent> TakeRestore();

  // Records what the first actor fixed.
  absl::Status WriteManifest(const v1::RunManifest& manifest);
  v1::RunManifest manifest() const;

  // --- Control ---

  bool paused() const;
  // INVALID_ARGUMENT for a bad request id, or one used for another method;
  // UNAVAILABLE when storage fails.
  absl::StatusOr<v1::PauseResponse> Pause(const v1::PauseRequest& request);
  absl::StatusOr<v1::ResumeResponse> Resume(const v1::ResumeRequest& request);
  // FAILED_PRECONDITION before the initial state is committed.
  absl::StatusOr<v1::CheckpointResponse> Checkpoint(
      const v1::CheckpointRequest& request);
  // `*repeated` tells that the answer is an old one: do not stop again.
  absl::StatusOr<v1::StopResponse> Stop(const v1::StopRequest& request,
                                        bool* repeated);
  // NOT_FOUND, DATA_LOSS. HEAD is moved durably before this returns.
  absl::StatusOr<v1::RestoreResponse> Restore(
      const v1::RestoreRequest& request);
  absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints();

  // Last line of metrics.jsonl, its newest checkpoint and when it was saved
  // by this process (monotonic seconds; < 0: not by this one).
  std::string last_metrics() const;
  std::string last_checkpoint() const;
  double last_checkpoint_time() const;
  uint64_t last_checkpoint_bytes() const;
  absl::StatusOr<uint64_t> FreeBytes();

 private:
  // What is answered at once.
  struct View {
    std::shared_ptr<const CheckpointContent> last;
    v1::RunManifest manifest;
    bool paused = false;
    std::string last_metrics;
    std::string checkpoint;
    uint64_t saved_bytes = 0;
    double saved_time = -1;
  };
  // Holds mutex_; at its end the view follows.
  class ABSL_SCOPED_LOCKABLE Change {
   public:
    explicit Change(RunLedger& ledger)
        ABSL_EXCLUSIVE_LOCK_FUNCTION(ledger.mutex_);
    ~Change() ABSL_UNLOCK_FUNCTION();

   private:
    RunLedger& ledger_;
  };

  RunLedger(std::unique_ptr<RunDirectory> directory, uint32_t keep,
            const Clock& clock);
  void ShowView() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status LoadHead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FallBack(const absl::Status& damage)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes a checkpoint, to which HEAD points, the last finished epoch.
  void Adopt(CheckpointContent content) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes from sight what is later than last_.
  absl::Status TidyUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Saves last_ and moves HEAD there, unless that is done.
  absl::Status SaveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks up a stored answer. True: it is in `*response`.
  absl::StatusOr<bool> FindAnswer(const std::string& request_id,
                                  absl::string_view method,
                                  google::protobuf::Message* response) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::StoredAnswer MakeAnswer(const std::string& request_id,
                              absl::string_view method,
                              const google::protobuf::Message& response) const;
  // Replaces HEAD by `head` with an answer added.
  absl::Status WriteHead(v1::RunHead head, v1::StoredAnswer answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SetPaused(bool paused, v1::StoredAnswer answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is known of last_ as a checkpoint; its size only once saved.
  v1::CheckpointInfo LastInfo() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t keep_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  const std::unique_ptr<RunDirectory> directory_ ABSL_PT_GUARDED_BY(mutex_);
  std::shared_ptr<const CheckpointContent> last_ ABSL_GUARDED_BY(mutex_);
  std::string last_metrics_ ABSL_GUARDED_BY(mutex_);
  // How far last_ has got: its folder is committed, HEAD points to it.
  bool folder_written_ ABSL_GUARDED_BY(mutex_) = false;
  bool persisted_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const CheckpointContent> restore_ ABSL_GUARDED_BY(mutex_);
  // restore_ is set; changed under mutex_.
  std::atomic<bool> restore_pending_ = false;
  uint64_t saved_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  double saved_time_ ABSL_GUARDED_BY(mutex_) = -1;
  // Taken after mutex_, and never held for long.
  mutable absl::Mutex view_mutex_;
  View view_ ABSL_GUARDED_BY(view_mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_RUN_LEDGER_H_
