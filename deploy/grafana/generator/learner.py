"""Does the update work, and does the learner keep up?"""
from .grafana import (LEARNER, RUN, Dashboard, Heatmap, Query, Row, Stat,
                      TimeSeries)


def mean(histogram, labels):
    """Mean of a histogram's observations in the interval."""
    return (f"rate({histogram}_sum{{{labels}}}[$__rate_interval]) / "
            f"(rate({histogram}_count{{{labels}}}[$__rate_interval]) > 0)")


UPDATE = Row("Update", (
    TimeSeries("Loss", "none", "Loss of policy and value in the last epoch.",
               "value falls; policy stays small around 0.",
               (Query(f"kmyriad_learner_loss{{{LEARNER}}}", "{{term}}"),)),
    TimeSeries("KL divergence", "none",
               "Behaviour policy to new policy, nats, mean over agents.",
               "below ppo.kl_stop; 0 means that nothing is learnt.",
               (Query(f"kmyriad_learner_kl_divergence_nats{{{LEARNER}}}"),),
               lowest=0),
    TimeSeries("Clipped", "percentunit",
               "Samples whose probability ratio was clipped.",
               "5 to 30 per cent.",
               (Query(f"kmyriad_learner_clip_ratio{{{LEARNER}}}"),),
               lowest=0),
    TimeSeries("Gradient norm", "none",
               "Norms before clipping: trunk, and the largest head.",
               "steady within a factor of ten.",
               (Query(f"kmyriad_learner_gradient_norm{{{LEARNER}}}",
                      "{{part}}"),), log=True),
    TimeSeries("Action noise", "none",
               "Mean standard deviation of the actions before tanh.",
               "falls slowly; near 0 exploration within an agent has ended.",
               (Query(f"kmyriad_learner_action_std{{{LEARNER}}}"),),
               lowest=0),
    TimeSeries("Learning rate", "none", "Adam's step size.",
               "as the schedule says.",
               (Query(f"kmyriad_learner_learning_rate{{{LEARNER}}}"),)),
))

TIME = Row("Time", (
    TimeSeries("Mean time of a phase", "s",
               "Seconds per epoch: collect, knn (scoring), gradient (update).",
               "gradient and collect of the same order; knn small.",
               (Query("kmyriad:update_duration_seconds:mean15m"
                      f"{{{RUN}}}", "{{phase}}"),), stack=True),
    TimeSeries("95th percentile of a phase", "s",
               "Of the phases in the last quarter of an hour.",
               "close to the mean; far above, an actor straggles.",
               (Query("kmyriad:update_duration_seconds:p95_15m"
                      f"{{{RUN}}}", "{{phase}}"),)),
    Heatmap("Collecting", "s", "Epochs by how long collecting took.",
            "one narrow band.",
            (Query("sum by (le) (increase("
                   "kmyriad_learner_update_duration_seconds_bucket"
                   f'{{{LEARNER},phase="collect"}}[$__rate_interval]))',
                   "{{le}}", form="heatmap"),)),
))

INGEST = Row("Ingest", (
    TimeSeries("State batches", "Bps", "Bytes of state batches received.",
               "saw-tooth of the epochs; far below the network's limit.",
               (Query("rate(kmyriad_learner_received_bytes_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),)),
    TimeSeries("Refused", "ops",
               "Messages of actors and actors at the door that were refused, "
               "per second.", "0.",
               (Query("rate(kmyriad_learner_refused_batches_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "messages"),
                Query("rate(kmyriad_learner_refused_actors_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "actors"))),
    TimeSeries("Blocks", "none", "Blocks that actors work on, and blocks that "
               "nobody works on.", "unleased near 0 while collecting.",
               (Query(f"kmyriad_learner_blocks_leased{{{LEARNER}}}",
                      "leased"),
                Query(f"kmyriad_learner_blocks_unleased{{{LEARNER}}}",
                      "unleased"))),
    TimeSeries("Waiting for the update", "none",
               "Segments of this epoch that are in, and how many an epoch "
               "has.", "a saw-tooth that reaches the epoch's number.",
               (Query(f"kmyriad_learner_queue_segments{{{LEARNER}}}", "in"),
                Query(f"kmyriad_learner_queue_capacity_segments{{{LEARNER}}}",
                      "epoch")), lowest=0),
    TimeSeries("Bytes that wait", "bytes",
               "Of segments for their update, and of what actors have yet to "
               "read (backlog).", "backlog 0 but for policies on their way.",
               (Query(f"kmyriad_learner_queue_bytes{{{LEARNER}}}",
                      "segments"),
                Query(f"kmyriad_learner_backlog_bytes{{{LEARNER}}}",
                      "backlog"),
                Query(f"kmyriad_learner_backlog_capacity_bytes{{{LEARNER}}}",
                      "backlog limit")), lowest=0),
    TimeSeries("Age of segments", "s",
               "From lease to last byte, applied segments: median and 95th "
               "percentile.", "close together; far apart, an actor straggles.",
               tuple(Query(f"histogram_quantile({quantile}, sum by (le) (rate("
                           "kmyriad_learner_segment_age_seconds_bucket"
                           f"{{{LEARNER}}}[$__rate_interval])))", name)
                     for quantile, name in ((0.5, "median"), (0.95, "95th"))),
               lowest=0),
    TimeSeries("Samples", "ops",
               "Samples per second that were trained on, and that were "
               "computed in vain.", "consumed alone.",
               (Query("rate(kmyriad_learner_samples_consumed_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "consumed"),
                Query("sum by (reason) (rate("
                      "kmyriad_learner_samples_dropped_total"
                      f"{{{LEARNER}}}[$__rate_interval]))", "{{reason}}")),
               lowest=0),
    TimeSeries("Not finite", "ops",
               "Samples per second that were put back after becoming "
               "non-finite.", "0.",
               (Query("rate(kmyriad_learner_nonfinite_total"
                      f"{{{LEARNER}}}[$__rate_interval])", "{{where}}"),),
               lowest=0),
    TimeSeries("Leases", "ops", "Blocks leased per second, by reason.",
               "first alone; backup says that an actor is slow or gone.",
               (Query("sum by (reason) (rate("
                      "kmyriad_learner_lease_changes_total"
                      f"{{{LEARNER}}}[$__rate_interval]))", "{{reason}}"),),
               stack=True),
    TimeSeries("Waits for the entropy service", "ops",
               "Attempts to score that found no entropy service, per second.",
               "0.",
               (Query("rate(kmyriad_learner_entropy_service_waits_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),)),
    TimeSeries("Updates", "ops", "Policy updates per second.",
               "one per epoch, without gaps.",
               (Query("rate(kmyriad_learner_updates_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),)),
))

STORAGE = Row("Checkpoints", (
    TimeSeries("Mean time of a save", "s", "Seconds that a checkpoint took.",
               "small against an epoch.",
               (Query(mean("kmyriad_checkpoint_save_duration_seconds",
                           LEARNER)),)),
    TimeSeries("Saves", "ops", "Saves per second, by result.", "ok alone.",
               (Query("sum by (result) (rate(kmyriad_checkpoint_saves_total"
                      f"{{{LEARNER}}}[$__rate_interval]))", "{{result}}"),)),
    TimeSeries("Room", "bytes", "Free bytes of the run folder's volume.",
               "many times the size of a checkpoint.",
               (Query(f"kmyriad_storage_free_bytes{{{LEARNER}}}",
                      "{{volume}}"),), lowest=0),
    Stat("Checkpoint size", "bytes", "Size of the last checkpoint.",
         "constant.",
         (Query(f"kmyriad_checkpoint_size_bytes{{{LEARNER}}}",
                instant=True),), width=6),
    Stat("Checkpoint age", "s", "Time since the last save.",
         "about one epoch.",
         (Query(f"kmyriad:checkpoint_age_seconds{{{RUN}}}", instant=True),),
         width=6),
    Stat("Steps not yet saved", "none",
         "Steps of finished epochs that a crash would cost.", "0.",
         (Query(f"kmyriad_run_env_steps{{{LEARNER}}} - "
                f"kmyriad_checkpoint_last_success_env_steps{{{LEARNER}}}",
                instant=True),), width=6),
    Stat("Volume", "bool_yes_no", "Whether the volume takes writes.", "Yes.",
         (Query(f"kmyriad_storage_writable{{{LEARNER}}}", instant=True),),
         width=6, steps=((None, "red"), (1, "green"))),
))

DASHBOARD = Dashboard("kmyriad-learner", "Learner", __doc__,
                      (UPDATE, TIME, INGEST, STORAGE))
