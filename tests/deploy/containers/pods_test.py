"""The pod templates of an overlay, run by podman: their arguments, uid, read-only
root, capabilities and mounted configuration, until they have trained.

Podman is no kubelet: probes are taken out and asked by hand at the ports that
they name, declared ports are taken out (it would publish them), the claim
becomes a volume, services become names of pods.
"""
import json
import os
import shutil
import sys
import tempfile
import unittest

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "kubernetes"))
import containers_test
import manifest_lint
import podman

SKIPPED = 77
TOOLS = ("podman", "runc", "catatonit", "kubectl")
EPOCHS = 200


def manifests(config):
    """Pod name -> documents for `podman play kube`."""
    objects = manifest_lint.parse(podman.run(
        "kubectl", "kustomize", os.path.join(
            podman.ROOT, "deploy/kubernetes/overlays/workstation")))
    config_map = next(item for item in objects
                      if item["kind"] == "ConfigMap")
    config_map["data"]["run.textproto"] = config
    del config_map["metadata"]["namespace"]
    pods = {}
    for item in manifest_lint.of_kind(objects, *manifest_lint.WORKLOADS):
        name, spec = item["metadata"]["name"], item["spec"]["template"]["spec"]
        probes = []
        for container in spec["containers"]:
            del container["ports"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                probes.append(container.pop(probe)["grpc"])
        spec.pop("topologySpreadConstraints", None)
        for claim in item["spec"].get("volumeClaimTemplates", []):
            spec["volumes"].append({
                "name": claim["metadata"]["name"], "persistentVolumeClaim": {
                    "claimName": f"kmyriad-pods-{os.getpid()}"}})
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": name, "labels": item["spec"]["template"]["metadata"][
                "labels"]}, "spec": spec}
        pods[name] = (yaml.safe_dump_all([config_map, pod]), probes)
    return pods


class PodsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmyriad-pods-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        podman.configure(self.folder)
        self.network = f"kmyriad-pods-{os.getpid()}"
        podman.podman("network", "create", "--internal", self.network)
        self.addCleanup(podman.podman, "network", "rm", "-f", self.network,
                        check=False)
        self.addCleanup(podman.podman, "volume", "rm", "-f", self.network,
                        check=False)

    def play(self, name, text):
        path = os.path.join(self.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.addCleanup(podman.podman, "pod", "rm", "-f", "-t", "5", name,
                        check=False)
        podman.podman("play", "kube", "--network", self.network, path)

    def check(self, name, probes):
        container = f"{name}-{name}"
        status = podman.podman("exec", container, "cat", "/proc/self/status")
        self.assertRegex(status, r"Uid:\s+65532")
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        with self.assertRaises(AssertionError):
            podman.podman("exec", container, "touch", "/opt/kmyriad/x")
        for probe in probes:
            service = ["--service", probe["service"]] if (
                "service" in probe) else []
            podman.until(lambda: self.serves(container, probe["port"],
                                             service), f"{name}: {probe}")

    def serves(self, container, port, service):
        try:
            podman.podman("exec", container, "kmyriad-health",
                          f"127.0.0.1:{port}", *service)
        except AssertionError:
            return False
        return True

    def test_pods_train(self):
        for name in ("learner", "entropy", "actor"):
            podman.podman("tag", f"kmyriad-{name}:local",
                          f"kmyriad-{name}:0.1.0")
        config = containers_test.small_preset(EPOCHS)
        pods = manifests(config)
        for name in ("entropy", "learner", "actor"):
            text, probes = pods[name]
            self.play(name, text)
            self.check(name, probes)

        def epoch():
            return int(json.loads(podman.podman(
                "exec", "learner-learner", "kmyriad", "ctl", "status",
                "--json", check=False) or "{}").get("epoch", 0))
        podman.until(lambda: epoch() > 3, "epochs")
        print(f"  three pods, restricted, trained {epoch()} epochs")


if __name__ == "__main__":
    missing = [tool for tool in TOOLS if shutil.which(tool) is None
               and not os.path.exists(f"/usr/libexec/podman/{tool}")]
    if missing or os.geteuid() != 0:
        print(f"skipped: needs root, and {' '.join(missing)}; "
              "tests/deploy/run installs them")
        sys.exit(SKIPPED)
    unittest.main()
