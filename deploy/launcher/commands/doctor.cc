#include "deploy/launcher/commands/doctor.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/base/file_system.h"
#include "common/base/simd_level.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/library_versions.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;
// Learner, entropy service and two actors at 1000 environments and T = 400.
constexpr double kNeededMemory = 4 * kGib;
// Fifty checkpoints of the default network, logs and plots.
constexpr double kNeededDisk = 2 * kGib;

// "Key : value" lines of /proc: value of the first line with this key.
std::string ProcValue(const char* file, const std::string& key) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!absl::StartsWith(line, key)) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    return std::string(
        absl::StripAsciiWhitespace(absl::string_view(line).substr(colon + 1)));
  }
  return "";
}

double ProcKib(const std::string& key) {
  const std::vector<std::string> words =
      absl::StrSplit(ProcValue("/proc/meminfo", key), ' ');
  double kib = 0;
  return absl::SimpleAtod(words[0], &kib) ? kib * 1024 : 0;
}

// Output of a command without its last newline; empty if it fails.
std::string CommandOutput(const char* command) {
  FILE* pipe = popen(command, "r");
  if (pipe == nullptr) return "";
  char buffer[512];
  std::string text;
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  if (pclose(pipe) != 0) return "";
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

// Empty if files can be made in `folder`, which need not exist yet.
std::string WriteError(const std::string& folder) {
  FileSystem& files = PosixFileSystem();
  const bool existed = files.Exists(folder);
  absl::Status status = files.CreateFolders(folder);
  const std::string probe =
      JoinPath(folder, absl::StrCat(".doctor.", getpid()));
  if (status.ok()) status = files.WriteAndSync(probe, "x");
  files.RemoveAll(probe).IgnoreError();
  if (!existed) rmdir(folder.c_str());
  return std::string(status.message());
}

Finding JudgeSimd(const MachineFacts& f) {
  if (!f.simd_error.empty()) {
    return {Finding::Mark::kFail, "instructions", f.simd_error,
            "actors will not start"};
  }
  const std::string value =
      absl::StrCat(f.simd, f.simd_forced ? " (forced by KMYRIAD_SIMD)" : "",
                   f.bf16 ? ", bf16 products" : "");
  if (f.simd == "scalar") {
    return {Finding::Mark::kWarn, "instructions", value,
            "policy inference runs without vectors: many times slower, same "
            "result"};
  }
  return {Finding::Mark::kPass, "instructions", value,
          "every level gives the same bits; runs can move between machines"};
}

Finding JudgeGpu(const MachineFacts& f) {
  if (f.gpu.empty()) {
    return {
        Finding::Mark::kPass, "GPU",
        f.cuda_driver ? "driver, but no device" : "none",
        "learner.device = cpu and physics.backend = simd, the defaults; cuda "
        "would be refused"};
  }
  if (!f.cuda_driver || !f.torch_cuda) {
    return {Finding::Mark::kWarn, "GPU", f.gpu,
            absl::StrCat("learner.device = cuda needs ",
                         f.cuda_driver ? "libtorch_cuda beside libtorch_cpu"
                                       : "the driver's libcuda.so.1")};
  }
  return {Finding::Mark::kPass, "GPU", f.gpu,
          "learner.device = cuda also needs the CUDA 13 libraries (cuDNN, "
          "cuBLAS, NCCL) on the library path"};
}

}  // namespace

MachineFacts LookAtMachine(const std::string& runs_folder) {
  MachineFacts f;
  f.cpu_model = ProcValue("/proc/cpuinfo", "model name");
  f.cores = static_cast<int>(std::thread::hardware_concurrency());
  f.memory_bytes = ProcKib("MemTotal");
  f.available_bytes = ProcKib("MemAvailable");
  f.runs_folder = runs_folder;
  f.runs_error = WriteError(runs_folder);
  FileSystem& files = PosixFileSystem();
  const auto free =
      files.FreeBytes(files.Exists(runs_folder) ? runs_folder : ".");
  if (free.ok()) f.disk_free_bytes = static_cast<double>(*free);
  const auto simd = ChooseSimdLevel();
  if (simd.ok()) {
    f.simd = std::string(SimdLevelName(*simd));
  } else {
    f.simd_error = std::string(simd.status().message());
  }
  f.simd_forced = std::getenv("KMYRIAD_SIMD") != nullptr;
  const std::string flags = ProcValue("/proc/cpuinfo", "flags");
  f.bf16 = absl::StrContains(flags, "avx512_bf16") ||
           absl::StrContains(flags, "amx_bf16");
  f.gpu = CommandOutput(
      "nvidia-smi --query-gpu=name,memory.total --format=csv,noheader "
      "2>/dev/null");
  if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY)) {
    f.cuda_driver = true;
    dlclose(driver);
  }
  f.torch_cuda = files.Exists(JoinPath(TorchFolder(), "lib/libtorch_cuda.so"));
  const std::time_t now = std::time(nullptr);
  f.clock_year = 1970 + static_cast<double>(now) / (365.25 * 86400);
  return f;
}

std::vector<Finding> Judge(const MachineFacts& f) {
  using Mark = Finding::Mark;
  std::vector<Finding> findings;
  findings.push_back(
      {f.cores >= 2 ? Mark::kPass : Mark::kWarn, "cores",
       absl::StrCat(f.cores, " x ", f.cpu_model),
       f.cores >= 2
           ? absl::StrCat("physics and inference use all; ",
                          "actors.count does not change the result")
           : "actors and learner share one core: expect half the speed"});
  const bool enough = f.available_bytes >= kNeededMemory;
  findings.push_back(
      {enough ? Mark::kPass : Mark::kWarn, "memory",
       absl::StrFormat("%.1f GiB, %.1f available", f.memory_bytes / kGib,
                       f.available_bytes / kGib),
       enough ? "room to build and to run every preset"
              : "ant-maze takes about 0.6 GiB and paper 1, but building takes "
                "up to 1.6 GiB per compiler"});
  if (f.disk_free_bytes >= 0) {
    const bool room = f.disk_free_bytes >= kNeededDisk;
    findings.push_back(
        {room ? Mark::kPass : Mark::kWarn, "disk",
         absl::StrFormat("%.1f GiB free", f.disk_free_bytes / kGib),
         room ? "a run pauses, and loses nothing, if the disk fills up"
              : "every epoch is checkpointed; set checkpoint.keep, or free "
                "some room"});
  }
  findings.push_back(
      f.runs_error.empty()
          ? Finding{Mark::kPass, "run folder", f.runs_folder, "is writable"}
          : Finding{Mark::kFail, "run folder", f.runs_error,
                    "runs cannot be stored: use --runs DIR"});
  findings.push_back(JudgeSimd(f));
  findings.push_back(JudgeGpu(f));
  findings.push_back(
      {f.clock_year > 2025 ? Mark::kPass : Mark::kWarn, "clock",
       absl::StrFormat("%.0f", f.clock_year - 0.5),
       "only records carry wall-clock times; results never depend on them"});
  return findings;
}

int RunDoctor(const std::string& runs_folder, bool json) {
  const std::vector<Finding> findings = Judge(LookAtMachine(runs_folder));
  static constexpr const char* kMarks[] = {"PASS", "WARN", "FAIL"};
  int code = kExitDone;
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& finding : findings) {
    if (finding.mark == Finding::Mark::kFail) code = kExitFailure;
    const char* mark = kMarks[static_cast<int>(finding.mark)];
    list.push_back({{"mark", mark},
                    {"what", finding.what},
                    {"value", finding.value},
                    {"meaning", finding.meaning}});
    if (json) continue;
    std::printf("%s  %-13s %s\n%20s%s\n", mark, finding.what.c_str(),
                finding.value.c_str(), "", finding.meaning.c_str());
  }
  const nlohmann::json versions = LibraryVersions();
  if (json) {
    std::printf("%s\n", nlohmann::json{{"findings", list},
                                       {"versions", versions},
                                       {"revision", BuildRevision()}}
                            .dump(2)
                            .c_str());
    return code;
  }
  std::printf("versions: kmyriad %s (%s)", BuildVersion().c_str(),
              BuildRevision().c_str());
  for (const auto& [name, version] : versions.items()) {
    std::printf(", %s %s", name.c_str(), version.get<std::string>().c_str());
  }
  std::printf("\n");
  return code;
}

}  // namespace kmyriad
