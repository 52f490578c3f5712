"""The manifests fit together and are restricted; each rule can be broken."""
import copy
import os
import subprocess
import sys
import unittest

import manifest_lint as lint

BASE = lint.base()


def text(*path):
    with open(os.path.join(lint.ROOT, *path), encoding="utf-8") as file:
        return file.read()


class BaseTest(unittest.TestCase):

    def test_it_has_no_complaint(self):
        self.assertEqual(lint.lint(BASE), [])

    def test_it_needs_nothing_but_kubernetes(self):
        self.assertEqual([item["kind"] for item in BASE
                          if item["kind"] not in lint.BUILT_IN], [])

    def test_its_configuration_is_the_preset(self):
        self.assertEqual(text("deploy/kubernetes/base/run.textproto"),
                         text("deploy/presets/ant-maze.textproto"))

    def test_the_operators_rules_are_prometheus_rules(self):
        done = subprocess.run(
            [sys.executable, os.path.join(
                lint.FOLDER, "components/monitoring/generate"), "--check"],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rules = lint.parse(text("deploy/kubernetes/components/monitoring/"
                                "prometheus-rule.yaml"))[0]["spec"]["groups"]
        wanted = []
        for name in ("alerts", "recording"):
            wanted += lint.parse(text(
                f"deploy/prometheus/rules/kmyriad.{name}.yml"))[0]["groups"]
        self.assertEqual(rules, wanted)


class NegativeControls(unittest.TestCase):

    def broken(self, word, mutate):
        objects = copy.deepcopy(BASE)
        mutate({(item["kind"], item["metadata"]["name"]): item
                for item in objects})
        complaints = lint.lint(objects)
        self.assertTrue(any(word in line for line in complaints),
                        f"{word}: {complaints}")

    def broken_pod(self, word, **changes):
        def mutate(objects):
            spec = objects["Deployment", "actor"]["spec"]["template"]["spec"]
            spec.update(changes)
        self.broken(word, mutate)

    def broken_container(self, word, key, value):
        """`value` None removes the key; a dictionary updates it."""
        def mutate(objects):
            item = objects["StatefulSet", "learner"]["spec"]["template"][
                "spec"]["containers"][0]
            if value is None:
                del item[key]
            elif isinstance(value, dict):
                item[key].update(value)
            else:
                item[key] = value
        self.broken(word, mutate)

    def test_pods(self):
        self.broken_pod("root", securityContext={})
        self.broken_pod("seccomp", securityContext={
            "runAsNonRoot": True, "runAsUser": 1})
        self.broken_pod("token", automountServiceAccountToken=True)
        self.broken_pod("hostNetwork", hostNetwork=True)
        self.broken_pod("path of the host", volumes=[
            {"name": "tmp", "hostPath": {"path": "/"}}])
        self.broken_pod("does not exist", volumes=[])
        self.broken_pod("Grace", terminationGracePeriodSeconds=300)

    def test_containers(self):
        security = "securityContext"
        self.broken_container("privileged", security, {"privileged": True})
        self.broken_container("gain", security,
                              {"allowPrivilegeEscalation": True})
        self.broken_container("read-only", security,
                              {"readOnlyRootFilesystem": False})
        self.broken_container("capabilities", security,
                              {"capabilities": {"add": ["NET_ADMIN"]}})
        self.broken_container("latest", "image", "kmyriad-learner:latest")
        self.broken_container("memory", "resources",
                              {"limits": {"memory": "9Gi"}})

    def test_probes_and_ports(self):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.broken_container(f"no {probe}", probe, None)
        self.broken_container("not the health port", "livenessProbe",
                              {"grpc": {"port": 50051}})
        self.broken_container("--metrics", "args", ["--health=0.0.0.0:50052"])
        self.broken_container("TLS", "args", ["--listen=0.0.0.0:50051"])
        self.broken_container("not both", "env", [
            {"name": "KMYRIAD_TLS_CERTIFICATE", "value": "x"}])

    def test_services_and_budgets(self):
        self.broken("leads to 0", lambda objects: objects[
            "Service", "learner"]["spec"]["selector"].update(x="y"))
        self.broken("no port", lambda objects: objects[
            "Service", "learner"]["spec"]["ports"][0].update(
                targetPort="grcp"))
        self.broken("headless", lambda objects: objects[
            "StatefulSet", "learner"]["spec"].update(serviceName="learner"))
        self.broken("own pods", lambda objects: objects[
            "Deployment", "actor"]["spec"]["selector"].update(
                matchLabels={"a": "b"}))
        self.broken("chooses no pods", lambda objects: objects[
            "PodDisruptionBudget", "actor"]["spec"]["selector"].update(
                matchLabels={"a": "b"}))

        def undrainable(objects):
            spec = objects["PodDisruptionBudget", "learner"]["spec"]
            del spec["maxUnavailable"]
            spec["minAvailable"] = 1
        self.broken("undrainable", undrainable)

    def test_namespace_and_network(self):
        self.broken("restricted", lambda objects: objects[
            "Namespace", "kmyriad"]["metadata"].update(labels={}))
        self.broken("denies", lambda objects: objects[
            "NetworkPolicy", "default-deny"]["spec"].update(ingress=[{}]))
        self.broken("ingress allows", lambda objects: objects[
            "NetworkPolicy", "entropy"]["spec"]["ingress"][0].update(
                {"from": []}))
        self.broken("egress allows", lambda objects: objects[
            "NetworkPolicy", "actor"]["spec"].update(egress=[]))


if __name__ == "__main__":
    unittest.main()
