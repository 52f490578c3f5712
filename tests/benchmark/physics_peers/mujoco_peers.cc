#include <mujoco/mjbatch.h>
#include <mujoco/mujoco.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "tests/benchmark/physics_peers/peer_engine.h"

namespace kmyriad {
namespace {

struct BatchDeleter {
  void operator()(mjBatch* batch) const { mjb_deleteBatch(batch); }
};
using Batch = std::unique_ptr<mjBatch, BatchDeleter>;

class MujocoLoop : public PeerEngine {
 public:
  MujocoLoop(const PeerTask& task, ModelPointer model)
      : task_(task),
        model_(std::move(model)),
        pool_(static_cast<int>(std::max(1u, task.threads - 1))) {
    for (uint32_t i = 0; i < task_.blocks * kBlockLanes; ++i) {
      robots_.emplace_back(mj_makeData(model_.get()));
    }
  }

  void Reset(const std::vector<double>& qpos) override {
    for (size_t i = 0; i < robots_.size(); ++i) {
      mj_resetData(model_.get(), robots_[i].get());
      std::copy_n(&qpos[i * task_.positions], task_.positions,
                  robots_[i]->qpos);
    }
  }

  void Step(const std::vector<float>& controls) override {
    const auto step = [&](size_t block) {
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        mjData* d = robots_[block * kBlockLanes + lane].get();
        for (uint32_t i = 0; i < task_.controls; ++i) {
          d->ctrl[i] = double{
              controls[(block * task_.controls + i) * kBlockLanes + lane]};
        }
        for (uint32_t i = 0; i < task_.frame_skip; ++i)
          mj_step(model_.get(), d);
      }
    };
    if (task_.threads > 1) {
      pool_.ParallelFor(task_.blocks, step);
    } else {
      for (size_t block = 0; block < task_.blocks; ++block) step(block);
    }
  }

  std::vector<double> Positions() const override {
    std::vector<double> qpos;
    for (const DataPointer& d : robots_) {
      qpos.insert(qpos.end(), d->qpos, d->qpos + task_.positions);
    }
    return qpos;
  }

 private:
  const PeerTask task_;
  const ModelPointer model_;
  std::vector<DataPointer> robots_;
  ThreadPool pool_;
};

class MujocoBatch : public PeerEngine {
 public:
  MujocoBatch(const PeerTask& task, Batch batch)
      : task_(task), batch_(std::move(batch)) {}

  void Reset(const std::vector<double>& qpos) override {
    mjb_reset(batch_.get(), nullptr, 0, nullptr, mjSTAGE_NONE);
    Rows(mjSTATE_QPOS, [&](uint32_t robot, mjtNum* row) {
      std::copy_n(&qpos[robot * task_.positions], task_.positions, row);
    });
  }

  void Step(const std::vector<float>& controls) override {
    Rows(mjSTATE_CTRL, [&](uint32_t robot, mjtNum* row) {
      const uint32_t block = robot / kBlockLanes, lane = robot % kBlockLanes;
      for (uint32_t i = 0; i < task_.controls; ++i) {
        row[i] =
            double{controls[(block * task_.controls + i) * kBlockLanes + lane]};
      }
    });
    mjb_step(batch_.get(), nullptr, 0, static_cast<int>(task_.frame_skip),
             mjSTAGE_NONE);
  }

  std::vector<double> Positions() const override {
    std::vector<double> qpos;
    Rows(mjSTATE_QPOS, [&](uint32_t, mjtNum* row) {
      qpos.insert(qpos.end(), row, row + task_.positions);
    });
    return qpos;
  }

 private:
  // Calls what(robot, its row of a component of the state).
  template <typename What>
  void Rows(mjtState component, const What& what) const {
    mjtNum* row = mjb_stateComponent(batch_.get(), component, nullptr);
    for (uint32_t robot = 0; robot < task_.blocks * kBlockLanes; ++robot) {
      what(robot, row);
      row += mjb_nstate(batch_.get());
    }
  }

  const PeerTask task_;
  const Batch batch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PeerEngine>> CreateMujocoLoop(
    const PeerTask& task) {
  KMYRIAD_ASSIGN_OR_RETURN(ModelPointer model, CompileModel(task.mjcf));
  return std::make_unique<MujocoLoop>(task, std::move(model));
}

absl::StatusOr<std::unique_ptr<PeerEngine>> CreateMujocoBatch(
    const PeerTask& task) {
  KMYRIAD_ASSIGN_OR_RETURN(const ModelPointer model, CompileModel(task.mjcf));
  mjBatchConfig config;
  mjb_defaultConfig(&config);
  config.nthread = static_cast<int>(task.threads);
  char error[500] = "";
  Batch batch(mjb_makeBatch(model.get(),
                            static_cast<int>(task.blocks * kBlockLanes),
                            &config, error, sizeof(error)));
  if (batch == nullptr) return absl::InternalError(error);
  return std::make_unique<MujocoBatch>(task, std::move(batch));
}

}  // namespace kmyriad
