"""A short point-maze run of real processes, and a real Prometheus over it.

The server reads deploy/prometheus as it is, but for three things: targets are
found at the ports that the processes took, everything happens every second,
and the named alerts wait a second only.
"""
import glob
import json
import math
import os
import re
import resource
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import promql

BIN = os.environ["KMYRIAD_BIN"]
DEADLINE = 120

# An epoch takes a fraction of a second; the run does not end by itself.
CONFIG = ["--preset", "point-maze", "--set", "env.count=40", "--set",
          "population.agents=8", "--set", "env.horizon=60", "--set",
          "entropy.k=5", "--set", "learner.threads=1", "--epochs", "1000000"]

# Alerts that the faults of this test raise: they need not wait here.
IMPATIENT = ("LearnerDown", "EntropyServiceDown", "NoActors", "ActorDown",
             "EntropyServiceUnreachable")


class Program:
    """A process that says on its first line of output where it listens."""

    def __init__(self, folder, name, *arguments):
        self.log = os.path.join(folder, f"{name}.log")
        role = name.split("-")[0]
        files = os.path.join(folder, "certs", role)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, f"kmyriad-{role}"), *arguments,
                 "--tls-certificate", os.path.join(files, "tls.crt"),
                 "--tls-key", os.path.join(files, "tls.key"),
                 "--tls-ca", os.path.join(files, "ca.crt")],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line:
            with open(self.log, encoding="utf-8") as log:
                raise AssertionError(f"{name} did not start: {log.read()}")
        self.addresses = json.loads(line)

    def signal(self, number):
        self.process.send_signal(number)

    def limit_files(self, size):
        """No file may grow beyond `size` bytes; -1 lifts the limit."""
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (size if size >= 0 else hard, hard))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Run:
    """Entropy service, learner and two actors, under mutual TLS."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run([os.path.join(BIN, "kmyriad"), "certs",
                        os.path.join(folder, "certs")], check=True,
                       capture_output=True, timeout=DEADLINE)
        loopback = ("--metrics", "127.0.0.1:0")
        self.programs = {}
        self.programs["entropy"] = Program(
            folder, "entropy", "--listen", "127.0.0.1:0", *loopback)
        self.programs["learner"] = Program(
            folder, "learner", *CONFIG, "--listen", "127.0.0.1:0", *loopback,
            "--run-dir", os.path.join(folder, "run"), "--entropy",
            self.programs["entropy"].addresses["listening"])
        for name in ("actor-0", "actor-1"):
            self.start_actor(name, "127.0.0.1:0")

    def start_actor(self, name, metrics):
        self.programs[name] = Program(
            self.folder, name, *CONFIG, "--metrics", metrics, "--learner",
            self.programs["learner"].addresses["listening"])

    def targets(self, role):
        return [program.addresses["metrics"]
                for name, program in self.programs.items()
                if name.split("-")[0] == role]

    def close(self):
        for program in self.programs.values():
            program.signal(signal.SIGCONT)
            program.kill()


def write_configuration(folder, run):
    """deploy/prometheus with this run's targets; the file's path."""
    text = promql.load("deploy/prometheus/prometheus.yml")
    text = re.sub(r"(scrape_interval|evaluation_interval|scrape_timeout): \w+",
                  r"\1: 1s", text)

    def static(match):
        return (f"static_configs: [{{targets: "
                f"{json.dumps(run.targets(match.group(1)))}}}]")
    text, count = re.subn(
        r"dns_sd_configs:\n\s+- \{names: \[(\w+)\][^\n]*", static, text)
    assert count == 3, text
    os.mkdir(os.path.join(folder, "rules"))
    for path in glob.glob(os.path.join(promql.ROOT,
                                       "deploy/prometheus/rules/*.yml")):
        rules = promql.load(path)
        for alert in IMPATIENT:
            rules = re.sub(rf"(- alert: {alert}\n(?:.*\n)*?\s+for: )\w+",
                           r"\g<1>1s", rules, count=1)
        with open(os.path.join(folder, "rules", os.path.basename(path)), "w",
                  encoding="utf-8") as file:
            file.write(rules)
    path = os.path.join(folder, "prometheus.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Prometheus:
    """A server on a free port of its own."""

    def __init__(self, folder, run):
        self.log = os.path.join(folder, "prometheus.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", "--config.file", write_configuration(folder,
                                                                    run),
                 "--storage.tsdb.path", os.path.join(folder, "tsdb"),
                 "--web.listen-address", "127.0.0.1:0"],
                stdout=log, stderr=log)
        self.url = "http://" + self._until(self._address, "its port")
        self._until(lambda: self._get("/-/ready") is not None, "ready")

    def _address(self):
        with open(self.log, encoding="utf-8") as log:
            found = re.search(r'msg="Listening on" address=(\S+)', log.read())
        return found.group(1) if found else None

    def _until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self.process.poll() is None:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        with open(self.log, encoding="utf-8") as log:
            raise AssertionError(f"Prometheus: no {what}:\n{log.read()}")

    def _get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.read()
        except OSError:
            return None

    def api(self, call, **parameters):
        body = self._get(f"/api/v1/{call}?"
                         + urllib.parse.urlencode(parameters))
        if body is None:
            raise AssertionError(f"{call} {parameters}: refused")
        return json.loads(body)["data"]

    def values(self, expr):
        """(labels, value) of the finite results of an instant query."""
        found = []
        for result in self.api("query", query=expr)["result"]:
            value = (result["value"][1] if isinstance(result, dict)
                     else result)
            if math.isfinite(float(value)):
                found.append((result["metric"], float(value)))
        return found

    def firing(self):
        """Names of alerts that fire."""
        return {alert["labels"]["alertname"]
                for alert in self.api("alerts")["alerts"]
                if alert["state"] == "firing"}

    def until(self, condition, what):
        return self._until(condition, what)

    def close(self):
        self.process.terminate()
        self.process.wait()
