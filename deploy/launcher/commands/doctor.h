#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_DOCTOR_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_DOCTOR_H_

#include <string>
#include <vector>

namespace kmyriad {

// One line of the doctor's report.
struct Finding {
  enum class Mark { kPass, kWarn, kFail };
  Mark mark = Mark::kPass;
  // "cores", "memory", ...
  std::string what;
  // What was found.
  std::string value;
  // What it means for a run.
  std::string meaning;
};

// What a machine has; separate from looking, so that the judgement is tested.
struct MachineFacts {
  std::string cpu_model;
  int cores = 0;
  double memory_bytes = 0;
  double available_bytes = 0;
  double disk_free_bytes = -1;  // < 0: unknown
  std::string runs_folder;
  std::string runs_error;  // empty: it is writable
  std::string simd;        // "avx512", ...
  std::string simd_error;  // of KMYRIAD_SIMD
  bool simd_forced = false;
  bool bf16 = false;  // AVX512-BF16 or AMX-BF16
  std::string gpu;    // name and memory; empty: none
  bool cuda_driver = false;
  bool torch_cuda = false;  // libtorch_cuda lies next to libtorch_cpu
  double clock_year = 0;
};

MachineFacts LookAtMachine(const std::string& runs_folder);
std::vector<Finding> Judge(const MachineFacts& facts);

// `kmyriad doctor`: the report on stdout; exit code 1 if something fails.
int RunDoctor(const std::string& runs_folder, bool json);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_DOCTOR_H_
