"""Each program alone, as a container runs it: what it says when it is ready,
health over the wire, logs as JSON."""
import json
import os
import re
import signal
import subprocess
import unittest
import urllib.request

import harness
from harness import BIN, SMALL


# Every label that any of our series may have.
LABELS = {"cell_x", "cell_y", "agents", "config_hash", "end", "env_id",
          "estimator",
          "grpc_code", "grpc_method", "grpc_service", "grpc_type", "kind",
          "le", "measure", "mode", "part", "phase", "quantile", "reason",
          "result", "revision", "role", "run_name", "scope", "seed", "state",
          "stat", "term", "version", "volume", "where"}


class ProcessTest(harness.EndToEndTest):

    def launch(self, name, *arguments):
        log = os.path.join(self.runs, f"{name}.log")
        process = subprocess.Popen(
            [os.path.join(BIN, f"kmyriad-{name}"), "--log", log,
             "--log-format", "json", "--metrics", "127.0.0.1:0", "--health",
             "127.0.0.1:0", *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        ready = json.loads(process.stdout.readline())
        self.assertEqual(ready["role"], name)
        return process, ready, log

    def health(self, address, *arguments):
        code, out, err = harness.call("health", address, "--deadline", "5",
                                      *arguments)
        return code, (out + err).strip()

    def json_lines(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertTrue(lines)
        for line in lines:
            self.assertEqual(list(line), ["time", "level", "role", "run",
                                          "policy_version", "message"])
        return lines

    def series(self, ready):
        """(name, labels) of everything that a process exports."""
        with urllib.request.urlopen(f"http://{ready['metrics']}/metrics",
                                    timeout=30) as answer:
            text = answer.read().decode()
        found = []
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels = re.match(r"([a-z_0-9]+)(?:{(.*)})? ",
                                        line).groups()
                found.append((name, dict(re.findall(r'([a-z_]+)="([^"]*)"',
                                                    labels or ""))))
        return found

    def assert_few(self, series, most):
        """Series do not grow with agents, environments or steps."""
        self.assertLess(len(series), most)
        labels = {name for _, labels in series for name in labels}
        self.assertLessEqual(labels, LABELS)

    def test_health_tells_live_ready_and_gone(self):
        process, ready, log = self.launch(
            "entropy", "--listen", f"unix:{self.runs}/entropy.sock")
        service = ("--service", "kmyriad.v1.EntropyService")
        self.assertEqual(self.health(ready["health"]), (0, "serving"))
        self.assertEqual(self.health(ready["health"], *service),
                         (0, "serving"))
        code, text = self.health(ready["health"], "--service", "nobody")
        self.assertEqual(code, 1)
        self.assertIn("nobody", text)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(harness.DEADLINE), 0)
        code, text = self.health(ready["health"])
        self.assertEqual(code, 69)
        self.assertIn(ready["health"], text)
        self.assertEqual(self.health("nonsense")[0], 64)
        self.assertEqual({line["role"] for line in self.json_lines(log)},
                         {"entropy"})

    def test_actor_is_ready_only_with_a_learner(self):
        actor, ready, log = self.launch(
            "actor", *SMALL, "--learner", f"unix:{self.runs}/learner.sock")
        self.assertEqual(self.health(ready["health"]), (0, "serving"))
        self.assertEqual(
            self.health(ready["health"], "--service", "kmyriad.v1.Actor"),
            (1, "not serving"))
        _, entropy, _ = self.launch("entropy", "--listen",
                                    f"unix:{self.runs}/entropy.sock")
        learner, learning, learner_log = self.launch(
            "learner", *SMALL, "--set", "run.epochs=3", "--run-dir",
            os.path.join(self.runs, "run"), "--listen",
            f"unix:{self.runs}/learner.sock", "--entropy",
            entropy["listening"])
        names = {name for name, _ in self.series(learning)}
        self.assertLessEqual({"kmyriad_build_info", "kmyriad_run_info",
                              "kmyriad_rpc_denied_total",
                              "kmyriad_learner_actors_expected",
                              "kmyriad_run_resumes_total",
                              "process_cpu_seconds_total"}, names)
        self.assert_few(self.series(learning), 300)
        self.assert_few(self.series(ready), 200)
        self.assertEqual(learner.wait(harness.DEADLINE), 0)
        series = self.series(entropy)
        self.assertIn("kmyriad_exploration_cell_visits",
                      {name for name, _ in series})
        self.assert_few(series, 1024 + 200)
        self.assertEqual(actor.wait(harness.DEADLINE), 0)
        # Every line says for which run and policy, once they are known.
        for path in (learner_log, log):
            lines = self.json_lines(path)
            runs = {line["run"] for line in lines} - {""}
            self.assertEqual(len(runs), 1, lines)
            self.assertEqual(max(line["policy_version"] for line in lines), 2)


if __name__ == "__main__":
    unittest.main()
