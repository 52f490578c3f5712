#include "learner/trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

// Below this spread all rewards are equal (ln V of a dead environment's
// particles): there is nothing to learn, and nothing to divide by.
constexpr double kMinRewardStd = 1e-9;

constexpr char kFirstCells[] = "first_cells";

// Copies a tensor of the given name, type and byte length.
absl::Status ReadTensor(const std::vector<NamedTensor>& tensors,
                        absl::string_view name, TensorType type, void* target,
                        size_t bytes) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " missing"));
  }
  if (tensor->type != type || tensor->data.size() != bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " has another type or size"));
  }
  CopyBytes(target, tensor->data.data(), bytes);
  return absl::OkStatus();
}

// 1 where a sample is in the pool.
std::vector<uint8_t> PoolMask(const EpochBuffer& samples) {
  std::vector<uint8_t> mask(samples.flags.size());
  std::transform(samples.flags.begin(), samples.flags.end(), mask.begin(),
                 [](uint8_t flags) -> uint8_t {
                   return (flags & kSampleMasked) == 0 ? 1 : 0;
                 });
  return mask;
}

// [agents], 1 or 0: with fewer than two particles in the pool there is nothing
// to ascend, since one alone weighs the same whatever its policy does.
std::vector<uint8_t> AgentsThatAscend(const std::vector<uint8_t>& mask,
                                      uint32_t agents) {
  std::vector<uint8_t> ascend(agents);
  const auto each = static_cast<std::ptrdiff_t>(mask.size() / agents);
  for (uint32_t agent = 0; agent < agents; ++agent) {
    const auto own = mask.begin() + agent * each;
    ascend[agent] = std::count(own, own + each, 1) >= 2;
  }
  return ascend;
}

double ShareUpsideDown(const std::vector<uint8_t>& flags) {
  const auto count = std::count_if(
      flags.begin(), flags.end(),
      [](uint8_t bits) { return (bits & kSampleUpsideDown) != 0; });
  return static_cast<double>(count) / static_cast<double>(flags.size());
}

double Mean(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Whether a run with these initial tensors goes on with another one's task.
bool HasCritic(const std::vector<NamedTensor>& tensors) {
  return FindTensor(tensors, "embedding") != nullptr;
}

}  // namespace

absl::StatusOr<PolicyOptimizerOptions> MakeOptimizerOptions(
    const v1::RunConfig& config, const EnvironmentSpec& environment,
    int threads) {
  PolicyOptimizerOptions options;
  options.shape.obs_dim = environment.obs_dim();
  options.shape.act_dim = environment.act_dim;
  options.shape.agents = config.population().agents();
  options.shape.trunk.assign(config.network().trunk().begin(),
                             config.network().trunk().end());
  const std::string& activation = config.network().activation();
  if (activation != "relu" && activation != "tanh") {
    return absl::InvalidArgumentError(absl::StrCat(
        "network.activation = ", activation, ": use relu or tanh"));
  }
  options.shape.activation =
      activation == "relu" ? Activation::kRelu : Activation::kTanh;
  options.initial_log_std = config.network().initial_log_std();
  options.head_noise = config.network().head_noise();
  options.objective = config.objective().kind();
  const v1::Ppo& ppo = config.ppo();
  options.learning_rate = ppo.learning_rate();
  if (options.objective == "iw_entropy") {
    const v1::Objective& objective = config.objective();
    options.learning_rate = objective.learning_rate();
    options.iw_entropy = {objective.steps(), objective.state_kl(),
                          objective.policy_kl(), objective.effective_share()};
  }
  options.critic_learning_rate = ppo.critic_learning_rate();
  options.clip = ppo.clip();
  options.epochs = ppo.epochs();
  options.minibatches = ppo.minibatches();
  options.gamma = ppo.gamma();
  options.lambda = ppo.lambda();
  options.kl_stop = ppo.kl_stop();
  options.max_grad_norm = ppo.max_grad_norm();
  options.critic_max_grad_norm = ppo.critic_max_grad_norm();
  options.entropy_coefficient = ppo.entropy_coefficient();
  options.normalize_advantages = ppo.normalize_advantages();
  options.schedule_epochs = config.schedule().epochs();
  options.seed = config.run().seed();
  options.device = config.learner().device();
  options.threads = threads;
  options.precision = config.learner().precision();
  return options;
}

uint64_t NormalizerEpochs(uint64_t schedule_epochs) {
  return std::max<uint64_t>(1, schedule_epochs / 10);
}

void ShuffleRewards(uint64_t seed, uint64_t epoch,
                    const std::vector<uint8_t>& mask,
                    std::vector<float>* rewards) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < mask.size(); ++id) {
    if (mask[id] != 0) ids.push_back(id);
  }
  // Fisher-Yates; a product's upper half maps 64 random bits to [0, i].
  for (size_t i = ids.size(); i-- > 1;) {
    const PhiloxBlock random =
        RunRandom(seed, RandomStream::kNull, static_cast<uint32_t>(i),
                  static_cast<uint32_t>(epoch), /*step=*/1, /*draw=*/0);
    const uint64_t bits =
        (uint64_t{random.word[1]} << 32) | uint64_t{random.word[0]};
    const auto j = static_cast<size_t>(
        (static_cast<unsigned __int128>(bits) * (i + 1)) >> 64);
    std::swap((*rewards)[ids[i]], (*rewards)[ids[j]]);
  }
}

Trainer::Trainer(const v1::RunConfig& config,
                 const EnvironmentSpec& environment, const Uuid& run_uuid,
                 std::unique_ptr<PolicyOptimizer> optimizer,
                 EntropyClient& entropy, const Clock& clock)
    : config_(config),
      environment_(environment),
      run_uuid_(run_uuid),
      optimizer_(std::move(optimizer)),
      entropy_(entropy),
      clock_(clock),
      normalizer_(environment.observation),
      window_(config.entropy().window(), config.env().count(),
              config.env().horizon(), environment.feature_dim()),
      cell_visits_(environment.coverage.reachable.size()),
      cell_visits_total_(environment.coverage.reachable.size()) {}

absl::Status Trainer::StartTask() {
  if (!config_.task().has_goal()) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(task_,
                           FindGoalTask(environment_, config_.task().goal(),
                                        config_.task().radius()));
  if (config_.task().has_migrate_after()) {
    migration_.emplace(config_.population().agents(),
                       config_.task().migrate_after());
  }
  return absl::OkStatus();
}

absl::Status Trainer::Adopt(const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> parameters = optimizer_->SaveParameters();
  const bool critic = HasCritic(tensors);
  for (NamedTensor& parameter : parameters) {
    if (!critic && !absl::StartsWith(parameter.name, "trunk.") &&
        !absl::StartsWith(parameter.name, "heads.")) {
      continue;
    }
    const NamedTensor* const found = FindTensor(tensors, parameter.name);
    if (found == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the initial policy has no tensor ", parameter.name));
    }
    parameter = *found;
  }
  ObservationNormalizer normalizer(environment_.observation);
  KMYRIAD_RETURN_IF_ERROR(normalizer.Load(tensors));
  KMYRIAD_RETURN_IF_ERROR(
      optimizer_->Load(parameters, optimizer_->SaveOptimizer()));
  normalizer.Freeze();
  normalizer_ = std::move(normalizer);
  return absl::OkStatus();
}

absl::Status Trainer::WatchForgetting(const std::vector<NamedTensor>& tensors) {
  if (!ForgettingMonitor::Has(tensors)) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights policy, Policy());
  KMYRIAD_ASSIGN_OR_RETURN(forgetting_,
                           ForgettingMonitor::Create(tensors, policy.shape));
  if (!HasCritic(tensors)) first_cells_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<ForgettingReport> Trainer::MeasureForgetting() const {
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights policy, Policy());
  ForgettingReport report;
  KMYRIAD_ASSIGN_OR_RETURN(report.kl_nats, forgetting_->Kl(policy));
  if (first_cells_.has_value()) {
    report.coverage_loss = ReachableShare(*first_cells_) -
                           ReachableShare(CountCells(cell_visits_));
  }
  return report;
}

absl::StatusOr<PolicyWeights> Trainer::Policy() const {
  return optimizer_->Policy(normalizer_.Mean(), normalizer_.InverseStd());
}

ScoreRequest Trainer::MakeRequest(uint64_t epoch, const EpochBuffer& samples,
                                  const std::vector<uint8_t>& mask,
                                  ParticleWindow::Pool* pool) const {
  ScoreRequest request;
  request.run_uuid = run_uuid_;
  request.epoch = epoch;
  request.envs = samples.shape.envs;
  request.horizon = samples.shape.horizon;
  request.agents = config_.population().agents();
  request.dims = samples.shape.feature_dim;
  request.k = config_.entropy().k();
  request.floor = config_.entropy().floor();
  request.theiler_window = config_.entropy().theiler_window();
  request.engine = config_.entropy().engine();
  request.periods.assign(config_.entropy().periods().begin(),
                         config_.entropy().periods().end());
  request.measure_divergences = config_.entropy().divergences();
  if (config_.entropy().reward() != "shuffled") {
    request.reward = config_.entropy().reward();
  }
  request.collective = config_.entropy().pooling() == "collective";
  request.seed = config_.run().seed();
  request.keep_neighbors = config_.objective().kind() == "iw_entropy";
  request.coverage = environment_.coverage;
  request.particles = samples.features.data();
  request.mask = mask.data();
  if (config_.entropy().window() > 1) {
    *pool = window_.With(samples.features.data(), mask.data());
    request.window = pool->epochs;
    request.particles = pool->features.data();
    request.mask = pool->mask.data();
  }
  request.particle_digest = ParticleDigest(request);
  return request;
}

absl::StatusOr<ScoreResult> Trainer::Score(const ScoreRequest& request,
                                           TrainingMonitor& monitor) {
  KMYRIAD_ASSIGN_OR_RETURN(
      ScoreResult result,
      entropy_.ScoreEpoch(
          request, [&monitor](absl::string_view reason, double seconds) {
            return monitor.WaitForEntropyService(reason, seconds);
          }));
  if (result.rewards.size() != request.samples() ||
      result.cell_visits.size() != cell_visits_.size()) {
    return absl::InternalError("a score of another size than its request");
  }
  return result;
}

WeightsEvaluator Trainer::MakeEvaluator(const ScoreRequest& request,
                                        TrainingMonitor& monitor) {
  const WeightedForm form = config_.objective().form() == "mepol"
                                ? WeightedForm::kMepol
                                : WeightedForm::kSelfNormalized;
  return [this, &request, &monitor, form](const std::vector<float>& log_weights)
             -> absl::StatusOr<WeightedValue> {
    KMYRIAD_ASSIGN_OR_RETURN(
        EvaluateResult result,
        entropy_.Evaluate(request, form, log_weights.data(),
                          [&monitor](absl::string_view reason, double seconds) {
                            return monitor.WaitForEntropyService(reason,
                                                                 seconds);
                          }));
    return WeightedValue{result.entropy_nats, result.kl_nats,
                         result.effective_samples,
                         std::move(result.entropy_gradient)};
  };
}

void Trainer::PrepareRewards(uint64_t epoch, const std::vector<uint8_t>& mask,
                             ScoreResult* score) const {
  const double spread = score->reward_std;
  const bool usable = std::isfinite(spread) && spread > kMinRewardStd;
  for (float& reward : score->rewards) {
    reward = usable ? static_cast<float>(reward / spread) : 0.0f;
  }
  if (config_.entropy().reward() == "shuffled") {
    ShuffleRewards(config_.run().seed(), epoch, mask, &score->rewards);
  }
}

absl::StatusOr<EpochReport> Trainer::Step(uint64_t epoch,
                                          const EpochBuffer& samples,
                                          TrainingMonitor& monitor) {
  if (!monitor.OnProgress(TrainingPhase::kScore, 0)) {
    return absl::CancelledError("abandoned before scoring");
  }
  EpochReport report;
  const double start = clock_.MonotonicSeconds();
  const std::vector<uint8_t> mask = PoolMask(samples);
  ParticleWindow::Pool pool;
  const ScoreRequest request = MakeRequest(epoch, samples, mask, &pool);
  KMYRIAD_ASSIGN_OR_RETURN(report.score, Score(request, monitor));
  PrepareRewards(epoch, mask, &report.score);
  TaskOutcome outcome;
  if (task_.has_value()) {
    outcome = ScoreTask(*task_, samples, config_.population().agents());
    report.task = outcome.report;
    report.score.rewards = std::move(outcome.rewards);
    if (epoch <= config_.task().critic_warmup()) {
      std::fill(outcome.trained.begin(), outcome.trained.end(), uint8_t{0});
    }
  }
  if (config_.objective().kind() == "iw_entropy") {
    outcome.trained = AgentsThatAscend(mask, config_.population().agents());
  }
  const double scored = clock_.MonotonicSeconds();
  if (!monitor.OnProgress(TrainingPhase::kUpdate, 0)) {
    return absl::CancelledError("abandoned before the update");
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      report.update,
      optimizer_->Update(
          {samples.shape.envs, samples.shape.horizon,
           samples.observations.data(), samples.actions.data(),
           samples.log_probs.data(), report.score.rewards.data(),
           task_.has_value() ? outcome.counts.data() : nullptr,
           outcome.trained.empty() ? nullptr : outcome.trained.data(),
           MakeEvaluator(request, monitor)},
          epoch, normalizer_.Mean(), normalizer_.InverseStd(),
          [&monitor](double share) {
            return monitor.OnProgress(TrainingPhase::kUpdate, share);
          }));
  if (migration_.has_value()) {
    const std::vector<HeadCopy> copies = migration_->Advance(outcome);
    optimizer_->CopyHeads(copies, HeadMigration::kNoise, epoch);
    report.task->migrated = static_cast<uint32_t>(copies.size());
  }
  MergeObservations(epoch, samples);
  const uint64_t cells_before = CountCells(cell_visits_total_);
  CountVisits(epoch, report.score);
  window_.Push(samples.features.data(), mask.data());
  report.epoch = epoch;
  report.epoch_steps = samples.shape.samples();
  env_steps_ += report.epoch_steps;
  report.env_steps = env_steps_;
  report.cells_ever = CountCells(cell_visits_total_);
  report.new_cells = report.cells_ever - cells_before;
  report.coverage_ever = ReachableShare(report.cells_ever);
  if (forgetting_.has_value()) {
    KMYRIAD_ASSIGN_OR_RETURN(report.forgetting, MeasureForgetting());
  }
  report.reward_mean = Mean(report.score.rewards);
  report.upside_down = ShareUpsideDown(samples.flags);
  report.masked =
      static_cast<uint64_t>(std::count(mask.begin(), mask.end(), uint8_t{0}));
  report.score.rewards.clear();
  report.seconds.score = scored - start;
  report.seconds.update = clock_.MonotonicSeconds() - scored;
  return report;
}

void Trainer::MergeObservations(uint64_t epoch, const EpochBuffer& samples) {
  const EpochShape& shape = samples.shape;
  if (!normalizer_.frozen()) {
    // Block by block: the grouping is part of the result's bits.
    for (uint32_t block = 0; block < BlockCount(shape.envs); ++block) {
      const uint64_t row = uint64_t{block} * kBlockLanes * shape.horizon;
      normalizer_.Merge(samples.observations.data() + row * shape.obs_dim,
                        uint64_t{BlockRows(shape.envs, block)} * shape.horizon);
    }
  }
  if (epoch >= NormalizerEpochs(config_.schedule().epochs())) {
    normalizer_.Freeze();
  }
}

void Trainer::CountVisits(uint64_t epoch, const ScoreResult& score) {
  cell_visits_ = score.cell_visits;
  if (epoch == 1 && first_cells_.has_value()) {
    first_cells_ = CountCells(cell_visits_);
  }
  for (size_t i = 0; i < cell_visits_.size(); ++i) {
    cell_visits_total_[i] += cell_visits_[i];
  }
}

double Trainer::ReachableShare(uint64_t cells) const {
  const std::vector<uint8_t>& reachable = environment_.coverage.reachable;
  const auto all = static_cast<double>(
      reachable.size() - static_cast<size_t>(std::count(
                             reachable.begin(), reachable.end(), uint8_t{0})));
  return all > 0 ? static_cast<double>(cells) / all : 0;
}

template <typename Visits>
uint64_t Trainer::CountCells(const Visits& visits) const {
  uint64_t cells = 0;
  for (size_t i = 0; i < visits.size(); ++i) {
    cells += environment_.coverage.reachable[i] != 0 && visits[i] > 0;
  }
  return cells;
}

void Trainer::Capture(CheckpointContent* content) const {
  content->manifest.set_env_steps(env_steps_);
  content->parameters = optimizer_->SaveParameters();
  content->optimizer = optimizer_->SaveOptimizer();
  content->normalizer = normalizer_.Save();
  const std::vector<int64_t> shape = {environment_.coverage.ny,
                                      environment_.coverage.nx};
  content->coverage = {
      MakeTensor("cell_visits", shape, cell_visits_),
      MakeTensor("cell_visits_total", shape, cell_visits_total_)};
  window_.Save(&content->coverage);
  if (first_cells_.has_value()) {
    content->coverage.push_back(MakeTensor<int64_t>(
        kFirstCells, {1}, {static_cast<int64_t>(*first_cells_)}));
  }
  if (migration_.has_value()) migration_->Save(&content->optimizer);
}

absl::Status Trainer::Restore(const CheckpointContent& content) {
  std::vector<uint32_t> visits(cell_visits_.size());
  std::vector<int64_t> total(cell_visits_total_.size());
  KMYRIAD_RETURN_IF_ERROR(ReadTensor(content.coverage, "cell_visits",
                                     TensorType::kUint32, visits.data(),
                                     visits.size() * sizeof(uint32_t)));
  KMYRIAD_RETURN_IF_ERROR(ReadTensor(content.coverage, "cell_visits_total",
                                     TensorType::kInt64, total.data(),
                                     total.size() * sizeof(int64_t)));
  ObservationNormalizer normalizer(environment_.observation);
  KMYRIAD_RETURN_IF_ERROR(normalizer.Load(content.normalizer));
  ParticleWindow window = window_;
  KMYRIAD_RETURN_IF_ERROR(window.Load(content.coverage));
  absl::optional<uint64_t> first_cells;
  if (first_cells_.has_value() ||
      (!forgetting_.has_value() &&
       FindTensor(content.coverage, kFirstCells) != nullptr)) {
    KMYRIAD_RETURN_IF_ERROR(
        ReadTensor(content.coverage, kFirstCells, TensorType::kInt64,
                   &first_cells.emplace(), sizeof(uint64_t)));
  }
  std::vector<NamedTensor> optimizer = content.optimizer;
  absl::optional<HeadMigration> migration;
  if (migration_.has_value()) {
    migration.emplace(config_.population().agents(),
                      config_.task().migrate_after());
    KMYRIAD_RETURN_IF_ERROR(migration->Load(&optimizer));
  }
  KMYRIAD_RETURN_IF_ERROR(optimizer_->Load(content.parameters, optimizer));
  normalizer_ = std::move(normalizer);
  window_ = std::move(window);
  env_steps_ = content.manifest.env_steps();
  cell_visits_ = std::move(visits);
  cell_visits_total_ = std::move(total);
  first_cells_ = first_cells;
  if (migration.has_value()) migration_.emplace(*std::move(migration));
  return absl::OkStatus();
}

}  // namespace kmyriad
