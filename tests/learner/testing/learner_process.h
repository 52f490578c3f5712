#ifndef KMYRIAD_TESTS_LEARNER_TESTING_LEARNER_PROCESS_H_
#define KMYRIAD_TESTS_LEARNER_TESTING_LEARNER_PROCESS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"
#include "common/metrics/metrics_registry.h"
#include "kmyriad/v1/run_config.pb.h"
#include "learner/learner_engine.h"
#include "learner/learner_metrics.h"
#include "tests/learner/testing/fake_actor.h"
#include "tests/learner/testing/fake_entropy_client.h"
#include "tests/learner/testing/fake_policy_optimizer.h"
#include "tests/testing/fake_clock.h"

namespace kmyriad {

// A small valid configuration: 40 environments (three blocks, the last half
// empty), 4 agents, 5 steps, `epochs` epochs, everything kept.
v1::RunConfig SmallRunConfig(uint64_t epochs);

// One life of a learner on a run directory, without network: a real engine on
// a thread, fake optimiser, entropy service and actors. Destroying it stops
// the engine, as a process that ends.
class LearnerProcess {
 public:
  LearnerProcess(FileSystem& files, const std::string& run_dir,
                 const v1::RunConfig& config,
                 OptimizerFactory make_optimizer = &MakeFakePolicyOptimizer);
  ~LearnerProcess();

  // Why the run could not be opened; OK if it could.
  const absl::Status& status() const { return status_; }
  bool opened() const { return engine_ != nullptr; }

  FakeActor& AddActor(const std::string& name, uint32_t capacity = 2);
  void RemoveActor(size_t index) { actors_.erase(actors_.begin() + index); }
  FakeActor& actor(size_t index) { return *actors_[index]; }
  size_t actors() const { return actors_.size(); }

  // One step of every actor, `seconds` of the clock.
  void Pump(double seconds = 1e-3);
  // Pumps until `done`; false if that does not come to pass within a minute.
  // With 0 seconds no deadline passes, however long a real peer takes.
  bool PumpUntil(const std::function<bool()>& done, double seconds = 1e-3);
  // Pumps until the engine's Run has returned.
  absl::StatusOr<RunEnd> PumpToEnd();
  // Epochs that are finished.
  uint64_t epoch();

  LearnerEngine& engine() { return *engine_; }
  FakeEntropyClient& entropy() { return entropy_; }
  FakeClock& clock() { return clock_; }
  MetricsRegistry& registry() { return registry_; }

 private:
  absl::Status Open(FileSystem& files, const std::string& run_dir,
                    OptimizerFactory make_optimizer);

  const v1::RunConfig config_;
  FakeClock clock_;
  FakeEntropyClient entropy_;
  MetricsRegistry registry_;
  LearnerMetrics metrics_{registry_};
  absl::Status status_;
  std::unique_ptr<LearnerEngine> engine_;
  std::vector<std::unique_ptr<FakeActor>> actors_;
  std::atomic<bool> ended_ = false;
  absl::StatusOr<RunEnd> end_ = absl::UnknownError("still running");
  std::thread thread_;
};

// What must be equal for two runs to be the same: both digests of the newest
// checkpoint, and metrics.jsonl without what depends on time and disturbances.
struct RunFingerprint {
  uint64_t epoch = 0;
  std::string parameters_sha256;
  std::string optimizer_sha256;
  std::vector<std::string> metrics;
  bool operator==(const RunFingerprint&) const = default;
};
RunFingerprint FingerprintOf(const std::string& run_dir,
                             FileSystem& files = PosixFileSystem());

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_TESTING_LEARNER_PROCESS_H_
