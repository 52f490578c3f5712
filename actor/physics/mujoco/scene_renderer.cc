#include "actor/physics/mujoco/scene_renderer.h"

#include <mujoco/mujoco.h>

#include <algorithm>
#include <csetjmp>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "actor/physics/mujoco/engine_errors.h"
#include "actor/physics/mujoco/gl_context.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr float kFloorColor[] = {0.82f, 0.84f, 0.86f};
constexpr float kBoxColor[] = {0.45f, 0.5f, 0.56f};
constexpr float kAmbientLight = 0.4f;
constexpr float kDiffuseLight = 0.6f;
// Decoration (lights' gizmos and such) beyond the geometry itself.
constexpr int kSpareGeoms = 100;

class MujocoSceneRenderer : public SceneRenderer {
 public:
  MujocoSceneRenderer(std::unique_ptr<GlContext> gl, ModelPointer model,
                      uint32_t width, uint32_t height)
      : gl_(std::move(gl)),
        model_(std::move(model)),
        data_(mj_makeData(model_.get())),
        width_(width),
        height_(height) {
    mjv_defaultOption(&option_);
    mjv_defaultScene(&scene_);
    mjr_defaultContext(&context_);
  }
  ~MujocoSceneRenderer() override {
    mjr_freeContext(&context_);
    mjv_freeScene(&scene_);
  }

  absl::Status Open(uint32_t robots) {
    const auto geoms = static_cast<int>(model_->ngeom);
    for (int geom = 0; geom < geoms; ++geom) {
      float* const color = model_->geom_rgba + 4 * geom;
      if (model_->geom_bodyid[geom] != 0) continue;
      const bool plane = model_->geom_type[geom] == mjGEOM_PLANE;
      std::copy_n(plane ? kFloorColor : kBoxColor, 3, color);
    }
    // The only light, at the camera: bright enough to be the only one.
    std::fill_n(model_->vis.headlight.ambient, 3, kAmbientLight);
    std::fill_n(model_->vis.headlight.diffuse, 3, kDiffuseLight);
    model_->vis.global.offwidth = static_cast<int>(width_);
    model_->vis.global.offheight = static_cast<int>(height_);
    const int most = geoms * (1 + static_cast<int>(robots)) + kSpareGeoms;
    const std::string error = Try([this, most] {
      mjv_makeScene(model_.get(), &scene_, most);
      mjr_makeContext(model_.get(), &context_, mjFONTSCALE_100);
      mjr_setBuffer(mjFB_OFFSCREEN, &context_);
    });
    if (!error.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("MuJoCo cannot draw here: ", error));
    }
    if (context_.currentBuffer == mjFB_OFFSCREEN) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "MuJoCo cannot draw here: the OpenGL has no off-screen frame buffer");
  }

  absl::StatusOr<std::vector<uint8_t>> Draw(
      const std::vector<DrawnRobot>& robots, const CameraView& view) override {
    mjvCamera camera;
    mjv_defaultCamera(&camera);
    std::copy_n(view.target, 3, camera.lookat);
    camera.distance = view.distance;
    camera.azimuth = view.azimuth;
    camera.elevation = view.elevation;
    std::vector<uint8_t> rows(size_t{width_} * height_ * 3);
    const std::string error = Try([this, &robots, &camera, &rows] {
      for (const DrawnRobot& robot : robots) {
        AddRobot(robot, &robot == &robots.front() ? &camera : nullptr);
      }
      const mjrRect frame = {0, 0, static_cast<int>(width_),
                             static_cast<int>(height_)};
      mjr_render(frame, &scene_, &context_);
      mjr_readPixels(rows.data(), nullptr, frame, &context_);
    });
    if (!error.empty()) {
      return absl::InternalError(absl::StrCat("MuJoCo: ", error));
    }
    // OpenGL's first row is the lowest.
    const auto row = static_cast<std::ptrdiff_t>(width_) * 3;
    for (uint32_t top = 0; top < height_ / 2; ++top) {
      std::swap_ranges(rows.begin() + top * row, rows.begin() + (top + 1) * row,
                       rows.begin() + (height_ - 1 - top) * row);
    }
    return rows;
  }

 private:
  // Runs engine calls, among which nothing with a destructor may be made; what
  // the engine says if it fails.
  static std::string Try(const std::function<void()>& calls) {
    EngineErrorTrap trap;
    if (setjmp(trap.target()) != 0) return trap.message();
    calls();
    return "";
  }

  // The first one brings its world and the camera.
  void AddRobot(const DrawnRobot& robot, mjvCamera* camera) {
    std::copy_n(robot.qpos, model_->nq, data_->qpos);
    mj_kinematics(model_.get(), data_.get());
    const int before = camera != nullptr ? 0 : scene_.ngeom;
    if (camera != nullptr) {
      mjv_updateScene(model_.get(), data_.get(), &option_, nullptr, camera,
                      mjCAT_ALL, &scene_);
    } else {
      mjv_addGeoms(model_.get(), data_.get(), &option_, nullptr, mjCAT_DYNAMIC,
                   &scene_);
    }
    for (int geom = before; geom < scene_.ngeom; ++geom) {
      if (scene_.geoms[geom].category != mjCAT_DYNAMIC) continue;
      std::copy_n(robot.color, 3, scene_.geoms[geom].rgba);
    }
  }

  // Outlives what draws with it.
  const std::unique_ptr<GlContext> gl_;
  const ModelPointer model_;
  const DataPointer data_;
  const uint32_t width_;
  const uint32_t height_;
  mjvOption option_;
  mjvScene scene_;
  mjrContext context_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SceneRenderer>> SceneRenderer::Create(
    const PhysicsOptions& options, uint32_t width, uint32_t height,
    uint32_t robots) {
  constexpr uint32_t kLeast = 16;
  constexpr uint32_t kMost = 4096;
  KMYRIAD_CHECK(width >= kLeast && width <= kMost && height >= kLeast &&
                height <= kMost);
  KMYRIAD_ASSIGN_OR_RETURN(ModelPointer model, CompileModel(AntMjcf(options)));
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<GlContext> gl, GlContext::Create());
  auto renderer = std::make_unique<MujocoSceneRenderer>(
      std::move(gl), std::move(model), width, height);
  KMYRIAD_RETURN_IF_ERROR(renderer->Open(robots));
  return renderer;
}

}  // namespace kmyriad
