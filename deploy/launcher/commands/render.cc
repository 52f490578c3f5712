#include "deploy/launcher/commands/render.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "actor/physics/mujoco/scene_renderer.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "common/process/startup.h"
#include "deploy/launcher/agent_choice.h"
#include "deploy/launcher/animated_png.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/episodes.h"
#include "deploy/launcher/population_source.h"

namespace kmyriad {
namespace {

// Torso's place, attitude and the joints' angles: the first columns of an
// Ant's observation, and its model's qpos.
constexpr uint32_t kPositions = 15;
// More say nothing in a picture, and take their time.
constexpr size_t kMostDrawn = 256;
constexpr size_t kUsuallyDrawn = 8;

// What the agents did, [agent][step][kPositions].
struct Film {
  std::vector<std::vector<double>> qpos;
  std::vector<uint64_t> cells;  // by agent
};

absl::StatusOr<Film> PlayEpisodes(
    const Population& population,
    const std::shared_ptr<const EnvironmentModel>& model,
    const RenderOptions& options) {
  EpisodeOptions episodes;
  episodes.run_seed = population.config.run().seed();
  episodes.epoch = static_cast<uint32_t>(population.epoch);
  episodes.set = options.set;
  episodes.episodes = 1;
  episodes.mean_actions = options.mean_actions;
  episodes.threads = AvailableCores();
  const EnvironmentSpec& spec = population.spec;
  const double half = ArenaHalfSize(spec);
  Film film;
  film.qpos.resize(population.weights.agent_count);
  film.cells.resize(population.weights.agent_count);
  KMYRIAD_RETURN_IF_ERROR(RunEpisodes(
      model, population.weights, episodes, [&](const Episode& episode) {
        std::vector<double>& qpos = film.qpos[episode.agent];
        for (uint32_t t = 0; t < episode.steps; ++t) {
          const float* const seen =
              episode.view.observations + size_t{t} * spec.obs_dim();
          qpos.insert(qpos.end(), seen, seen + kPositions);
          qpos[qpos.size() - kPositions] *= half;
          qpos[qpos.size() - kPositions + 1] *= half;
        }
        CellSet cells(spec.coverage);
        cells.Add(episode, spec.feature_dim());
        film.cells[episode.agent] = cells.reached();
      }));
  return film;
}

// Far apart for neighbours: each a golden angle further round the hues.
void ColorOf(size_t index, float* color) {
  const double hue = std::fmod(0.1 + 0.6180339887 * double(index), 1.0) * 6;
  for (int channel = 0; channel < 3; ++channel) {
    const double distance =
        std::abs(std::fmod(hue + 6 - 2 * channel, 6.0) - 3) - 1;
    color[channel] =
        static_cast<float>(0.2 + 0.7 * std::clamp(distance, 0.0, 1.0));
  }
}

CameraView ViewOf(const EnvironmentSpec& spec, const double* followed) {
  CameraView view;
  if (followed != nullptr) {
    std::copy_n(followed, 2, view.target);
    view.target[2] = 0.5;
    view.distance = 6;
    view.elevation = -35;
    return view;
  }
  view.target[0] = (spec.x_min + spec.x_max) / 2;
  view.target[1] = (spec.y_min + spec.y_max) / 2;
  // MuJoCo's cameras see 45 degrees: the far corners are in, too.
  view.distance = 2.7 * ArenaHalfSize(spec);
  view.elevation = -65;
  return view;
}

absl::StatusOr<std::string> Draw(const Population& population, const Film& film,
                                 const std::vector<uint32_t>& agents,
                                 const RenderOptions& options) {
  const EnvironmentSpec& spec = population.spec;
  PhysicsOptions world;
  for (const Box& box : spec.boxes) {
    StaticBox& copy = world.boxes.emplace_back();
    std::copy_n(box.center, 3, copy.center);
    std::copy_n(box.half, 3, copy.half);
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<SceneRenderer> renderer,
      SceneRenderer::Create(world, options.width, options.height,
                            static_cast<uint32_t>(agents.size())));
  size_t frames = film.qpos[agents.front()].size() / kPositions;
  if (options.seconds > 0) {
    frames = std::min<size_t>(
        frames, static_cast<size_t>(
                    std::max(1.0, options.seconds / spec.step_seconds)));
  }
  AnimatedPng animation(
      options.width, options.height,
      static_cast<uint32_t>(std::max(1.0, std::round(1 / spec.step_seconds))));
  for (size_t t = 0; t < frames; ++t) {
    std::vector<DrawnRobot> robots(agents.size());
    for (size_t i = 0; i < agents.size(); ++i) {
      robots[i].qpos = film.qpos[agents[i]].data() + t * kPositions;
      ColorOf(i, robots[i].color);
    }
    const CameraView view =
        ViewOf(spec, agents.size() == 1 ? robots[0].qpos : nullptr);
    KMYRIAD_ASSIGN_OR_RETURN(const std::vector<uint8_t> picture,
                             renderer->Draw(robots, view));
    KMYRIAD_RETURN_IF_ERROR(animation.Add(picture));
  }
  return animation.Finish();
}

absl::Status CheckOptions(const RenderOptions& options) {
  const auto fits = [](uint32_t pixels) {
    return pixels >= 16 && pixels <= 4096;
  };
  if (!fits(options.width) || !fits(options.height)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--width = ", options.width, ", --height = ", options.height,
        ": both must be 16 to 4096"));
  }
  if (options.seconds >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--seconds = ", options.seconds, ": must be 0 or more"));
}

absl::Status Render(const RenderOptions& options) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_RETURN_IF_ERROR(CheckOptions(options));
  KMYRIAD_ASSIGN_OR_RETURN(const Population population,
                           LoadPopulation(files, options.target, options.runs));
  if (population.spec.task != "ant") {
    return absl::InvalidArgumentError(
        absl::StrCat(population.run_name, ": env.task = ", population.spec.task,
                     " has no body to film; kmyriad plot draws where it goes"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOf(population));
  KMYRIAD_ASSIGN_OR_RETURN(const Film film,
                           PlayEpisodes(population, model, options));
  const std::string choice =
      options.agents.empty()
          ? absl::StrCat("best:", std::min(kUsuallyDrawn, film.cells.size()))
          : options.agents;
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<uint32_t> agents,
                           ChooseAgents(choice, film.cells));
  if (agents.size() > kMostDrawn) {
    return absl::InvalidArgumentError(
        absl::StrCat("--agents = ", choice, ": names ", agents.size(),
                     " agents; at most ", kMostDrawn, " can be drawn"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(const std::string video,
                           Draw(population, film, agents, options));
  std::string path = options.out;
  if (path.empty()) {
    const std::string folder = JoinPath(population.run_folder, "videos");
    KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(folder));
    path = JoinPath(folder, absl::StrCat(population.checkpoint, "-",
                                         absl::StrReplaceAll(
                                             choice, {{":", "-"}, {",", "-"}}),
                                         ".png"));
  }
  KMYRIAD_RETURN_IF_ERROR(files.AtomicReplace(path, video));
  std::printf("%s\n", path.c_str());
  return absl::OkStatus();
}

}  // namespace

int RunRender(const RenderOptions& options) {
  const absl::Status status = Render(options);
  return status.ok() ? kExitDone : ReportError(status);
}

}  // namespace kmyriad
