"""Every overlay, rendered by kubectl: strict schemas of two versions of
Kubernetes, the lint, and configurations that the learner accepts.

Needs kubectl and kubernetes-validate; `tests/deploy/run` installs them. Skips
without.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import manifest_lint as lint

SKIPPED = 77
TOOLS = os.path.join(lint.ROOT, ".deps/deploy-tools/bin")
PATH = os.pathsep.join([TOOLS, os.environ["PATH"]])
KUBECTL = shutil.which("kubectl", path=PATH)
VALIDATE = shutil.which("kubernetes-validate", path=PATH)
OVERLAYS = os.path.join(lint.FOLDER, "overlays")

# The oldest and the newest that the manifests are for.
VERSIONS = ("1.29", "1.37")

# Kinds of the Prometheus operator, of which the validator has no schema.
FOREIGN = {"PodMonitor", "PrometheusRule"}

ACTORS = {"multi-node": 20, "multi-node-large": 500, "workstation": 2}


def rendered(overlay):
    done = subprocess.run(
        [KUBECTL, "kustomize", os.path.join(OVERLAYS, overlay)],
        capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def validate(text, version):
    """Complaints; a kind without a schema counts as one."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(
            [VALIDATE, "--strict", "-k", version, file.name],
            capture_output=True, text=True, timeout=120)
    lines = [line for line in (done.stdout + done.stderr).split("\n")
             if line and not line.startswith("INFO")]
    known = [line for line in lines
             if any(kind.lower() in line.lower() for kind in FOREIGN)]
    return [line for line in lines if line not in known]


class OverlaysTest(unittest.TestCase):

    def test_they_keep_the_rules(self):
        for overlay in os.listdir(OVERLAYS):
            objects = lint.parse(rendered(overlay))
            self.assertEqual(lint.lint(objects), [], overlay)
            for item in objects:
                if item["kind"] not in ("Namespace", "ClusterRole"):
                    self.assertEqual(item["metadata"].get("namespace"),
                                     "kmyriad", item["metadata"])
            actor = next(item for item in objects
                         if item["kind"] == "Deployment"
                         and item["metadata"]["name"] == "actor")
            self.assertEqual(actor["spec"]["replicas"],
                             ACTORS.get(overlay, 4), overlay)

    def test_strict_schemas(self):
        for overlay in os.listdir(OVERLAYS):
            text = rendered(overlay)
            for version in VERSIONS:
                self.assertEqual(validate(text, version), [],
                                 f"{overlay} {version}")

    def test_another_configuration_rolls_the_pods(self):
        names = set()
        for overlay in ("multi-node", "multi-node-large"):
            objects = lint.parse(rendered(overlay))
            name = next(item["metadata"]["name"] for item in objects
                        if item["kind"] == "ConfigMap")
            self.assertRegex(name, r"^run-\w+$")
            names.add(name)
            for template in lint.templates(objects):
                for volume in template["spec"]["volumes"]:
                    if "configMap" in volume:
                        self.assertEqual(volume["configMap"]["name"], name)
        self.assertEqual(len(names), 2)

    def test_the_learner_accepts_every_configuration(self):
        for folder, _, files in os.walk(lint.FOLDER):
            if "run.textproto" not in files:
                continue
            with tempfile.TemporaryDirectory() as run:
                learner = subprocess.Popen(
                    [os.path.join(os.environ["KMYRIAD_BIN"],
                                  "kmyriad-learner"), "--config",
                     os.path.join(folder, "run.textproto"), "--run-dir",
                     os.path.join(run, "run"), "--listen", "127.0.0.1:0",
                     "--metrics", ""], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True)
                line = learner.stdout.readline()
                learner.kill()
                _, errors = learner.communicate()
                self.assertIn("listening", line, f"{folder}: {errors}")

    def test_mutual_tls_is_everywhere_or_nowhere(self):
        for overlay in os.listdir(OVERLAYS):
            text = rendered(overlay)
            secure = overlay == "mtls"
            self.assertEqual(text.count("KMYRIAD_TLS_KEY"),
                             3 if secure else 0, overlay)
            self.assertEqual(text.count("--insecure-allow-remote"),
                             0 if secure else 2, overlay)

    def test_broken_copies_fail(self):
        text = rendered("workstation")
        for before, after in (
                ("terminationGracePeriodSeconds:",
                 "terminationGracePeriodSecond:"),
                ("replicas: 2", "replicas: two"),
                ("serviceName: learner-pods", "serviceNam: learner-pods"),
                ("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
                ("grpc:\n            port: 50052", "grpc:\n            prot: 1")):
            self.assertIn(before, text)
            for version in VERSIONS:
                self.assertNotEqual(
                    validate(text.replace(before, after, 1), version), [],
                    after)
        privileged = text.replace("allowPrivilegeEscalation: false",
                                  "privileged: true", 1)
        self.assertTrue(any("privileged" in line for line in
                            lint.lint(lint.parse(privileged))))
        objects = lint.parse(text)
        del lint.templates(objects)[0]["spec"]["containers"][0][
            "livenessProbe"]
        self.assertTrue(any("livenessProbe" in line
                            for line in lint.lint(objects)))


if __name__ == "__main__":
    if KUBECTL is None or VALIDATE is None:
        print("skipped: no kubectl or kubernetes-validate here; "
              "tests/deploy/run installs them")
        sys.exit(SKIPPED)
    unittest.main()
