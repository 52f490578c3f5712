// Streams of the entropy service, up to the scores of what was complete.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/metrics/metrics_registry.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/epoch_evaluation.h"
#include "entropy_service/score_header_codec.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/fake_clock.h"

namespace kmyriad {
namespace {

EntropyEngine& Engine() {
  static MetricsRegistry* const registry = new MetricsRegistry;
  static EntropyMetrics* const metrics = new EntropyMetrics(*registry);
  static FakeClock* const clock = new FakeClock;
  static EntropyEngine* const engine = []() {
    EntropyEngineOptions options;
    options.threads = 1;
    return EntropyEngine::Create(options, *metrics, *clock)->release();
  }();
  return *engine;
}

// The digest of all particles and then all masks, so that the check does not
// end every mutation.
std::string DigestOf(const std::vector<v1::ScoreEpochRequest>& messages) {
  Sha256 hash;
  for (const auto& message : messages) {
    hash.Update(message.chunk().features().data(),
                message.chunk().features().size());
  }
  for (const auto& message : messages) {
    hash.Update(message.chunk().mask().data(), message.chunk().mask().size());
  }
  return ToBytes(hash.Finish());
}

absl::Status Take(const v1::ScoreEpochRequest& message,
                  std::optional<EpochParticles>* particles) {
  if (message.has_header()) {
    KMYRIAD_ASSIGN_OR_RETURN(ScoreRequest request,
                             ScoreRequestFromProto(message.header()));
    KMYRIAD_ASSIGN_OR_RETURN(*particles,
                             EpochParticles::Create(std::move(request)));
    return absl::OkStatus();
  }
  if (!particles->has_value() || !message.has_chunk()) {
    return absl::InvalidArgumentError("out of turn");
  }
  return (*particles)
      ->Append(message.chunk().first(), message.chunk().features(),
               message.chunk().mask());
}

// With log-weights that the rewards give: any numbers do.
void Evaluate(const std::shared_ptr<const ScoredEpoch>& scored) {
  auto evaluation =
      EpochEvaluation::Create(scored, WeightedForm::kSelfNormalized);
  KMYRIAD_CHECK(evaluation.ok());
  const std::string bytes(reinterpret_cast<const char*>(scored->rewards.data()),
                          scored->rewards.size() * sizeof(float));
  if (!evaluation->Append(0, bytes).ok()) return;
  const EvaluatedEpoch evaluated = evaluation->Compute();
  KMYRIAD_CHECK(evaluated.entropy_nats - evaluated.entropy_nats == 0);
  for (const float slope : evaluated.entropy_gradient) {
    KMYRIAD_CHECK(slope - slope == 0);
  }
}

void Score(const EpochParticles& particles) {
  const auto scored = Engine().Score(particles, nullptr);
  if (!scored.ok()) return;
  KMYRIAD_CHECK((*scored)->rewards.size() == particles.request().samples());
  for (const float reward : (*scored)->rewards) {
    KMYRIAD_CHECK(reward - reward == 0);
  }
  // Same request, same bits.
  const auto again = Engine().Score(particles, nullptr);
  KMYRIAD_CHECK(again.ok() && (*again)->rewards == (*scored)->rewards);
  if ((*scored)->pool != nullptr) Evaluate(*scored);
}

}  // namespace

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  const bool mend = input.Byte() % 2 == 1;
  std::vector<v1::ScoreEpochRequest> messages;
  while (!input.empty()) {
    const absl::string_view frame = input.Frame();
    v1::ScoreEpochRequest message;
    if (!message.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      return;
    }
    messages.push_back(std::move(message));
  }
  std::optional<EpochParticles> particles;
  for (v1::ScoreEpochRequest& message : messages) {
    if (mend && message.has_header()) {
      message.mutable_header()->set_particle_digest(DigestOf(messages));
    }
    if (!Take(message, &particles).ok()) return;
  }
  // Bigger ones take their time, and nothing else.
  if (particles.has_value() && particles->complete() &&
      particles->request().particles() <= 4096) {
    Score(*particles);
  }
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const uint32_t dims : {1u, 2u, 3u, 7u, 15u}) {
    v1::ScoreEpochRequest header;
    v1::ScoreEpochHeader& fields = *header.mutable_header();
    fields.set_run_uuid(std::string(16, 'r'));
    fields.set_epoch(1);
    fields.set_particle_digest(std::string(32, 'd'));
    fields.set_envs(4);
    fields.set_horizon(dims == 15 ? 1 : 5);
    fields.set_agents(2);
    fields.set_dims(dims);
    fields.set_k(3);
    fields.set_floor(0.01f);
    fields.set_reward(dims == 2   ? v1::REWARD_KIND_SELFNORM_REVERSE
                      : dims == 3 ? v1::REWARD_KIND_MARGINAL
                      : dims == 7 ? v1::REWARD_KIND_APT
                                  : v1::REWARD_KIND_FORWARD);
    fields.set_measure_divergences(dims == 3);
    if (dims == 1) fields.add_periods(4);
    fields.set_keep_neighbors(dims == 2);
    fields.set_pooling(dims == 2 || dims == 3 ? v1::POOLING_COLLECTIVE
                                              : v1::POOLING_INDIVIDUAL);
    fields.set_window(dims == 15 ? 5 : 1);
    if (dims == 3) {
      v1::CoverageGrid& grid = *fields.mutable_coverage();
      grid.set_cell_size(1);
      grid.set_nx(2);
      grid.set_ny(2);
      grid.set_reachable(std::string(4, '\1'));
    }
    std::string seed = '\1' + FrameOf(header.SerializeAsString());
    for (uint64_t first : {0, 10}) {
      v1::ScoreEpochRequest chunk;
      std::vector<float> values(10 * dims);
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>((i * 37 + first) % 11) / 4;
      }
      chunk.mutable_chunk()->set_first(first);
      chunk.mutable_chunk()->set_features(values.data(), values.size() * 4);
      chunk.mutable_chunk()->set_mask(std::string(10, '\1'));
      seed += FrameOf(chunk.SerializeAsString());
    }
    seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace kmyriad
