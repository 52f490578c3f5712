// The records of a run directory, as resume and as inspect and plot read them.
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
constexpr const char* kFiles[] = {"manifest.json", "HEAD.json", "metrics.jsonl",
                                  "resolved.textproto"};

}  // namespace

void RunInput(absl::string_view bytes) {
  static const FakeClock* const clock = new FakeClock;
  FuzzInput input(bytes);
  SimulatedDisk disk;
  KMYRIAD_CHECK(disk.CreateFolders("/run/checkpoints").ok());
  for (const char* file : kFiles) {
    KMYRIAD_CHECK(disk.WriteAndSync(JoinPath(kRun, file), input.Frame()).ok());
  }
  ReadRunDirectory(disk, kRun).status().IgnoreError();
  auto directory = RunDirectory::Open(disk, kRun);
  if (!directory.ok()) return;
  auto ledger = RunLedger::Open(*std::move(directory), 3, *clock);
  if (!ledger.ok()) return;
  // An operator's calls find whatever answers HEAD holds.
  for (const char* id : {"a", "b"}) {
    v1::PauseRequest pause;
    pause.set_request_id(id);
    (*ledger)->Pause(pause).status().IgnoreError();
    v1::RestoreRequest restore;
    restore.set_request_id(id);
    restore.set_checkpoint((*ledger)->last_checkpoint());
    (*ledger)->Restore(restore).status().IgnoreError();
  }
}

std::vector<std::string> Seeds() {
  SimulatedDisk disk;
  auto directory = RunDirectory::Open(disk, kRun);
  KMYRIAD_CHECK((*directory)->Initialize({}, "run {}\n").ok());
  KMYRIAD_CHECK((*directory)->AppendMetrics("{\"epoch\":1}").ok());
  v1::RunHead head;
  head.set_paused(true);
  v1::StoredAnswer answer;
  answer.set_request_id("a");
  answer.set_method("Pause");
  StoreAnswer(answer, &head);
  KMYRIAD_CHECK((*directory)->WriteHead(head).ok());
  std::string seed;
  for (const char* file : kFiles) {
    seed += FrameOf(*disk.Read(JoinPath(kRun, file), 1 << 20));
  }
  return {seed};
}

}  // namespace kmyriad
