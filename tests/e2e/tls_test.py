"""Learner, entropy service and actors over TCP with mutual TLS, by hand as a
cluster starts them, with certificates of `kmyriad certs`."""
import json
import os
import signal
import subprocess
import unittest
import urllib.request

import harness
from harness import BIN, SMALL

EPOCHS = ["--epochs", "4"]


class TlsTest(harness.EndToEndTest):

    def setUp(self):
        super().setUp()
        self.certs = os.path.join(self.runs, "certs")
        code, out, err = harness.call("certs", self.certs)
        self.assertEqual(code, 0, out + err)
        self.assertIn("--tls-certificate", out)

    def identity(self, role):
        folder = os.path.join(self.certs, role)
        return ["--tls-certificate", f"{folder}/tls.crt", "--tls-key",
                f"{folder}/tls.key", "--tls-ca", f"{folder}/ca.crt"]

    def launch(self, name, *arguments):
        """The process, and what it says when it is ready; None if it ends."""
        process = subprocess.Popen(
            [os.path.join(BIN, f"kmyriad-{name}"), "--metrics",
             "127.0.0.1:0", "--log", os.path.join(self.runs, "log"),
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        return process, json.loads(line) if line else None

    def ctl(self, learner, verb, *arguments):
        return harness.call("ctl", verb, "--learner", learner, "--json",
                            "--deadline", "10", *arguments)

    def metric(self, ready, name):
        with urllib.request.urlopen(
                f"http://{ready['metrics']}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name):
                    return float(line.split()[-1])
        return None

    def test_a_run_over_tls_is_the_plain_run(self):
        # An operator's environment does not reach a local run.
        operator = os.path.join(self.certs, "operator")
        plain = self.train("plain", *SMALL, *EPOCHS, environment={
            "KMYRIAD_TLS_CERTIFICATE": f"{operator}/tls.crt",
            "KMYRIAD_TLS_KEY": f"{operator}/tls.key",
            "KMYRIAD_TLS_CA": f"{operator}/ca.crt"})
        _, entropy = self.launch("entropy", "--listen", "127.0.0.1:0",
                                 *self.identity("entropy"))
        learner, ready = self.launch(
            "learner", *SMALL, *EPOCHS, "--run-dir",
            os.path.join(self.runs, "secure"), "--listen", "127.0.0.1:0",
            "--entropy", entropy["listening"], *self.identity("learner"))
        address = ready["listening"]
        # The learner waits for its first actor: time to try the doors.
        code, out, err = self.ctl(address, "status",
                                  *self.identity("operator"))
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["run_name"], "secure")
        code, _, err = self.ctl(address, "stop")
        self.assertEqual(code, 69)
        self.assertIn("it may want TLS", err)
        code, _, err = self.ctl(address, "stop", *self.identity("actor"))
        self.assertEqual(code, 78)
        self.assertIn("its role is actor, this program needs operator", err)
        self.assertGreater(
            self.metric(ready, "kmyriad_tls_certificate_not_after"), 1.7e9)
        self.assertEqual(self.metric(ready, "kmyriad_rpc_denied_total"), 0)
        self.assertEqual(
            self.metric(entropy, "kmyriad_rpc_insecure_remote"), 0)
        actors = [self.launch("actor", *SMALL, "--learner", address,
                              *self.identity("actor"))[0] for _ in range(2)]
        self.assertEqual(learner.wait(harness.DEADLINE), 0)
        for actor in actors:
            self.assertEqual(actor.wait(harness.DEADLINE), 0)
        self.assert_same(plain, self.inspect("secure"))

    def test_events_tell_what_was(self):
        _, entropy = self.launch("entropy", "--listen", "127.0.0.1:0")
        learner, ready = self.launch(
            "learner", *SMALL, *EPOCHS, "--run-dir",
            os.path.join(self.runs, "run"), "--listen", "127.0.0.1:0",
            "--entropy", entropy["listening"])
        address = ready["listening"]
        code, _, err = self.ctl(address, "pause")
        self.assertEqual(code, 0, err)
        code, out, err = self.ctl(address, "events", "--last", "256")
        self.assertEqual(code, 0, err)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertIn("STATE", {event["kind"] for event in events}, out)
        code, out, err = self.ctl(address, "events", "--last", "1")
        self.assertEqual(json.loads(out), events[-1])
        code, _, err = self.ctl(address, "events", "--last", "0")
        self.assertEqual(code, 64)
        learner.send_signal(signal.SIGTERM)
        self.assertEqual(learner.wait(harness.DEADLINE), 75)

    def test_wrong_identities_do_not_start(self):
        for name, role, words in (
                ("actor", "learner", "its role is learner"),
                ("entropy", "actor", "its role is actor"),
                ("learner", "entropy", "its role is entropy")):
            arguments = ["--run-dir", os.path.join(self.runs, "x"),
                         "--listen", "127.0.0.1:0", *SMALL]
            if name == "actor":
                arguments = SMALL
            if name == "entropy":
                arguments = ["--listen", "127.0.0.1:0"]
            process, ready = self.launch(name, *arguments,
                                         *self.identity(role))
            self.assertIsNone(ready)
            self.assertEqual(process.wait(harness.DEADLINE), 78)
            self.assertIn(words, process.stderr.read())
        self.assertFalse(os.path.exists(os.path.join(self.runs, "x")))
        code, _, err = harness.call("certs", self.certs)
        self.assertEqual(code, 1)
        self.assertIn("is there already", err)


if __name__ == "__main__":
    unittest.main()
