"""A run trains, ends, goes on and is the same however it is cut and spread."""
import os
import re
import subprocess
import unittest

import harness
from harness import SIGINT, SIGKILL, SIGSTOP, SMALL

# The other objective, whose optimiser has no critic to keep moments of.
ASCENT = [argument for setting in (
    "kind=iw_entropy", "learning_rate=0.001", "steps=10", "state_kl=0.1",
    "policy_kl=2", "effective_share=0.3", "form=self_normalized")
    for argument in ("--set", f"objective.{setting}")]

# A terrain of one room, and what stands in one of its cells.
ROOM = """cell 1
wall_height 1
map
######
#S...#
#..{}.#
#...1#
######
end
"""


class TrainTest(harness.EndToEndTest):

    def test_a_run_trains_and_leaves_what_it_promises(self):
        checkpoint = self.train("demo", *SMALL, "--epochs", "3")
        self.assertEqual(checkpoint["epoch"], 3)
        self.assertEqual(checkpoint["env_steps"], 3 * 40 * 60)
        lines = self.metrics("demo")
        self.assertEqual([line["epoch"] for line in lines], [1, 2, 3])
        for line in lines:
            self.assertEqual(line["samples"]["applied"], 40 * 60)
        folder = os.path.join(self.runs, "demo")
        for name in ("manifest.json", "resolved.textproto", "HEAD.json",
                     "checkpoints/epoch_000000", "checkpoints/epoch_000003",
                     "logs/learner.log"):
            self.assertTrue(os.path.exists(os.path.join(folder, name)), name)
        self.assertFalse(
            os.path.exists(os.path.join(folder, "endpoints.json")))
        code, out, err = harness.call("plot", "--runs", self.runs, "--name",
                                      "demo", "--csv")
        self.assertEqual(code, 0, err)
        for path in out.split():
            self.assertGreater(os.path.getsize(path), 200)

    def test_a_longer_run_equals_one_that_goes_on(self):
        self.train("cut", *SMALL, "--epochs", "3")
        cut = self.train("cut", "--epochs", "6")
        self.assert_same(cut, self.train("whole", *SMALL, "--epochs", "6"))
        self.assertEqual([line["epoch"] for line in self.metrics("cut")],
                         list(range(1, 7)))
        again = self.train("cut")
        self.assert_same(cut, again)

    def test_a_fork_goes_on_as_its_source_would_and_leaves_it_alone(self):
        old = self.train("old", *SMALL, "--epochs", "3")
        training = self.start("old", "--fork", "new", "--epochs", "5")
        self.assertEqual(training.wait(), 0, training.output())
        new = self.inspect("new")
        self.assert_same(new, self.train("whole", *SMALL, "--epochs", "5"))
        self.assertNotEqual(new["run_uuid"], old["run_uuid"])
        self.assertEqual(new["run"]["forked_from"],
                         f"old {old['run_uuid']} epoch 3")
        self.assert_same(self.inspect("old"), old)
        self.assertEqual([line["epoch"] for line in self.metrics("new")],
                         [1, 2, 3, 4, 5])

    def test_a_fork_may_change_what_a_resume_may_not(self):
        self.train("old", *SMALL, "--epochs", "3")
        change = ["--set", "ppo.clip=0.1", "--epochs", "4"]
        refused = self.start("old", *change)
        self.assertEqual(refused.wait(), 78, refused.output())
        self.assertIn("ppo.clip", refused.output())
        forked = self.start("old", *change, "--fork", "new", "--fork-at", "2")
        self.assertEqual(forked.wait(), 0, forked.output())
        self.assertIn("ppo.clip is 0.1, was 0.2", forked.output())
        self.assertEqual(self.inspect("new")["epoch"], 4)
        for arguments, word in ((["--fork", "new"], "already"),
                                (["--fork", "wide", "--set",
                                  "network.trunk=32"], "network.trunk"),
                                (["--fork", "other", *ASCENT],
                                 "objective.kind"),
                                (["--fork", "late", "--fork-at", "9"],
                                 "epoch_000009")):
            again = self.start("old", *arguments)
            self.assertNotIn(again.wait(), (0, 75), again.output())
            self.assertIn(word, again.output())
        self.assertEqual(sorted(name for name in os.listdir(self.runs)
                                if not name.endswith(".out")),
                         ["new", "old"])

    # A window holds particles of one shape. Into another one none come along:
    # the next epoch is scored as if there were no window.
    def test_a_fork_to_other_particles_begins_with_an_empty_window(self):
        ants = ["--preset", "ant-empty", "--set", "env.count=16", "--set",
                "population.agents=4", "--set", "env.horizon=12", "--set",
                "entropy.k=3", "--set", "network.trunk=32", "--set",
                "learner.threads=1"]
        for name, world in (("points", SMALL), ("ants", ants)):
            self.train(name, *world, "--epochs", "3", "--set",
                       "entropy.window=3")
        for source, key, value in (("points", "env.count", "80"),
                                   ("points", "env.horizon", "30"),
                                   ("ants", "entropy.features", "xyz"),
                                   ("points", "ppo.clip", "0.1")):
            entropy = []
            for window in ("3", "1"):
                name = f"{key}-{window}"
                forked = self.start(source, "--fork", name, "--set",
                                    f"{key}={value}", "--set",
                                    f"entropy.window={window}", "--epochs",
                                    "4")
                self.assertEqual(forked.wait(), 0, forked.output())
                self.assertEqual(
                    f"fork {name}: entropy.window begins empty"
                    in forked.output(),
                    window == "3" and key != "ppo.clip", forked.output())
                before, last = self.metrics(name)[-2:]
                self.assertEqual(last["env_steps"], before["env_steps"]
                                 + last["samples"]["applied"])
                entropy.append(last["entropy_nats"])
            self.assertEqual(entropy[0] == entropy[1], key != "ppo.clip", key)

    def test_a_fork_into_a_changed_terrain_is_refused(self):
        path = os.path.join(self.runs, "room.txt")
        for wall, code in ((".", 0), ("#", 78)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(ROOM.format(wall))
            if wall == ".":
                self.train("old", *SMALL, "--set", f"env.terrain={path}",
                           "--epochs", "2")
            forked = self.start("old", "--fork", f"new-{code}", "--epochs",
                                "3")
            self.assertEqual(forked.wait(), code, forked.output())
        self.assertIn("has changed since", forked.output())
        self.assertFalse(os.path.exists(os.path.join(self.runs, "new-78")))

    def test_other_seeds_give_other_parameters(self):
        one = self.train("one", *SMALL, "--epochs", "2", "--seed", "1")
        two = self.train("two", *SMALL, "--epochs", "2", "--seed", "2")
        self.assertNotEqual(one["parameters_sha256"],
                            two["parameters_sha256"])

    def test_actors_and_threads_do_not_change_the_result(self):
        one = self.train("one", *SMALL, "--epochs", "4", "--actors", "1")
        for name, actors, threads in (("two", 2, 1), ("four", 4, 3)):
            self.assert_same(one, self.train(
                name, *SMALL, "--epochs", "4", "--actors", str(actors),
                "--set", f"physics.threads={threads}"))

    def test_replicas_of_the_entropy_service_do_not_change_the_result(self):
        one = self.train("one", *SMALL, "--epochs", "4")
        three = self.train("three", *SMALL, "--epochs", "4",
                           "--entropy-replicas", "3")
        self.assert_same(one, three)
        for line in self.metrics("three"):
            self.assertEqual(line["samples"]["applied"], 40 * 60)
        with open(os.path.join(self.runs, "three/logs/entropy-2.log")) as log:
            self.assertIn("engine grid", log.read())

    def test_instruction_sets_do_not_change_the_result(self):
        runs = [self.train(level, *SMALL, "--epochs", "3",
                           environment={"KMYRIAD_SIMD": level})
                for level in harness.simd_levels()]
        for other in runs[1:]:
            self.assert_same(runs[0], other)


class InterruptionTest(harness.EndToEndTest):
    EPOCHS = "8"

    def whole(self, *arguments):
        return self.train("whole", *SMALL, "--epochs", self.EPOCHS, *arguments)

    def test_interrupted_twice_equals_undisturbed(self):
        for epoch in (2, 4):
            training = self.start("cut", *SMALL, "--epochs", self.EPOCHS)
            training.until_epoch(epoch)
            training.signal(SIGINT)
            self.assertEqual(training.wait(), 75, training.output())
            self.assertIn("resume: ", training.output())
        self.assert_same(self.train("cut", "--epochs", self.EPOCHS),
                         self.whole())

    def kill_in_mid_run(self, process, restarted, *arguments, epoch=2,
                        settings=()):
        training = self.start("killed", *SMALL, "--epochs", self.EPOCHS,
                              "--actors", "2", *arguments, *settings)
        training.until_epoch(epoch)
        os.kill(training.pid(process), SIGKILL)
        self.assertEqual(training.wait(), 0, training.output())
        self.assertIn(restarted, training.output())
        self.assert_same(self.inspect("killed"), self.whole(*settings))

    def test_a_killed_actor_is_replaced(self):
        self.kill_in_mid_run("actor-1", "actor-1 ended (signal 9")

    def test_a_killed_entropy_service_is_replaced(self):
        self.kill_in_mid_run("entropy", "entropy ended (signal 9")

    def test_a_killed_entropy_service_with_a_window_is_replaced(self):
        # At epoch 4 the window of three is full, and moves.
        self.kill_in_mid_run("entropy", "entropy ended (signal 9", epoch=4,
                             settings=("--set", "entropy.window=3"))

    def test_a_killed_replica_of_the_entropy_service_is_waited_for(self):
        self.kill_in_mid_run("entropy-1", "entropy-1 ended (signal 9",
                             "--entropy-replicas", "3")

    def test_a_killed_learner_is_replaced(self):
        self.kill_in_mid_run("learner", "learner ended (signal 9")

    def test_a_killed_learner_that_ascends_is_replaced(self):
        self.kill_in_mid_run("learner", "learner ended (signal 9",
                             settings=ASCENT)

    # An ascent asks the service about the epoch again and again. One that lost
    # the epoch in between is told so by a service that does not hold it; a kill
    # that comes at another time is no test of it, and there is a next one. Many
    # small steps: an epoch is next to nothing but its ascent.
    def test_an_ascent_whose_service_is_killed_goes_on(self):
        world = [*SMALL, *ASCENT, "--set", "objective.steps=100", "--set",
                 "objective.learning_rate=1e-5"]
        training = self.start("cut", *world, "--epochs", "100000",
                              "--actors", "2")

        def lost():
            with open(os.path.join(self.runs, "cut", "logs", "learner.log"),
                      encoding="utf-8") as file:
                return re.findall(r"does not hold epoch (\d+), which is "
                                  "scored again", file.read())

        training.until_epoch(1)
        self.assertEqual(lost(), [])
        for kills in range(1, 9):
            training.until(lambda: self.ctl("cut", "status")["phase"] ==
                           "RUN_PHASE_UPDATE", "an ascent")
            os.kill(training.pid("entropy"), SIGKILL)
            training.until_epoch(len(self.metrics("cut")) + 2)
            if lost():
                break
        print(f"kills: {kills}; ascents cut: epochs {lost()}", flush=True)
        self.assertTrue(lost(), training.output())
        training.signal(SIGINT)
        self.assertEqual(training.wait(), 75, training.output())
        cut = self.inspect("cut")
        self.assertGreaterEqual(cut["epoch"], int(lost()[-1]))
        self.assert_same(cut, self.train(
            "whole", *world, "--epochs", str(cut["epoch"]), "--set",
            "learner.threads=2"))

    def test_a_process_that_is_silent_is_killed_and_replaced(self):
        # 15 heartbeats are 3 s.
        training = self.start("frozen", *SMALL, "--epochs", "100000",
                              "--actors", "2", "--set",
                              "rpc.heartbeat_seconds=0.2")
        for process in ("entropy", "actor-1", "learner"):
            epochs = len(self.metrics("frozen"))
            training.until_epoch(epochs + 1)
            frozen = training.pid(process)
            os.kill(frozen, SIGSTOP)
            training.until(lambda: f"{process} ended (signal 9" in
                           training.output(), f"the end of {process}")
            self.assertIn(f"{process} has not answered for 3 s: killed",
                          training.output())
            training.until(lambda: training.pid(process) != frozen,
                           f"a new {process}")
            self.assertFalse(os.path.exists(f"/proc/{frozen}"))
        epochs = len(self.metrics("frozen"))
        training.until_epoch(epochs + 1)
        training.signal(SIGINT)
        self.assertEqual(training.wait(), 75, training.output())
        frozen = self.inspect("frozen")
        self.assert_same(frozen, self.train("whole", *SMALL, "--epochs",
                                            str(frozen["epoch"])))

    def test_a_killed_launcher_takes_its_processes_along(self):
        training = self.start("lost", *SMALL, "--epochs", "100000")
        training.until_epoch(1)
        pids = [training.pid(name) for name in ("learner", "entropy",
                                                "actor-0")]
        training.kill()
        ends = harness.time.monotonic() + 10
        for pid in pids:
            while os.path.exists(f"/proc/{pid}") and (
                    harness.time.monotonic() < ends):
                harness.time.sleep(0.01)
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.train("lost", "--epochs", str(len(self.metrics("lost")) + 1))

    def test_a_second_ctrl_c_quits_at_once(self):
        training = self.start("quit", *SMALL, "--epochs", "100000")
        training.until_epoch(1)
        training.signal(SIGINT)
        training.signal(SIGINT)
        self.assertEqual(training.wait(), 75, training.output())


class ControlTest(harness.EndToEndTest):

    def test_an_operator_pauses_restores_and_stops_a_live_run(self):
        training = self.start("live", *SMALL, "--epochs", "100000")
        training.until_epoch(3)
        self.assertEqual(self.ctl("live", "pause")["state"],
                         "RUN_STATE_PAUSED")
        training.until(lambda: self.ctl("live", "status")["state"] ==
                       "RUN_STATE_PAUSED", "the pause")
        epochs = len(self.metrics("live"))
        saved = self.ctl("live", "checkpoint")["checkpoint"]
        listed = self.ctl("live", "list")["checkpoints"]
        self.assertIn(saved["name"], [entry["name"] for entry in listed])
        dry = self.ctl("live", "restore", "1", "--dry-run")
        self.assertEqual(dry["restored"]["name"], "epoch_000001")
        self.assertEqual(len(self.metrics("live")), epochs)
        done = self.ctl("live", "restore", "1")
        self.assertIn(saved["name"], done["set_aside"])
        training.until(lambda: len(self.metrics("live")) == 1,
                       "the truncation")
        self.ctl("live", "resume", "--request-id", "once")
        self.ctl("live", "resume", "--request-id", "once")
        training.until_epoch(3)
        code, _, err = harness.call("ctl", "stop", "--runs", self.runs,
                                    "--name", "live")
        self.assertEqual(code, 0, err)
        self.assertEqual(training.wait(), 75, training.output())
        epochs = str(self.inspect("live")["epoch"])
        self.assert_same(self.inspect("live"),
                         self.train("whole", *SMALL, "--epochs", epochs))

    def test_nobody_there_is_unreachable(self):
        code, _, err = harness.call("ctl", "status", "--learner",
                                    f"unix:{self.runs}/no.sock",
                                    "--deadline", "0.5")
        self.assertEqual(code, 69)
        self.assertEqual(len(err.splitlines()), 1, err)
        code, _, err = harness.call("ctl", "status", "--runs", self.runs,
                                    "--name", "none")
        self.assertEqual(code, 69)
        self.assertIn("no live run", err)

    def test_checkpoints_are_listed_without_a_learner(self):
        checkpoint = self.train("done", *SMALL, "--epochs", "2")
        listed = self.ctl("done", "list")["checkpoints"]
        self.assertEqual([entry["name"] for entry in listed],
                         [f"epoch_{epoch:06d}" for epoch in range(3)])
        self.assertEqual([entry["head"] for entry in listed],
                         [False, False, True])
        self.assertEqual(listed[-1]["parameters_sha256"],
                         checkpoint["parameters_sha256"])
        code, out, err = harness.call("ctl", "list", "--runs", self.runs,
                                      "--name", "done")
        self.assertEqual(code, 0, err)
        self.assertIn("HEAD", out.splitlines()[-1])
        code, _, err = harness.call("ctl", "list", "--runs", self.runs,
                                    "--name", "none")
        self.assertEqual(code, 69)
        self.assertIn("there is no such run", err)

    def test_a_run_whose_reader_is_gone_still_drains(self):
        reader, writer = os.pipe()
        training = subprocess.Popen(
            [harness.KMYRIAD, "train", "--runs", self.runs, "--name", "piped",
             *SMALL, "--epochs", "100000"], stdout=writer, stderr=writer)
        self.addCleanup(training.kill)
        os.close(writer)
        seen = b""
        while b"epoch 2/" not in seen:
            more = os.read(reader, 4096)
            self.assertTrue(more, seen)
            seen += more
        # As Ctrl-C does to `kmyriad train 2>&1 | tee log`.
        os.close(reader)
        training.send_signal(SIGINT)
        self.assertEqual(training.wait(timeout=harness.DEADLINE), 75)
        self.assertFalse(os.path.exists(
            os.path.join(self.runs, "piped", "endpoints.json")))

    def test_a_run_in_use_is_refused(self):
        training = self.start("busy", *SMALL, "--epochs", "100000")
        training.until_epoch(1)
        code, _, err = harness.call("train", "--runs", self.runs, "--name",
                                    "busy")
        self.assertEqual(code, 1, err)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("in use", err)


if __name__ == "__main__":
    unittest.main()
