"""Images, the Compose file and pod templates, run for real by podman.

`tests/deploy/run` installs what this needs; it skips without. Minutes, most of
them for the images. Not Docker's engine: podman-compose stands in for
`docker compose`, and Debian's Prometheus for the image of the same name where
no registry can be reached.
"""
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import podman

SKIPPED = 77
TOOLS = ("podman", "runc", "debootstrap", "catatonit", "podman-compose")
MEGABYTE = 1000000

# Uncompressed, base included.
LIMITS = {"actor": 120, "entropy": 120, "learner": 900}

# Epochs of a run that is to be stopped.
ENDLESS = 1000000


def small_preset(epochs):
    """The preset point-maze, cut down, as a file of its own."""
    with open(os.path.join(podman.ROOT,
                           "deploy/presets/point-maze.textproto"),
              encoding="utf-8") as file:
        text = file.read()
    for group, key, value in (("run", "epochs", epochs),
                              ("env", "count", 40), ("env", "horizon", 60),
                              ("population", "agents", 8), ("entropy", "k", 5),
                              ("learner", "threads", 1)):
        text, count = re.subn(rf"(^{group} \{{[^}}]*?\n  {key}: )\S+",
                              rf"\g<1>{value}", text, flags=re.M)
        assert count == 1, (group, key)
    return text


def free_port():
    """Podman takes no port 0: one that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def local_hash(folder, config, name):
    """Hash of the parameters after a plain run of the same configuration."""
    program = os.path.join(os.environ["KMYRIAD_BIN"], "kmyriad")
    podman.run(program, "train", "--config", config, "--runs", folder,
               "--name", name, "--actors", "1")
    return json.loads(podman.run(program, "inspect", "--runs", folder,
                                 name, "--json"))["parameters_sha256"]


class ContainersTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="kmyriad-podman-")
        cls.addClassCleanup(cls.folder.cleanup)
        podman.configure(cls.folder.name)
        podman.make_base()
        podman.make_prometheus()
        for target in podman.TARGETS:
            podman.build(target)

    def say(self, text):
        print(f"  {text}", flush=True)

    def config(self, name, epochs):
        """The file of that name; written anew, it stays the same inode, which
        is what containers have mounted."""
        path = os.path.join(self.folder.name, f"{name}.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write(small_preset(epochs))
        return path

    def test_images_are_small_and_carry_what_they_should(self):
        for target in podman.TARGETS:
            image = f"kmyriad-{target}:local"
            size = int(podman.inspect(image, "{{.Size}}")) / MEGABYTE
            self.say(f"{image}: {size:.0f} MB")
            if target in LIMITS:
                self.assertLess(size, LIMITS[target])
            self.assertEqual(podman.inspect(image, "{{.User}}"),
                             "65532:65532")
            listed = podman.podman("run", "--rm", "--entrypoint", "ls", image,
                                   "/opt/kmyriad/bin", "/opt/kmyriad/lib")
            self.assertEqual("libtorch_cpu.so" in listed,
                             target in ("learner", "allinone"))
            self.assertIn("kmyriad-health", listed)

    def test_all_in_one_trains(self):
        out = podman.podman(
            "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop",
            "ALL", "--security-opt", "no-new-privileges",
            "kmyriad-allinone:local", "train", "--preset", "point-maze",
            "--epochs", "2", "--runs", "/runs")
        self.assertIn("finished after 2 epochs", out)

    def test_the_compose_file(self):
        config = self.config("plain", ENDLESS)
        stack = podman.Stack(f"kmyriad-t{os.getpid()}", KMYRIAD_CONFIG=config,
                             KMYRIAD_PROMETHEUS_PORT=str(free_port()),
                             KMYRIAD_ACTOR_THREADS="1")
        self.addCleanup(stack.remove)
        started = time.monotonic()
        stack.compose("up", "-d", "--scale", "actor=2", "entropy", "learner",
                      "actor", "prometheus")
        podman.until(lambda: self.epoch(stack) > 0, "the first epoch")
        self.say(f"up to the first epoch: {time.monotonic() - started:.1f} s")
        self.check_containers(stack)
        self.check_prometheus(stack, 2)
        self.replace_an_actor(stack)
        self.stop_and_start(stack, lambda: self.epoch(stack))
        self.finish(stack, config, "plain")
        self.check_hash(stack, config)

    def test_mutual_tls(self):
        """compose.mtls.yaml with certificates of `kmyriad certs`: it trains; an
        operator outside may ask, an actor and plaintext may not."""
        config = self.config("mtls", ENDLESS)
        secrets = os.path.join(self.folder.name, "secrets")
        program = os.path.join(os.environ["KMYRIAD_BIN"], "kmyriad")
        podman.run(program, "certs", secrets)
        podman.run("chown", "-R", "65532:65532", secrets)
        # The folder of the test is for root alone.
        os.chmod(self.folder.name, 0o711)
        port = str(free_port())
        stack = podman.Stack(
            f"kmyriad-m{os.getpid()}", ["compose.mtls.yaml"],
            KMYRIAD_CONFIG=config, KMYRIAD_ACTOR_THREADS="1",
            KMYRIAD_CERTIFICATES=secrets, KMYRIAD_PORT=port)
        self.addCleanup(stack.remove)
        stack.compose("up", "-d", "--scale", "actor=2", "entropy", "learner",
                      "actor")

        def epoch(role="operator"):
            files = os.path.join(secrets, role)
            return int(stack.ctl(
                "status", "--learner", f"127.0.0.1:{port}",
                "--tls-certificate", f"{files}/tls.crt", "--tls-key",
                f"{files}/tls.key", "--tls-ca", f"{files}/ca.crt",
                outside=(program,)).get("epoch", -1))
        podman.until(lambda: epoch() > 3, "epochs over TLS")
        self.assertEqual(epoch("actor"), -1)
        self.assertEqual(stack.ctl("status", "--learner", f"127.0.0.1:{port}",
                                   outside=(program,)), {})
        self.say("mutual TLS: an operator may ask, an actor and plaintext not")
        self.stop_and_start(stack, epoch)
        self.finish(stack, config, "mtls")
        self.check_hash(stack, config)

    def epoch(self, stack):
        return int(stack.ctl("status").get("epoch", 0))

    def check_containers(self, stack):
        """Least rights, healthy, nothing published beyond loopback."""
        for service in ("entropy", "learner", "actor"):
            name = stack.container(service)
            podman.podman("healthcheck", "run", name)
            self.assertEqual(podman.inspect(
                name, "{{.HostConfig.ReadonlyRootfs}} "
                "{{.HostConfig.SecurityOpt}}"), "true [no-new-privileges]")
            self.assertEqual(podman.inspect(name, "{{.EffectiveCaps}}"),
                             "[]")
            status = podman.podman("exec", name, "cat", "/proc/1/status")
            self.assertRegex(status, r"Uid:\s+65532")
            self.assertRegex(status, r"NoNewPrivs:\s+1")
        for name in stack.containers():
            ports = podman.inspect(name, "{{json .HostConfig.PortBindings}}")
            for address in re.findall(r'"HostIp":"([^"]*)"', ports):
                self.assertEqual(address, "127.0.0.1", name)

    def check_prometheus(self, stack, actors):
        """It finds every replica by name."""
        ports = podman.inspect(stack.container("prometheus"),
                               "{{json .NetworkSettings.Ports}}")
        port = re.search(r'"HostPort":"(\d+)"', ports).group(1)
        query = urllib.parse.urlencode({"query": "count by (job) (up == 1)"})

        def complete():
            try:
                with urllib.request.urlopen(
                        f"http://127.0.0.1:{port}/api/v1/query?{query}",
                        timeout=5) as answer:
                    result = json.load(answer)["data"]["result"]
            except OSError:
                return False
            return {one["metric"]["job"]: int(one["value"][1])
                    for one in result} == {
                        "kmyriad-learner": 1, "kmyriad-entropy": 1,
                        "kmyriad-actor": actors}
        podman.until(complete, "all targets")
        self.say(f"Prometheus scrapes learner, entropy, {actors} actors")

    def replace_an_actor(self, stack):
        """One is killed, another one joins while it trains."""
        podman.podman("kill", stack.container("actor", 1))
        before = self.epoch(stack)
        podman.until(lambda: self.epoch(stack) > before + 2, "epochs")
        podman.podman(
            "run", "-d", "--name", stack.container("actor", 9), "--label",
            f"io.podman.compose.project={stack.name}", "--network",
            f"{stack.name}_control", "--network-alias", "actor",
            "--read-only", "--cap-drop", "ALL", "-v",
            f"{stack.environment['KMYRIAD_CONFIG']}:/run.textproto:ro",
            "kmyriad-actor:local", "--config=/run.textproto", "--threads=1",
            "--learner=learner:50051", "--metrics=0.0.0.0:9464")
        self.check_prometheus(stack, 2)
        before = self.epoch(stack)
        podman.until(lambda: self.epoch(stack) > before + 2, "epochs")
        self.say("an actor killed, another joined")

    def stop_and_start(self, stack, epoch):
        """In good order, soon, and it goes on where it was."""
        name = stack.container("learner")
        before = epoch()
        started = time.monotonic()
        podman.podman("stop", "-t", "60", name)
        seconds = time.monotonic() - started
        self.assertEqual(stack.state("learner"), ("exited", 75))
        self.assertLess(seconds, 10)
        # Actors end, too, in a way that their restart policy acts upon.
        podman.until(
            lambda: any("the learner stopped (the run was stopped)" in
                        podman.logs(actor) for actor in stack.actors()),
            "an actor that knows that the learner stopped")
        started = time.monotonic()
        podman.podman("start", name)

        def trains():
            stack.restart_actors()
            return epoch() > before + 2
        # Not after the half a minute in which a name is not looked up again.
        podman.until(trains, "epochs", deadline=25)
        self.say(f"learner stopped in {seconds:.1f} s, started, went on after "
                 f"epoch {before} within {time.monotonic() - started:.1f} s")
        podman.podman("stop", "-t", "60", name)

    def inspect(self, stack):
        """The run in the stack's volume."""
        return json.loads(podman.podman(
            "run", "--rm", "-v", f"{stack.name}_runs:/runs:ro", "--entrypoint",
            "kmyriad", "kmyriad-learner:local", "inspect", "/runs/default",
            "--json"))

    def finish(self, stack, config, name):
        """The stopped learner is started for some epochs more, whose number
        does not depend on how fast this machine is."""
        epochs = int(self.inspect(stack)["epoch"]) + 20
        self.assertEqual(self.config(name, epochs), config)
        podman.podman("start", stack.container("learner"))

        def ended():
            # Exit code 0 stays down.
            if stack.state("learner") == ("exited", 0):
                return True
            stack.restart_actors()
            return False
        podman.until(ended, "the end")
        podman.until(lambda: any(podman.ended_with(actor, 0)
                                 for actor in stack.actors()),
                     "an actor that knows that the run is complete")
        self.assertEqual(int(self.inspect(stack)["epoch"]), epochs)

    def check_hash(self, stack, config):
        found = self.inspect(stack)
        wanted = local_hash(self.folder.name, config, stack.name)
        self.say(f"containers {found['parameters_sha256']}")
        self.say(f"local      {wanted}")
        self.assertEqual(found["parameters_sha256"], wanted)


if __name__ == "__main__":
    missing = [tool for tool in TOOLS if shutil.which(tool) is None
               and not os.path.exists(f"/usr/libexec/podman/{tool}")]
    if missing or os.geteuid() != 0:
        print(f"skipped: needs root, and {' '.join(missing)}; "
              "tests/deploy/run installs them")
        sys.exit(SKIPPED)
    unittest.main()
