"""Where does the population go, and does it still find new places?"""
from .grafana import (ENTROPY, LEARNER, RUN, Dashboard, Query, Row, Stat,
                      TimeSeries, XYChart)


def joined(x, y):
    """Two queries, A and B, as one table of x and y."""
    return ({"id": "joinByField", "options": {"byField": "Time",
                                              "mode": "outer"}},
            {"id": "renameByRegex", "options": {
                "regex": "^(.*)$", "renamePattern": "$1"}},
            {"id": "filterFieldsByName", "options": {
                "include": {"names": [x, y]}}})


def number(field):
    return {"targetField": field, "destinationType": "number"}


MAP = Row("Map", (
    XYChart("Where the population is", "none",
            "Particles of the last epoch in each square of the world, seen "
            "from above; brighter is more. Squares that nobody visited stay "
            "blank.", "colour in every reachable square, without a hot spot "
            "at the start.",
            (Query(f"kmyriad_exploration_cell_visits{{{ENTROPY}}} > 0",
                   instant=True, form="table"),), width=12, height=14,
            x="cell_x", y="cell_y", color="Value", shape="square", point=14,
            prepare=({"id": "convertFieldType", "options": {
                "fields": {}, "conversions": [number("cell_x"),
                                              number("cell_y")]}},)),
    TimeSeries("Busiest square", "percentunit",
               "Share of the particles that lie in the fullest square of the "
               "map.", "falls towards one over the number of squares.",
               (Query(f"max(kmyriad_exploration_cell_visits{{{ENTROPY}}}) / "
                      f"sum(kmyriad_exploration_cell_visits{{{ENTROPY}}})"),),
               width=12, height=7, lowest=0),
    TimeSeries("Squares with visits", "none",
               "Squares of the map that were visited in the last epoch.",
               "rises, then is steady.",
               (Query(f"count(kmyriad_exploration_cell_visits{{{ENTROPY}}} > "
                      "0)"),), width=12, height=7, lowest=0),
))

GROWTH = Row("Growth", (
    TimeSeries("Entropy", "none",
               "Entropy of the pooled states, in nats.",
               "rises, steeply at first.",
               (Query(f"kmyriad_exploration_state_entropy_nats{{{LEARNER}}}",
                      "{{estimator}}"),)),
    TimeSeries("Coverage", "percentunit",
               "Reachable cells visited, as a share: last epoch (window) and "
               "all (run).", "run reaches 1 in a world that can be filled.",
               (Query(f"kmyriad_exploration_coverage_ratio{{{LEARNER}}}",
                      "{{scope}}"),), lowest=0, highest=1),
    XYChart("Coverage against steps", "percentunit",
            "Cells ever visited over environment steps; independent of the "
            "machine's speed, so runs can be compared.",
            "bends late and high.",
            (Query(f"kmyriad_run_env_steps{{{LEARNER}}}", "env steps"),
             Query(f'kmyriad_exploration_coverage_ratio{{{LEARNER},'
                   'scope="run"}', "coverage")),
            x="env steps", y="coverage", show="lines",
            prepare=joined("env steps", "coverage")),
    XYChart("Entropy against steps", "none",
            "k-NN entropy, in nats, over environment steps.",
            "bends late and high.",
            (Query(f"kmyriad_run_env_steps{{{LEARNER}}}", "env steps"),
             Query(f'kmyriad_exploration_state_entropy_nats{{{LEARNER},'
                   'estimator="knn"}', "entropy")),
            x="env steps", y="entropy", show="lines",
            prepare=joined("env steps", "entropy")),
    TimeSeries("Cells visited", "none",
               "Cells hit in the last scored epoch (window), and reachable "
               "ones in any (run).", "both rise; window does not fall back.",
               (Query(f"kmyriad_exploration_coverage_cells{{{RUN}}}",
                      "{{scope}}"),)),
    TimeSeries("New cells", "none",
               "Reachable cells visited for the first time, per minute.",
               "many at first; none once the world is full.",
               (Query("60 * rate(kmyriad_exploration_new_cells_total"
                      f"{{{LEARNER}}}[$__rate_interval])"),), lowest=0),
    TimeSeries("Upside down", "percentunit",
               "Samples with the torso upside down.",
               "a few per cent; near half, the actions are too strong "
               "(env.action_scale).",
               (Query(f"kmyriad_exploration_upside_down_ratio{{{LEARNER}}}"),),
               lowest=0),
))

PLATEAU = Row("Plateau", (
    Stat("Coverage gained in an hour", "percentunit",
         "Change of the share of cells ever visited.",
         "above half a per cent until coverage is high.",
         (Query(f"kmyriad:coverage_ratio:delta1h{{{RUN}}}", instant=True),),
         width=6, decimals=2,
         steps=((None, "orange"), (0.005, "green"))),
    Stat("Entropy below its best", "none",
         "Highest entropy of the last two hours less the present one, nats.",
         "near 0; 1 is a collapse.",
         (Query(f"kmyriad:state_entropy_nats:drop2h{{{RUN}}}",
                instant=True),), width=6, decimals=3,
         steps=((None, "green"), (0.5, "orange"), (1, "red"))),
    Stat("Diversity over chance", "none",
         "Diversity less its null, nats: what is not luck.",
         "above 0, and growing.",
         (Query(f"kmyriad:diversity_excess_nats{{{RUN}}}", instant=True),),
         width=6, decimals=3, steps=((None, "orange"), (0, "green"))),
    Stat("Cells left", "percentunit", "Reachable cells that nobody has "
         "visited yet.", "falls to 0.",
         (Query('1 - kmyriad_exploration_coverage_ratio'
                f'{{{LEARNER},scope="run"}}', instant=True),), width=6,
         decimals=1),
))

POPULATION = Row("Population", (
    TimeSeries("Diversity", "none",
               "Jensen-Shannon divergence of the agents' cells and its null "
               "(trajectories dealt anew), nats.",
               "the gap between the two grows.",
               (Query(f"kmyriad_exploration_diversity{{{LEARNER}}}",
                      "{{measure}}"),)),
    TimeSeries("Coverage of single agents", "percentunit",
               "Reachable cells that an agent visited by itself: least, first "
               "decile, median, last decile, greatest.",
               "the first decile keeps up with the median; else a tenth of "
               "the agents is stuck.",
               (Query(f"kmyriad_exploration_agent_coverage_ratio{{{ENTROPY}}}",
                      "{{stat}}"),), lowest=0),
    TimeSeries("Entropy of single agents", "none",
               "Of an agent's own visits over grid cells, nats, over the "
               "agents.", "far below the population's: agents specialise.",
               (Query(f"kmyriad_exploration_agent_entropy_nats{{{ENTROPY}}}",
                      "{{stat}}"),), lowest=0),
    TimeSeries("Particles", "none",
               "States in the entropy estimate; masked ones are left out of "
               "it, floored ones lie closer to their neighbours than "
               "entropy.floor.", "masked 0, floored a small share.",
               (Query(f"kmyriad_exploration_particles{{{ENTROPY}}}", "used"),
                Query(f"kmyriad_entropy_masked_particles{{{ENTROPY}}}",
                      "masked"),
                Query(f"kmyriad_entropy_floored_particles{{{ENTROPY}}}",
                      "floored"))),
    TimeSeries("Distance from the origin", "lengthm",
               "How far from the world's origin half and nine tenths of the "
               "particles have come.", "both rise until the world ends.",
               tuple(Query(f"histogram_quantile({quantile}, sum by (le) (rate("
                           "kmyriad_exploration_radius_meters_bucket"
                           f"{{{ENTROPY}}}[$__rate_interval])))", name)
                     for quantile, name in ((0.5, "half"),
                                            (0.9, "nine tenths"))),
               lowest=0),
    TimeSeries("Distance to the k-th neighbour", "none",
               "Median and ninth decile over the particles, feature units.",
               "rises: the population spreads out.",
               tuple(Query(f"histogram_quantile({quantile}, sum by (le) (rate("
                           "kmyriad_exploration_knn_distance_bucket"
                           f"{{{ENTROPY}}}[$__rate_interval])))", name)
                     for quantile, name in ((0.5, "median"),
                                            (0.9, "ninth decile"))),
               lowest=0),
    TimeSeries("Scoring", "s",
               "Mean time to score an epoch, and of the neighbour search in "
               "it.", "small against collecting; steady for one n * T.",
               (Query("rate(kmyriad_entropy_score_duration_seconds_sum"
                      f"{{{ENTROPY}}}[$__rate_interval]) / "
                      "(rate(kmyriad_entropy_score_duration_seconds_count"
                      f"{{{ENTROPY}}}[$__rate_interval]) > 0)", "score"),
                Query("rate(kmyriad_entropy_knn_duration_seconds_sum"
                      f"{{{ENTROPY}}}[$__rate_interval]) / "
                      "(rate(kmyriad_entropy_knn_duration_seconds_count"
                      f"{{{ENTROPY}}}[$__rate_interval]) > 0)", "neighbours"))),
))

DASHBOARD = Dashboard(
    "kmyriad-exploration", "Exploration", __doc__,
    (MAP, GROWTH, PLATEAU, POPULATION))
