"""Is the run well, how far is it, does it explore?"""
from .grafana import (LEARNER, RUN, Dashboard, Gauge, Query, Row, Stat,
                      Table, TimeSeries)

GOOD_LOW = ((None, "green"), (0.05, "orange"), (0.2, "red"))

NOW = Row("Now", (
    Stat("State", "none", "State of the run as its learner sees it.",
         "running; waiting means that no actor is connected.",
         (Query(f"kmyriad_run_state{{{LEARNER}}} == 1", "{{state}}",
                instant=True),), text="name"),
    Gauge("Progress", "percentunit",
          "Environment steps done, as a share of those asked for.",
          "grows all the time.",
          (Query(f"kmyriad_run_env_steps{{{LEARNER}}} / "
                 f"kmyriad_run_target_env_steps{{{LEARNER}}}",
                 instant=True),), lowest=0, highest=1),
    Stat("Time left", "s", "Steps left over the speed of the last epoch.",
         "shrinks as fast as the clock runs.",
         (Query(f"kmyriad:run_eta_seconds{{{RUN}}}", instant=True),)),
    Stat("Env steps per second", "ops",
         "Steps of finished epochs over their time, scoring and update "
         "included.", "near the figure of the same preset on this machine "
         "when idle.",
         (Query(f"kmyriad_run_env_steps_per_second{{{LEARNER}}}",
                instant=True),), decimals=0),
    Stat("Actors", "none", "Actor processes connected, and how many the "
         "configuration counts on.", "the two agree.",
         (Query(f'kmyriad_learner_actors{{{LEARNER},state="connected"}}',
                "connected", instant=True),
          Query(f"kmyriad_learner_actors_expected{{{LEARNER}}}", "expected",
                instant=True)), text="value_and_name",
         steps=((None, "red"), (1, "green"))),
    Stat("Epoch", "none", "Last finished epoch.", "grows.",
         (Query(f"kmyriad_run_epoch{{{LEARNER}}}", instant=True),)),
    Stat("Entropy", "none", "k-NN entropy of the states that the whole "
         "population visits, in nats; may be negative.",
         "rises, then stays; compare it with itself, not with zero.",
         (Query(f'kmyriad_exploration_state_entropy_nats{{{LEARNER},'
                'estimator="knn"}', instant=True),), decimals=3),
    Stat("Entropy gained in an hour", "none",
         "Change of the entropy over the last hour, in nats.",
         "positive until the world is filled.",
         (Query(f"kmyriad:state_entropy_nats:delta1h{{{RUN}}}",
                instant=True),), decimals=3,
         steps=((None, "orange"), (0, "green"))),
    Stat("Cells ever visited", "percentunit",
         "Reachable cells visited in any epoch, as a share.",
         "grows to 1.",
         (Query(f'kmyriad_exploration_coverage_ratio{{{LEARNER},'
                'scope="run"}', instant=True),), decimals=1),
    Stat("Checkpoint age", "s", "Time since the last checkpoint was safe.",
         "about one epoch: every epoch is saved unless checkpoint.every says "
         "otherwise.",
         (Query(f"kmyriad:checkpoint_age_seconds{{{RUN}}}", instant=True),)),
    Stat("Samples wasted", "percentunit",
         "Segments that were computed but not used: duplicate, stale, "
         "damaged.", "0; some per cent while actors come and go.",
         (Query(f"kmyriad:segments_wasted:ratio5m{{{RUN}}}",
                instant=True),), steps=GOOD_LOW),
    Stat("Alerts", "none", "Alerts that fire.", "0.",
         (Query(f'count(ALERTS{{alertstate="firing",{RUN}}}) or vector(0)',
                instant=True),), steps=((None, "green"), (1, "red"))),
))

LEARNING = Row("Exploration", (
    TimeSeries("Entropy", "none",
               "Entropy of the pooled states, in nats, by the k-NN estimator "
               "and over grid cells.", "both rise together; a fall of a nat "
               "is a collapse.",
               (Query(f"kmyriad_exploration_state_entropy_nats{{{LEARNER}}}",
                      "{{estimator}}"),)),
    TimeSeries("Coverage", "percentunit",
               "Reachable cells visited: in the last epoch (window) and in "
               "any (run).", "run rises to 1; window follows it and does not "
               "fall back.",
               (Query(f"kmyriad_exploration_coverage_ratio{{{LEARNER}}}",
                      "{{scope}}"),), lowest=0, highest=1),
    TimeSeries("Diversity", "none",
               "Jensen-Shannon divergence of the agents' cells, in nats, and "
               "what chance alone would give (null).",
               "clearly above its null.",
               (Query(f"kmyriad_exploration_diversity{{{LEARNER}}}",
                      "{{measure}}"),)),
))

WORK = Row("Work", (
    TimeSeries("Env steps by actor", "ops",
               "Environment steps per second that each actor takes.",
               "even among like machines; gaps while the learner updates.",
               (Query("sum by (instance) (rate(kmyriad_actor_env_steps_total"
                      f'{{job="kmyriad-actor",{RUN}}}[$__rate_interval]))',
                      "{{instance}}"),), stack=True),
    TimeSeries("Mean time of a phase", "s",
               "Seconds per epoch of collecting, scoring (knn) and updating "
               "(gradient).", "steady; knn is a few per cent.",
               (Query("kmyriad:update_duration_seconds:mean15m"
                      f"{{{RUN}}}", "{{phase}}"),), stack=True),
    TimeSeries("Segments by result", "ops",
               "Segments per second that reached the learner, by what became "
               "of them.", "applied alone.",
               (Query("sum by (result) (rate(kmyriad_learner_segments_total"
                      f"{{{LEARNER}}}[$__rate_interval]))", "{{result}}"),),
               stack=True),
    TimeSeries("Resident memory", "bytes", "Resident memory of all processes.",
               "flat after the first epochs.",
               (Query(f"process_resident_memory_bytes{{{RUN}}}",
                      "{{job}} {{instance}}"),)),
    TimeSeries("CPU", "percentunit", "Cores in use by each process.",
               "actors near their cores; learner busy in turn with them.",
               (Query(f"rate(process_cpu_seconds_total{{{RUN}}}"
                      "[$__rate_interval])", "{{job}} {{instance}}"),),
               stack=True),
    TimeSeries("Processes that answer", "none",
               "1 where the last scrape succeeded.", "1 everywhere.",
               (Query(f"up{{{RUN}}}", "{{job}} {{instance}}"),), lowest=0,
               highest=1),
))

ABOUT = Row("About", (
    Table("Run", "none", "What runs.", "one row.",
          (Query(f"kmyriad_run_info{{{LEARNER}}}", instant=True,
                 form="table"),), by="run_name",
          labels=("env_id", "seed", "agents"), width=8, height=6),
    Table("Builds", "none", "Version of each process.",
          "one version everywhere.",
          (Query(f"kmyriad_build_info{{{RUN}}}", instant=True,
                 form="table"),), by="instance", labels=("job", "version"),
          width=8, height=6),
    Table("Firing alerts", "none", "Alerts that fire; deploy/README.md says "
          "what to do.", "empty.",
          (Query(f'ALERTS{{alertstate="firing",{RUN}}}', instant=True,
                 form="table"),), by="alertname", labels=("severity",),
          width=8, height=6),
))

DASHBOARD = Dashboard(
    "kmyriad-overview", "Overview", __doc__, (NOW, LEARNING, WORK, ABOUT))
