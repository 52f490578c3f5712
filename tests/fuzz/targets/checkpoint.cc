// A checkpoint's folder: marker, manifest and tensor files.
#include <string>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/proto_json.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/simulated_disk.h"

namespace kmyriad {
namespace {

constexpr char kUuid[] = "00112233445566778899aabbccddeeff";
constexpr char kName[] = "epoch_000001";
constexpr const char* kFiles[] = {"COMMIT",
                                  "MANIFEST.json",
                                  "policy.safetensors",
                                  "optimizer.safetensors",
                                  "normalizer.safetensors",
                                  "coverage.safetensors"};

// Gives the manifest the sizes and hashes of the files as they are, and the
// marker the manifest's hash, so that what is behind these checks is reached.
void MendHashes(SimulatedDisk& disk) {
  const auto read = [&disk](absl::string_view file) {
    return *disk.Read(JoinPath(JoinPath("/", kName), file), 1 << 20);
  };
  v1::CheckpointManifest manifest;
  if (ParseJson(read("MANIFEST.json"), "manifest", &manifest).ok()) {
    for (v1::CheckpointFile& file : *manifest.mutable_files()) {
      for (const char* name : kFiles) {
        if (file.name() != name) continue;
        file.set_bytes(read(name).size());
        file.set_sha256(ToHex(Sha256Of(read(name))));
      }
    }
    KMYRIAD_CHECK(
        disk.WriteAndSync("/epoch_000001/MANIFEST.json", FormatJson(manifest))
            .ok());
  }
  KMYRIAD_CHECK(disk.WriteAndSync("/epoch_000001/COMMIT",
                                  ToHex(Sha256Of(read("MANIFEST.json"))))
                    .ok());
}

NamedTensor Tensor(const std::string& name) {
  return {name, TensorType::kFloat32, {1}, std::vector<uint8_t>(4)};
}

}  // namespace

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  SimulatedDisk disk;
  KMYRIAD_CHECK(disk.CreateFolders("/epoch_000001").ok());
  const bool mend = input.Byte() % 2 == 1;
  for (const char* file : kFiles) {
    KMYRIAD_CHECK(
        disk.WriteAndSync(JoinPath("/epoch_000001", file), input.Frame()).ok());
  }
  if (mend) MendHashes(disk);
  Checkpointer checkpoints(disk, "/", kUuid);
  const auto listed = checkpoints.List();
  KMYRIAD_CHECK(listed.ok());
  const absl::StatusOr<CheckpointContent> content = checkpoints.Load(kName);
  if (content.ok()) {
    KMYRIAD_CHECK(listed->size() == 1);
    KMYRIAD_CHECK(content->manifest.run_uuid() == kUuid);
  }
}

std::vector<std::string> Seeds() {
  SimulatedDisk disk;
  Checkpointer checkpoints(disk, "/", kUuid);
  CheckpointContent content;
  content.manifest.set_epoch(1);
  content.parameters = {Tensor("trunk.weight")};
  content.optimizer = {Tensor("adam.step")};
  content.normalizer = {Tensor("normalizer.mean")};
  content.coverage = {Tensor("cell_visits")};
  KMYRIAD_CHECK(checkpoints.Save(content).ok());
  std::string files;
  for (const char* file : kFiles) {
    files += FrameOf(*disk.Read(JoinPath("/epoch_000001", file), 1 << 20));
  }
  return {'\0' + files, '\1' + files};
}

}  // namespace kmyriad
