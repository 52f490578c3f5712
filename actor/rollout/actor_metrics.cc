#include "actor/rollout/actor_metrics.h"

namespace kmyriad {
namespace {

constexpr char kSegments[] = "kmyriad_actor_segments_total";
constexpr char kSegmentsHelp[] = "Segments by what became of them.";
constexpr char kReconnects[] = "kmyriad_actor_reconnects_total";
constexpr char kReconnectsHelp[] = "Streams to the learner opened again.";

}  // namespace

ActorMetrics::ActorMetrics(MetricsRegistry& registry)
    : env_steps(registry.AddCounter("kmyriad_actor_env_steps_total",
                                    "Environment steps, padding left out.")),
      episodes(registry.AddCounter(
          "kmyriad_actor_episodes_total",
          "Episodes, all of them ended by the horizon.", {{"end", "timeout"}})),
      segments_acked(
          registry.AddCounter(kSegments, kSegmentsHelp, {{"result", "acked"}})),
      segments_dropped(registry.AddCounter(kSegments, kSegmentsHelp,
                                           {{"result", "dropped"}})),
      segments_rejected(registry.AddCounter(kSegments, kSegmentsHelp,
                                            {{"result", "rejected"}})),
      segments_abandoned(registry.AddCounter(kSegments, kSegmentsHelp,
                                             {{"result", "abandoned"}})),
      batch_errors(
          registry.AddCounter("kmyriad_actor_batch_errors_total",
                              "State batches that the learner refused.")),
      bytes_sent(
          registry.AddCounter("kmyriad_actor_sent_bytes_total",
                              "Bytes of the columns of state batches sent.")),
      reconnects_unavailable(registry.AddCounter(kReconnects, kReconnectsHelp,
                                                 {{"reason", "unavailable"}})),
      reconnects_silent(registry.AddCounter(kReconnects, kReconnectsHelp,
                                            {{"reason", "deadline"}})),
      reconnects_protocol(registry.AddCounter(kReconnects, kReconnectsHelp,
                                              {{"reason", "protocol"}})),
      nonfinite_states(
          registry.AddCounter("kmyriad_actor_physics_errors_total",
                              "Environment steps whose state was put back.",
                              {{"kind", "nonfinite"}})),
      credit_wait_seconds(registry.AddCounter(
          "kmyriad_actor_credit_wait_seconds_total",
          "Seconds that workers waited for the learner to take samples.")),
      policy_version(registry.AddGauge("kmyriad_actor_policy_version",
                                       "Policy version of the last lease.")),
      epoch(
          registry.AddGauge("kmyriad_actor_epoch", "Epoch of the last lease.")),
      blocks_held(registry.AddGauge("kmyriad_actor_blocks_held",
                                    "Leased blocks, waiting or stepped.")),
      connected(registry.AddGauge("kmyriad_actor_connected",
                                  "1 while the learner has welcomed us.")),
      rollout_seconds(registry.AddHistogram(
          "kmyriad_actor_rollout_duration_seconds",
          "Seconds per batch of segments stepped side by side (one on the "
          "host), sending included.",
          LatencyBounds())),
      physics_seconds(registry.AddHistogram(
          "kmyriad_actor_step_duration_seconds",
          "Seconds of physics and observation per segment.", LatencyBounds())),
      inference_seconds(registry.AddHistogram(
          "kmyriad_actor_inference_duration_seconds",
          "Seconds of policy inference per segment.", LatencyBounds())),
      policy_fetch_seconds(registry.AddHistogram(
          "kmyriad_actor_policy_fetch_duration_seconds",
          "Seconds from a policy snapshot's first chunk to its use.",
          LatencyBounds())) {}

}  // namespace kmyriad
