"""A real Prometheus over real processes: every query of every dashboard and
every rule finds data; alerts fire under faults and are silent without.

Needs Debian's package prometheus; skips without it. With KMYRIAD_SERIES=FILE
the series of all panels are written there, for tests/deploy/observability/plot.
"""
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

import promql

SKIPPED = 77

# Queries that find nothing in a healthy run.
EMPTY = {("kmyriad-overview.json", "Firing alerts"),
         ("kmyriad-overview.json", "Learner started"),
         ("kmyriad-exploration.json", "Learner started"),
         ("kmyriad-learner.json", "Learner started"),
         ("kmyriad-actors.json", "Learner started"),
         ("kmyriad-rpc.json", "Learner started")}

# What operations' catalogue asks of each job; deploy/prometheus/README.md says
# why the rest of it is not there.
CATALOGUE = {
    "kmyriad-learner": (
        "kmyriad_build_info kmyriad_run_info kmyriad_run_state "
        "kmyriad_run_env_steps kmyriad_run_target_env_steps kmyriad_run_epoch "
        "kmyriad_run_elapsed_seconds kmyriad_run_resumes_total "
        "kmyriad_learner_updates_total "
        "kmyriad_learner_update_duration_seconds_bucket "
        "kmyriad_learner_samples_consumed_total "
        "kmyriad_learner_samples_dropped_total kmyriad_learner_queue_segments "
        "kmyriad_learner_queue_capacity_segments kmyriad_learner_queue_bytes "
        "kmyriad_learner_policy_version "
        "kmyriad_learner_segment_age_seconds_bucket kmyriad_learner_loss "
        "kmyriad_learner_gradient_norm kmyriad_learner_learning_rate "
        "kmyriad_learner_kl_divergence_nats kmyriad_learner_clip_ratio "
        "kmyriad_learner_action_std kmyriad_learner_nonfinite_total "
        "kmyriad_learner_actors kmyriad_learner_actors_expected "
        "kmyriad_learner_blocks_leased kmyriad_learner_blocks_unleased "
        "kmyriad_learner_lease_changes_total "
        "kmyriad_exploration_state_entropy_nats "
        "kmyriad_exploration_coverage_cells "
        "kmyriad_exploration_coverage_ratio "
        "kmyriad_exploration_new_cells_total kmyriad_exploration_diversity "
        "kmyriad_exploration_particles kmyriad_checkpoint_saves_total "
        "kmyriad_checkpoint_save_duration_seconds_bucket "
        "kmyriad_checkpoint_size_bytes "
        "kmyriad_checkpoint_last_success_timestamp_seconds "
        "kmyriad_checkpoint_last_success_env_steps kmyriad_storage_free_bytes "
        "kmyriad_fleet_env_steps_total kmyriad_fleet_physics_errors_total "
        "kmyriad_fleet_cpu_seconds_total "
        "kmyriad_fleet_credit_wait_seconds_total "
        "kmyriad_fleet_resident_memory_bytes grpc_server_started_total "
        "grpc_server_msg_received_total grpc_server_msg_sent_total "
        "grpc_client_started_total grpc_client_handled_total"),
    "kmyriad-entropy": (
        "kmyriad_build_info kmyriad_exploration_state_entropy_nats "
        "kmyriad_exploration_agent_entropy_nats "
        "kmyriad_exploration_agent_coverage_ratio "
        "kmyriad_exploration_coverage_cells "
        "kmyriad_exploration_coverage_ratio kmyriad_exploration_diversity "
        "kmyriad_exploration_radius_meters_bucket "
        "kmyriad_exploration_knn_distance_bucket "
        "kmyriad_exploration_cell_visits kmyriad_exploration_particles "
        "grpc_server_started_total grpc_server_handled_total"),
    "kmyriad-actor": (
        "kmyriad_build_info kmyriad_actor_env_steps_total "
        "kmyriad_actor_episodes_total "
        "kmyriad_actor_step_duration_seconds_bucket "
        "kmyriad_actor_inference_duration_seconds_bucket "
        "kmyriad_actor_rollout_duration_seconds_bucket "
        "kmyriad_actor_policy_fetch_duration_seconds_bucket "
        "kmyriad_actor_policy_version kmyriad_actor_segments_total "
        "kmyriad_actor_reconnects_total kmyriad_actor_physics_errors_total "
        "grpc_client_started_total grpc_client_msg_received_total "
        "grpc_client_msg_sent_total")}
EVERYWHERE = (
    "kmyriad_tls_certificate_not_after_timestamp_seconds "
    "process_cpu_seconds_total process_resident_memory_bytes process_open_fds "
    "process_start_time_seconds exposer_transferred_bytes_total "
    "exposer_scrapes_total exposer_request_latencies")


class LiveTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmyriad-live-")
        self.addCleanup(folder.cleanup)
        self.run_ = live.Run(folder.name)
        self.addCleanup(self.run_.close)
        self.server = live.Prometheus(folder.name, self.run_)
        self.addCleanup(self.server.close)
        self.began = time.monotonic()
        self.server.until(self.settled, "data of all processes")

    def settled(self):
        """Thirty epochs, and all rules evaluated over them."""
        epochs = self.server.values("kmyriad_run_epoch > 30")
        return epochs and self.server.values("kmyriad:checkpoint_age_seconds")

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def until_firing(self, *names):
        self.server.until(lambda: set(names) <= self.server.firing(),
                          f"alerts {names}")
        self.say("firing: " + " ".join(sorted(self.server.firing())))

    def until_silent(self, *names):
        self.server.until(lambda: not set(names) & self.server.firing(),
                          f"silence of {names}")
        self.say("silent: " + " ".join(names))

    def until_found(self, query, what):
        """A process may be scraped later than the others, a rate needs two."""
        self.server.until(lambda: self.server.values(query), what)

    def check_queries(self):
        count = 0
        for name, board in promql.dashboards().items():
            for title, expr in promql.queries(board):
                query = promql.expand(expr, "default")
                what = f"{name}: {title}: {expr}"
                if (name, title) in EMPTY:
                    self.assertEqual(self.server.values(query), [], what)
                else:
                    self.until_found(query, what)
                count += 1
        return count

    def check_catalogue(self):
        """Every process exports what operations' catalogue asks of it, and
        the heartbeats' sums are what the actors themselves say."""
        count = 0
        for job, names in CATALOGUE.items():
            for name in (names + " " + EVERYWHERE).split():
                self.until_found(f'{name}{{job="{job}"}}', f"{job}: {name}")
                count += 1
        agree = ("abs(sum(kmyriad_fleet_env_steps_total) / "
                 "sum(kmyriad_actor_env_steps_total) - 1) < 0.2")
        self.until_found(agree, "heartbeats that agree with the actors")
        return count

    def check_rules(self):
        groups = self.server.api("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertEqual(len(rules), len(promql.rules()))
        for rule in rules:
            self.assertEqual(rule["health"], "ok", rule)
        for rule in promql.rules():
            if "record" in rule:
                self.until_found(rule["record"], rule)
            for selector in promql.selectors(rule["expr"]):
                self.until_found(selector, rule)
        return len(rules)

    def test_queries_rules_and_alerts(self):
        self.say(f"{self.check_catalogue()} series of the catalogue are there")
        self.say(f"{self.check_queries()} queries and {self.check_rules()} "
                 "rules find data")
        self.assertEqual(self.server.firing(), set())
        # The control: a query of what is not there must be noticed.
        self.assertEqual(self.server.values('kmyriad_run_epoch{run="no"}'), [])
        write_series(self.server)
        self.kill_actors()
        self.freeze("entropy", "EntropyServiceDown")
        self.freeze("learner", "LearnerDown")
        self.fill_the_disk()
        epoch = self.epoch()
        self.server.until(lambda: self.epoch() > epoch + 5, "epochs")
        self.say("trains on")

    def epoch(self):
        return self.server.values("kmyriad_run_epoch")[0][1]

    def kill_actors(self):
        for name in ("actor-0", "actor-1"):
            self.run_.programs[name].kill()
        self.say("actors killed")
        self.until_firing("NoActors", "ActorDown")
        for name in ("actor-0", "actor-1"):
            self.run_.start_actor(
                name, self.run_.programs[name].addresses["metrics"])
        self.say("actors started")
        self.until_silent("NoActors", "ActorDown")

    def freeze(self, name, alert):
        self.run_.programs[name].signal(signal.SIGSTOP)
        self.say(f"{name} frozen")
        self.until_firing(alert)
        self.run_.programs[name].signal(signal.SIGCONT)
        self.say(f"{name} thawed")
        self.until_silent(alert)

    def fill_the_disk(self):
        self.run_.programs["learner"].limit_files(1000)
        self.say("files of the learner are full")
        self.until_firing("StorageNotWritable", "CheckpointFailing")
        self.run_.programs["learner"].limit_files(-1)
        self.say("room again")
        self.until_silent("StorageNotWritable")


def write_series(server):
    """Every panel's series over the run so far, if KMYRIAD_SERIES is set."""
    path = os.environ.get("KMYRIAD_SERIES")
    if not path:
        return
    end = time.time()
    boards = []
    for board in promql.dashboards().values():
        panels = []
        for panel in promql.panels(board):
            curves = []
            for target in panel["targets"]:
                data = server.api(
                    "query_range", start=end - 60, end=end, step=1,
                    query=promql.expand(target["expr"], "default", "5s"))
                curves += [{"name": target["legendFormat"],
                            "labels": result["metric"],
                            "values": result["values"]}
                           for result in data["result"]]
            panels.append({"title": panel["title"], "type": panel["type"],
                           "unit": panel["fieldConfig"]["defaults"]["unit"],
                           "curves": curves})
        boards.append({"title": board["title"], "panels": panels})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(boards, file)


if __name__ == "__main__":
    if shutil.which("prometheus") is None:
        print("skipped: no prometheus here; apt-get install prometheus")
        sys.exit(SKIPPED)
    import live
    unittest.main()
