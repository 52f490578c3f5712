// Operators' requests, any bytes in any order, on a run with two checkpoints.
#include <memory>
#include <string>

#include "common/base/check.h"
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

// What a call answers, once more asked; the second answer is the first.
template <typename Request, typename Call>
void Ask(absl::string_view bytes, Call call) {
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  const auto first = call(request);
  if (!first.ok()) return;
  const auto second = call(request);
  KMYRIAD_CHECK(second.ok());
  KMYRIAD_CHECK(second->SerializeAsString() == first->SerializeAsString());
}

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
  FuzzInput input(bytes);
  SimulatedDisk disk(Start());
  {
    const std::unique_ptr<RunLedger> ledger = Open(disk);
    bool repeated = false;
    while (!input.empty()) {
      const uint8_t method = input.Byte() % 5;
      const absl::string_view frame = input.Frame();
      if (method == 0) {
        Ask<v1::PauseRequest>(
            frame, [&](const auto& request) { return ledger->Pause(request); });
      } else if (method == 1) {
        Ask<v1::ResumeRequest>(frame, [&](const auto& request) {
          return ledger->Resume(request);
        });
      } else if (method == 2) {
        Ask<v1::CheckpointRequest>(frame, [&](const auto& request) {
          return ledger->Checkpoint(request);
        });
      } else if (method == 3) {
        Ask<v1::RestoreRequest>(frame, [&](const auto& request) {
          return ledger->Restore(request);
        });
      } else {
        Ask<v1::StopRequest>(frame, [&](const auto& request) {
          return ledger->Stop(request, &repeated);
        });
      }
    }
    KMYRIAD_CHECK(ledger->last() != nullptr);
  }
  // Nothing that was asked keeps the run from being resumed.
  KMYRIAD_CHECK(Open(disk)->last() != nullptr);
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
