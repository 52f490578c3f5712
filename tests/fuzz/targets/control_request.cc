// Operators' requests, any bytes in any order, on a run with two checkpoints.
#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/rpc/transport_options.h"
#include "learner/run_ledger.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/simulated_disk.h"

namespace kmyriad {
namespace {

constexpr char kRun[] = "/run";

const FakeClock& FixedClock() {
  static const FakeClock* const clock = new FakeClock;
  return *clock;
}

std::unique_ptr<RunLedger> Open(SimulatedDisk& disk) {
  auto directory = RunDirectory::Open(disk, kRun);
  KMYRIAD_CHECK(directory.ok());
  if (!(*directory)->exists()) {
    KMYRIAD_CHECK((*directory)->Initialize({}, "run {}\n").ok());
  }
  auto ledger = RunLedger::Open(*std::move(directory), 0, FixedClock());
  KMYRIAD_CHECK(ledger.ok());
  return *std::move(ledger);
}

const SimulatedDisk& Start() {
  static const SimulatedDisk* const start = []() {
    auto* const disk = new SimulatedDisk;
    const auto ledger = Open(*disk);
    for (uint64_t epoch = 0; epoch < 2; ++epoch) {
      const auto content = std::make_shared<CheckpointContent>();
      content->manifest.set_epoch(epoch);
      KMYRIAD_CHECK(ledger->Commit(content, "", true).ok());
    }
    return disk;
  }();
  return *start;
}

// A copy of the run, opened when the first request that is one comes: most
// inputs have none.
class Operator {
 public:
  // What a call answers, once more asked; the second answer is the first.
  template <typename Request, typename Call>
  void Ask(absl::string_view bytes, Call call) {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return;
    }
    if (ledger_ == nullptr) {
      disk_ = std::make_unique<SimulatedDisk>(Start());
      ledger_ = Open(*disk_);
    }
    const auto first = call(*ledger_, request);
    if (!first.ok()) return;
    answered_ = true;
    const auto second = call(*ledger_, request);
    KMYRIAD_CHECK(second.ok());
    KMYRIAD_CHECK(second->SerializeAsString() == first->SerializeAsString());
  }

  // Nothing that was asked keeps the run from being resumed.
  void End() {
    if (ledger_ == nullptr) return;
    KMYRIAD_CHECK(ledger_->last() != nullptr);
    ledger_.reset();
    if (answered_) KMYRIAD_CHECK(Open(*disk_)->last() != nullptr);
  }

 private:
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<RunLedger> ledger_;
  // Something may have been written.
  bool answered_ = false;
};

template <typename Request>
std::string Frame(char method, const std::string& id,
                  const std::string& checkpoint = "") {
  Request request;
  request.set_request_id(id);
  if constexpr (std::is_same_v<Request, v1::RestoreRequest>) {
    request.set_checkpoint(checkpoint);
  }
  return method + FrameOf(request.SerializeAsString());
}

}  // namespace

void RunInput(absl::string_view bytes) {
  // A line per text that is no UTF-8 costs more than the rest.
  RouteGrpcLogs();
  FuzzInput input(bytes);
  Operator user;
  bool repeated = false;
  while (!input.empty()) {
    const uint8_t method = input.Byte() % 5;
    const absl::string_view frame = input.Frame();
    if (method == 0) {
      user.Ask<v1::PauseRequest>(frame, [](auto& ledger, const auto& request) {
        return ledger.Pause(request);
      });
    } else if (method == 1) {
      user.Ask<v1::ResumeRequest>(frame, [](auto& ledger, const auto& request) {
        return ledger.Resume(request);
      });
    } else if (method == 2) {
      user.Ask<v1::CheckpointRequest>(frame,
                                      [](auto& ledger, const auto& request) {
                                        return ledger.Checkpoint(request);
                                      });
    } else if (method == 3) {
      user.Ask<v1::RestoreRequest>(frame,
                                   [](auto& ledger, const auto& request) {
                                     return ledger.Restore(request);
                                   });
    } else {
      user.Ask<v1::StopRequest>(frame, [&](auto& ledger, const auto& request) {
        return ledger.Stop(request, &repeated);
      });
    }
  }
  user.End();
}

std::vector<std::string> Seeds() {
  return {Frame<v1::PauseRequest>('\0', "a") +
              Frame<v1::ResumeRequest>('\1', "b") +
              Frame<v1::CheckpointRequest>('\2', "c"),
          Frame<v1::RestoreRequest>('\3', "d", "epoch_000000") +
              Frame<v1::StopRequest>('\4', "e"),
          Frame<v1::RestoreRequest>('\3', "f", "../epoch_000000")};
}

}  // namespace kmyriad
