"""Several hosts: entropy service, learner and two actors, each in a network
namespace of its own behind a router, under mutual TLS. Links are slow and
lossy (tc netem where the kernel has it, else a relay that delays and cuts
connections), then the learner's and an actor's are unplugged. The run must
survive, and its hash be that of an undisturbed local run. And a learner that
comes back at another address, as containers do.

Needs root and iproute2; skips without.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness
from harness import BIN, SMALL

SKIPPED = 77
EPOCHS = 120
HOSTS = {"entropy": 2, "learner": 3, "actor-0": 4, "actor-1": 5}
RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "delay_relay.py")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True,
                   timeout=30)


def able():
    """Why namespaces cannot be made here; empty if they can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root and iproute2"
    name = f"kmyriad-{os.getpid()}-try"
    try:
        ip("netns", "add", name)
        ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return f"no network namespaces: {error.stderr.decode().strip()}"
    return ""


class Network:
    """Host N has 10.77.N.2; the router, a namespace, too, has 10.77.N.1 at the
    other end of its cable. Nothing of it is seen outside. Remove it at the
    end."""

    def __init__(self):
        self.prefix = f"kmyriad-{os.getpid()}"
        self.spaces = []
        self.router = self._space("router")
        subprocess.run(self.command("router", "sh", "-c",
                                    "echo 1 >/proc/sys/net/ipv4/ip_forward"),
                       check=True, timeout=30)
        for host, number in HOSTS.items():
            space = self._space(host)
            ip("-n", self.router, "link", "add", f"p{number}", "type", "veth",
               "peer", "name", "eth0", "netns", space)
            ip("-n", self.router, "addr", "add", f"10.77.{number}.1/24", "dev",
               f"p{number}")
            ip("-n", space, "addr", "add", f"{self.address(host)}/24", "dev",
               "eth0")
            ip("-n", self.router, "link", "set", f"p{number}", "up")
            for device in ("eth0", "lo"):
                ip("-n", space, "link", "set", device, "up")
            ip("-n", space, "route", "add", "default", "via",
               f"10.77.{number}.1")

    def _space(self, name):
        space = f"{self.prefix}-{name}"
        ip("netns", "add", space)
        self.spaces.append(space)
        return space

    @staticmethod
    def address(host):
        return f"10.77.{HOSTS[host]}.2"

    def command(self, host, *arguments):
        """The command line that runs in a host's namespace."""
        return ["ip", "netns", "exec", f"{self.prefix}-{host}", *arguments]

    def impair(self):
        """Delay and loss on every link; whether the kernel can."""
        return all(subprocess.run(
            ["tc", "-n", self.router, "qdisc", "add", "dev", f"p{number}",
             "root", "netem", "delay", "5ms", "2ms", "loss", "0.5%"],
            capture_output=True, timeout=30).returncode == 0
                   for number in HOSTS.values())

    def plug(self, host, state):
        """state "down": the cable is out."""
        ip("-n", self.router, "link", "set", f"p{HOSTS[host]}", state)

    def remove(self):
        for space in self.spaces:
            ip("netns", "del", space)


class MovedLearnerTest(harness.EndToEndTest):

    def setUp(self):
        super().setUp()
        self.hosts = os.path.join(self.runs, "hosts")

    def launch(self, role, *arguments, before=()):
        process = subprocess.Popen(
            [*before, os.path.join(BIN, f"kmyriad-{role}"), "--metrics", "",
             *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, json.loads(process.stdout.readline())

    def name(self, address):
        """In place: the file is mounted."""
        with open(self.hosts, "w", encoding="utf-8") as file:
            file.write(f"{address} learner.kmyriad\n")

    def epochs(self):
        return len(harness.metrics(os.path.join(self.runs, "moved")))

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_a_learner_with_another_address_is_found_soon(self):
        """As a container or pod has that starts again: the name is looked up
        anew, not after the library's half a minute."""
        _, entropy = self.launch("entropy", "--listen", "127.0.0.1:0")
        learner = ("learner", *SMALL, "--epochs", "1000000", "--entropy",
                   entropy["listening"], "--run-dir",
                   os.path.join(self.runs, "moved"), "--listen")
        first, ready = self.launch(*learner, "127.0.0.1:0")
        port = ready["listening"].rsplit(":", 1)[1]
        self.name("127.0.0.1")
        actor, _ = self.launch(
            "actor", *SMALL, "--learner", f"learner.kmyriad:{port}",
            before=("unshare", "--mount", "sh", "-c",
                    'mount --bind "$0" /etc/hosts && exec "$@"', self.hosts))
        self.until(lambda: self.epochs() > 2, harness.DEADLINE)
        first.kill()
        first.wait()
        before = self.epochs()
        self.name("127.0.0.2")
        second, _ = self.launch(*learner, f"127.0.0.2:{port}")
        self.until(lambda: self.epochs() > before + 2, 15)
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.wait(harness.DEADLINE), 75)
        # It will be wanted again when the learner is.
        self.assertEqual(actor.wait(harness.DEADLINE), 75)


class NetworkTest(harness.EndToEndTest):

    def setUp(self):
        super().setUp()
        self.certs = os.path.join(self.runs, "certs")
        code, out, err = harness.call("certs", self.certs)
        self.assertEqual(code, 0, out + err)
        self.network = Network()
        self.addCleanup(self.network.remove)

    def launch(self, host, *arguments):
        """Starts a program in its host's namespace; the process."""
        role = host.split("-")[0]
        files = os.path.join(self.certs, role)
        return self.spawn(
            host, os.path.join(BIN, f"kmyriad-{role}"), "--tls-certificate",
            f"{files}/tls.crt", "--tls-key", f"{files}/tls.key", "--tls-ca",
            f"{files}/ca.crt", "--metrics", "", "--log",
            os.path.join(self.runs, f"{host}.log"), *arguments)

    def spawn(self, host, *command):
        process = subprocess.Popen(self.network.command(host, *command),
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(process.stdout.readline(), f"{host} did not start")
        return process

    def start_all(self):
        """The learner's and the actors' processes."""
        entropy = f"{self.network.address('entropy')}:50051"
        learner = f"{self.network.address('learner')}:50051"
        self.launch("entropy", "--listen", entropy)
        server = self.launch(
            "learner", *SMALL, "--epochs", str(EPOCHS), "--run-dir",
            os.path.join(self.runs, "hosts"), "--listen", learner, "--entropy",
            entropy)
        if self.network.impair():
            print("links: netem, 5 ms +- 2 ms, 0.5 % lost", flush=True)
        else:
            # What the actors see of the learner goes through the router.
            self.spawn("router", sys.executable, RELAY, "0.0.0.0:50051",
                       learner)
            learner = f"10.77.{HOSTS['learner']}.1:50051"
            print("links: a relay, 5 ms +- 2 ms, connections cut", flush=True)
        return server, [self.launch(host, *SMALL, "--learner", learner)
                        for host in ("actor-0", "actor-1")]

    def epoch(self):
        return len(harness.metrics(os.path.join(self.runs, "hosts")))

    def until(self, condition, what):
        end = time.monotonic() + harness.DEADLINE
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what} did not come")
            time.sleep(0.02)

    def test_the_run_survives_its_network(self):
        learner, actors = self.start_all()
        self.until(lambda: self.epoch() > 20, "epochs")
        for host in ("actor-0", "entropy", "learner"):
            before = self.epoch()
            self.network.plug(host, "down")
            if host == "actor-0":
                # The other actor goes on with all of it.
                self.until(lambda: self.epoch() > before + 5, "epochs")
            else:
                self.assert_stands_still(before)
            self.network.plug(host, "up")
            self.until(lambda: self.epoch() > before + 10, "epochs")
            print(f"{host} unplugged after epoch {before}, plugged in again, "
                  f"epoch {self.epoch()}", flush=True)
        self.assertEqual(learner.wait(harness.DEADLINE), 0)
        for actor in actors:
            self.assertEqual(actor.wait(harness.DEADLINE), 0)
        plain = self.train("plain", *SMALL, "--epochs", str(EPOCHS))
        self.assert_same(plain, self.inspect("hosts"))
        # The control: another seed is another hash.
        other = self.train("other", *SMALL, "--epochs", str(EPOCHS), "--seed",
                           "99")
        self.assertNotEqual(other["parameters_sha256"],
                            plain["parameters_sha256"])

    def assert_stands_still(self, before):
        """Unplugged for real: at most the epoch in hand is finished."""
        time.sleep(0.5)
        self.assertLessEqual(self.epoch(), before + 60)
        still = self.epoch()
        time.sleep(3)
        self.assertEqual(self.epoch(), still)


if __name__ == "__main__":
    reason = able()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main()
