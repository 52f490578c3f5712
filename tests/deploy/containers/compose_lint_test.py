"""Compose files and Dockerfile keep their invariants, and each can be broken.
"""
import copy
import functools
import os
import unittest

import compose_lint as lint

BASE = lint.load("compose.yaml")


def dockerfile():
    with open(os.path.join(lint.ROOT, "docker/Dockerfile"),
              encoding="utf-8") as file:
        return file.read()


class ComposeTest(unittest.TestCase):

    def test_the_base_and_every_overlay(self):
        self.assertEqual(lint.project(BASE), [])
        self.assertGreater(len(lint.overlays()), 0)
        for name in lint.overlays():
            stack = lint.merged(BASE, lint.load(name))
            self.assertEqual(lint.project(stack), [], name)

    def test_overlays_repeat_the_commands_of_the_base(self):
        for name, more, less in (
                ("compose.gpu.yaml", {"--set=learner.device=cuda"}, set()),
                ("compose.mtls.yaml", set(), {"--insecure-allow-remote"})):
            stack = lint.merged(BASE, lint.load(name))
            for service in lint.PROGRAMS:
                base = set(BASE["services"][service]["command"])
                overlay = set(stack["services"][service]["command"])
                if overlay != base:
                    self.assertEqual(overlay - base, more)
                    self.assertEqual(base - overlay, less)

    def test_a_learner_on_a_gpu_may_have_certificates(self):
        mtls, gpu = map(lint.load, ("compose.mtls.yaml", "compose.gpu.yaml"))

        def learner(*overlays):
            stack = functools.reduce(lint.merged, overlays, BASE)
            return stack["services"]["learner"]
        last = learner(mtls, gpu)
        self.assertIn("--set=learner.device=cuda", last["command"])
        self.assertIn("KMYRIAD_TLS_CERTIFICATE", last["environment"])
        # Which the overlay's head warns of.
        self.assertNotIn("--set=learner.device=cuda",
                         learner(gpu, mtls)["command"])

    def test_a_plain_docker_compose_finds_the_file(self):
        with open(os.path.join(lint.ROOT, ".env"), encoding="utf-8") as file:
            lines = file.read().split("\n")
        self.assertIn("COMPOSE_FILE=docker/compose.yaml", lines)

    def test_what_is_mounted_exists(self):
        for service in BASE["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith(".."):
                    self.assertTrue(os.path.exists(os.path.join(
                        lint.ROOT, "docker", source)), source)

    def test_prometheus_scrapes_names_that_services_have(self):
        with open(os.path.join(lint.ROOT, "deploy/prometheus/prometheus.yml"),
                  encoding="utf-8") as file:
            text = file.read()
        for name in lint.PROGRAMS:
            self.assertIn(name, BASE["services"])
            self.assertIn(f"names: [{name}]", text)

    def test_the_dockerfile(self):
        self.assertEqual(lint.dockerfile(dockerfile()), [])


class NegativeControls(unittest.TestCase):

    def broken(self, word, service, **changes):
        stack = copy.deepcopy(BASE)
        for key, value in changes.items():
            if value is None:
                del stack["services"][service][key]
            else:
                stack["services"][service][key] = value
        complaints = lint.project(stack)
        self.assertTrue(any(word in line and line.startswith(service)
                            for line in complaints), f"{word}: {complaints}")

    def test_hardening(self):
        self.broken("restart", "actor", restart="unless-stopped")
        self.broken("restart", "learner", restart="always")
        self.broken("read_only", "actor", read_only=False)
        self.broken("cap_drop", "learner", cap_drop=None)
        self.broken("security_opt", "entropy", security_opt=[])
        self.broken("privileged", "actor", privileged=True)
        self.broken("network_mode", "actor", network_mode="host")
        self.broken("mem_limit", "learner", mem_limit=None)
        self.broken("healthcheck", "grafana", healthcheck=None)
        self.broken("logs", "actor", logging={"driver": "json-file"})
        self.broken("tag", "grafana", image="docker.io/grafana/grafana:latest")
        self.broken("tag", "grafana", image="docker.io/grafana/grafana")
        self.broken("mounts", "actor", volumes=["/var/run/docker.sock:/s"])
        self.broken("files", "grafana", environment={"GF_PASSWORD": "x"})
        self.broken("container_name", "actor", container_name="actor")

    def test_ports(self):
        self.broken("loopback", "grafana", ports=["3000:3000"])
        self.broken("loopback", "grafana", ports=["0.0.0.0:3000:3000"])
        self.broken("health port", "learner", ports=["127.0.0.1:1:50052"])
        self.broken("internal", "learner", ports=["127.0.0.1:1:50051"])

    def test_dependencies(self):
        self.broken("conditions", "actor", depends_on=["learner"])
        self.broken("healthy", "actor",
                    depends_on={"learner": {"condition": "service_started"}})
        stack = copy.deepcopy(BASE)
        stack["services"]["learner"]["profiles"] = ["extra"]
        self.assertTrue(any("hides" in line for line in lint.project(stack)))

    def test_addresses(self):
        command = BASE["services"]["learner"]["command"]
        self.broken("scraped", "learner", command=[
            flag for flag in command if "--metrics" not in flag])
        self.broken("health", "learner", command=[
            flag for flag in command if "--health" not in flag])
        self.broken("TLS", "learner", command=[
            flag for flag in command if "--insecure" not in flag])
        self.broken("both", "learner",
                    environment={"KMYRIAD_TLS_CERTIFICATE": "x"})
        self.broken("without TLS", "learner",
                    ports=["127.0.0.1:50051:50051"])

    def test_networks(self):
        stack = copy.deepcopy(BASE)
        stack["networks"]["control"] = {}
        self.assertTrue(lint.project(stack))

    def test_dockerfiles(self):
        text = dockerfile()
        for before, after in (
                ("USER 65532:65532", "USER root"),
                ('ENTRYPOINT ["kmyriad-actor"]', "ENTRYPOINT kmyriad-actor"),
                ("HEALTHCHECK --interval", "#"), ("STOPSIGNAL", "#"),
                ("AS actor", "AS acter"),
                ("RUN docker/collect ", "RUN curl -LO http://a/b && ")):
            self.assertIn(before, text)
            self.assertTrue(lint.dockerfile(text.replace(before, after)),
                            before)


if __name__ == "__main__":
    unittest.main()
