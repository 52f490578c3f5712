#include <algorithm>
#include <utility>

#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "tests/benchmark/physics_peers/peer_engine.h"

namespace kmyriad {
namespace {

class BackendEngine : public PeerEngine {
 public:
  BackendEngine(const PeerTask& task,
                std::vector<std::unique_ptr<PhysicsBlock>> blocks)
      : task_(task),
        blocks_(std::move(blocks)),
        pool_(static_cast<int>(std::max(1u, task.threads - 1))) {}

  void Reset(const std::vector<double>& qpos) override {
    const std::vector<double> rest(task_.velocities, 0.0);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        blocks_[i]->Reset(lane,
                          &qpos[(i * kBlockLanes + lane) * task_.positions],
                          rest.data());
      }
    }
  }

  void Step(const std::vector<float>& controls) override {
    const auto step = [&](size_t block) {
      // A lost lane stays lost: seen in Positions.
      (void)blocks_[block]->Step(
          &controls[block * task_.controls * kBlockLanes], task_.frame_skip);
    };
    if (task_.threads > 1) {
      pool_.ParallelFor(task_.blocks, step);
    } else {
      for (size_t block = 0; block < task_.blocks; ++block) step(block);
    }
  }

  std::vector<double> Positions() const override {
    std::vector<double> qpos(blocks_.size() * kBlockLanes * task_.positions);
    std::vector<double> qvel(task_.velocities);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        blocks_[i]->Read(lane,
                         &qpos[(i * kBlockLanes + lane) * task_.positions],
                         qvel.data());
      }
    }
    return qpos;
  }

 private:
  const PeerTask task_;
  const std::vector<std::unique_ptr<PhysicsBlock>> blocks_;
  ThreadPool pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PeerEngine>> CreateBackendEngine(
    const PeerTask& task, std::shared_ptr<const PhysicsModel> model) {
  std::vector<std::unique_ptr<PhysicsBlock>> blocks;
  for (uint32_t i = 0; i < task.blocks; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PhysicsBlock> block,
                             model->CreateBlock());
    blocks.push_back(std::move(block));
  }
  return std::make_unique<BackendEngine>(task, std::move(blocks));
}

}  // namespace kmyriad
