#ifndef KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ENTROPY_CLIENT_H_
#define KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ENTROPY_CLIENT_H_

#include <atomic>

#include "absl/status/statusor.h"
#include "learner/trainer/entropy_client.h"

namespace kmyriad {

// Rewards and visits that are a plain function of the particles and the mask;
// an epoch under log-weights is worth the mean of its first feature times them.
class FakeEntropyClient : public EntropyClient {
 public:
  absl::StatusOr<ScoreResult> ScoreEpoch(const ScoreRequest& request,
                                         const WaitForRetry& wait) override;
  absl::StatusOr<EvaluateResult> Evaluate(const ScoreRequest& epoch,
                                          WeightedForm form,
                                          const float* log_weights,
                                          const WaitForRetry& wait) override;
  void Cancel() override { cancelled_ = true; }
  void ClearCancel() override { cancelled_ = false; }

  // The next `count` attempts find no service.
  void FailNext(int count) { unavailable_ = count; }
  // Every attempt ends with this. Before the first actor comes.
  void Refuse(absl::Status refusal) { refusal_ = std::move(refusal); }
  // Standard deviation that results name.
  void SetSpread(double spread) { spread_ = spread; }
  const ScoreRequest& last_request() const { return last_request_; }

 private:
  std::atomic<bool> cancelled_ = false;
  std::atomic<int> unavailable_ = 0;
  absl::Status refusal_;
  std::atomic<double> spread_ = 2;
  ScoreRequest last_request_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_TESTING_FAKE_ENTROPY_CLIENT_H_
