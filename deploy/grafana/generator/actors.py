"""Which actor is slow, idle or unwell?"""
from .grafana import (ACTOR, LEARNER, Dashboard, Heatmap, Query, Row, Table,
                      TimeSeries)

LAG = (f"scalar(max(kmyriad_learner_policy_version{{{LEARNER}}})) - "
       f"kmyriad_actor_policy_version{{{ACTOR}}}")


def by_actor(metric):
    return (f"sum by (instance) (rate({metric}{{{ACTOR}}}"
            "[$__rate_interval]))")


def share(part):
    """Of a rollout's time."""
    return (f"{by_actor(part)} / "
            f"({by_actor('kmyriad_actor_rollout_duration_seconds_sum')} > 0)")


FLEET = Row("Fleet", (
    Table("Actors", "none", "One row per actor.",
          "all connected, with like speed and without lag.",
          tuple(Query(expr, instant=True, form="table") for expr in (
              f"kmyriad_actor_connected{{{ACTOR}}}",
              f"kmyriad_actor_blocks_held{{{ACTOR}}}",
              f"sum by (instance) (rate(kmyriad_actor_env_steps_total"
              f"{{{ACTOR}}}[5m]))",
              LAG,
              f"sum by (instance) (increase(kmyriad_actor_reconnects_total"
              f"{{{ACTOR}}}[1h]))",
              f"rate(process_cpu_seconds_total{{{ACTOR}}}[5m])",
              f"process_resident_memory_bytes{{{ACTOR}}}")),
          columns=(("Connected", "bool_yes_no"), ("Blocks", "none"),
                   ("Steps per second", "ops"), ("Versions behind", "none"),
                   ("Reconnects in an hour", "none"), ("Cores", "none"),
                   ("Memory", "bytes")),
          width=24, height=9),
    TimeSeries("Env steps", "ops", "Environment steps per second.",
               "even among like machines.",
               (Query(by_actor("kmyriad_actor_env_steps_total"),
                      "{{instance}}"),), stack=True),
    TimeSeries("CPU time per env step", "s",
               "CPU seconds of an actor per environment step.",
               "steady; doubled, the machine is shared or throttled.",
               (Query(f"{by_actor('process_cpu_seconds_total')} / "
                      f"({by_actor('kmyriad_actor_env_steps_total')} > 0)",
                      "{{instance}}"),)),
    TimeSeries("Versions behind", "none",
               "Policy version of the learner less that of the actor's last "
               "lease.", "0 or 1.",
               (Query(LAG, "{{instance}}"),), lowest=0),
))



def of_fleet(metric):
    return f"rate({metric}{{{LEARNER}}}[$__rate_interval])"


HEARTBEATS = Row("By heartbeats", (
    TimeSeries("Env steps of all", "ops",
               "Environment steps per second of all actors, as their "
               "heartbeats tell the learner.",
               "what the actors' own figures add up to; the only one where "
               "nobody scrapes them.",
               (Query(of_fleet("kmyriad_fleet_env_steps_total")),),
               width=6, lowest=0),
    TimeSeries("Cores of all", "none", "Cores that all actors keep busy.",
               "near the cores that they have, while collecting.",
               (Query(of_fleet("kmyriad_fleet_cpu_seconds_total")),),
               width=6, lowest=0),
    TimeSeries("Waiting of all", "none",
               "Workers, in the mean, that wait for the learner to take "
               "samples; and steps per second that were put back.",
               "both near 0.",
               (Query(of_fleet("kmyriad_fleet_credit_wait_seconds_total"),
                      "waiting"),
                Query(of_fleet("kmyriad_fleet_physics_errors_total"),
                      "put back")), width=6, lowest=0),
    TimeSeries("Memory of all", "bytes", "Resident memory of all actors.",
               "flat while their number is.",
               (Query(f"kmyriad_fleet_resident_memory_bytes{{{LEARNER}}}"),),
               width=6, lowest=0),
))

TIME = Row("Time", (
    Heatmap("Rollouts", "s", "Segments by how long they took, all actors.",
            "one band per kind of machine.",
            (Query("sum by (le) (increase("
                   "kmyriad_actor_rollout_duration_seconds_bucket"
                   f"{{{ACTOR}}}[$__rate_interval]))", "{{le}}",
                   form="heatmap"),)),
    TimeSeries("95th percentile of a rollout", "s",
               "Seconds per segment.", "alike for all actors.",
               (Query("histogram_quantile(0.95, sum by (instance, le) (rate("
                      "kmyriad_actor_rollout_duration_seconds_bucket"
                      f"{{{ACTOR}}}[$__rate_interval])))", "{{instance}}"),)),
    TimeSeries("Physics", "percentunit",
               "Share of a rollout's time spent on physics and observation.",
               "the larger part with MuJoCo.",
               (Query(share("kmyriad_actor_step_duration_seconds_sum"),
                      "{{instance}}"),), lowest=0),
    TimeSeries("Inference", "percentunit",
               "Share of a rollout's time spent on the policy.",
               "a tenth with MuJoCo.",
               (Query(share("kmyriad_actor_inference_duration_seconds_sum"),
                      "{{instance}}"),), lowest=0),
    TimeSeries("Waiting for credit", "percentunit",
               "Time in which the learner took no more samples, as a share "
               "of the rollouts' time.",
               "near 0; more says that the learner or the network is the "
               "limit, and further actors are of no use.",
               (Query(share("kmyriad_actor_credit_wait_seconds_total"),
                      "{{instance}}"),), lowest=0),
    TimeSeries("Fetching a policy", "s",
               "Mean time from a snapshot's first chunk to its use.",
               "small against a rollout.",
               (Query(f"{by_actor('kmyriad_actor_policy_fetch_duration_seconds_sum')}"
                      " / ("
                      f"{by_actor('kmyriad_actor_policy_fetch_duration_seconds_count')}"
                      " > 0)", "{{instance}}"),), lowest=0),
    TimeSeries("Episodes", "ops", "Episodes per second, by how they ended.",
               "timeout alone: nothing else ends one.",
               (Query("sum by (instance, end) (rate("
                      f"kmyriad_actor_episodes_total{{{ACTOR}}}"
                      "[$__rate_interval]))", "{{instance}} {{end}}"),),
               stack=True),
    TimeSeries("Sent", "Bps", "Bytes of state batches sent.", "even.",
               (Query(by_actor("kmyriad_actor_sent_bytes_total"),
                      "{{instance}}"),), stack=True),
))

FAULTS = Row("Faults", (
    TimeSeries("Segments by result", "ops",
               "Segments per second: acked, or lost to a change of leases or "
               "a broken stream.", "acked alone.",
               (Query("sum by (result) (rate(kmyriad_actor_segments_total"
                      f"{{{ACTOR}}}[$__rate_interval]))", "{{result}}"),),
               stack=True),
    TimeSeries("Reconnects", "none",
               "Streams opened again in a quarter of an hour, by reason.",
               "0 but after a restart of the learner.",
               (Query("sum by (instance, reason) (increase("
                      f"kmyriad_actor_reconnects_total{{{ACTOR}}}[15m]))",
                      "{{instance}} {{reason}}"),)),
    TimeSeries("Physics errors", "ops",
               "Environment steps per second whose state was not finite and "
               "was put back.", "0.",
               (Query("sum by (instance, kind) (rate("
                      "kmyriad_actor_physics_errors_total"
                      f"{{{ACTOR}}}[$__rate_interval]))",
                      "{{instance}} {{kind}}"),)),
    TimeSeries("Refused batches", "ops",
               "State batches per second that the learner refused.", "0.",
               (Query(by_actor("kmyriad_actor_batch_errors_total"),
                      "{{instance}}"),)),
    TimeSeries("Resident memory", "bytes", "Resident memory.", "flat.",
               (Query(f"process_resident_memory_bytes{{{ACTOR}}}",
                      "{{instance}}"),)),
    TimeSeries("Connected", "none", "1 while the learner has welcomed the "
               "actor.", "1.",
               (Query(f"kmyriad_actor_connected{{{ACTOR}}}",
                      "{{instance}}"),), lowest=0, highest=1),
))

DASHBOARD = Dashboard("kmyriad-actors", "Actors", __doc__,
                      (FLEET, HEARTBEATS, TIME, FAULTS), actors=True)
