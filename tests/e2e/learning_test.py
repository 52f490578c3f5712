"""The population learns, and the check can fail: thresholds come from measured
runs minus a margin; fixed seeds; numbers are printed."""
import json
import math
import os
import unittest

import harness

POINT_MAZE = ["--preset", "point-maze", "--set", "env.count=32", "--set",
              "env.horizon=150", "--set", "learner.threads=1", "--set",
              "schedule.epochs=120", "--set", "checkpoint.every=40",
              "--actors", "1"]
TWO_ROOMS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         "..", "testdata", "two_rooms.txt")
POPULATION = ["--set", "population.agents=32"]


class LearningTest(harness.EndToEndTest):

    def curve(self, name, *arguments):
        self.train(name, *POINT_MAZE, *arguments)
        lines = self.metrics(name)
        for line in (lines[0], lines[-1]):
            print(f"{name}: epoch {line['epoch']} grid entropy "
                  f"{line['grid_entropy_nats']:.3f} coverage "
                  f"{line['coverage']:.3f} diversity "
                  f"{line['diversity_nats']:.3f}", flush=True)
        return lines

    # method.md 7.9: observed 3.51 to 4.95 and 0.52 at epoch 20, 5.46 and 0.77
    # at epoch 60. And 7.11: shuffled rewards still move the policies, at
    # random, and agents that drift apart cover more (seeds 1 to 4: the pooled
    # entropy rises by 0.25 to 0.94 nats in 60 epochs, with real rewards by 2.0
    # to 3.9), so the control is that learning leaves the drift far behind.
    def test_entropy_and_coverage_rise_and_shuffled_rewards_do_not_teach(self):
        arguments = [*POPULATION, "--epochs", "60", "--seed", "1"]
        learnt = self.curve("learnt", *arguments)
        self.assertLess(learnt[0]["grid_entropy_nats"], 4.0)
        self.assertGreaterEqual(learnt[19]["grid_entropy_nats"], 4.6)
        self.assertGreaterEqual(learnt[19]["coverage"], 0.42)
        self.assertGreaterEqual(learnt[59]["grid_entropy_nats"], 5.2)
        self.assertGreaterEqual(learnt[59]["coverage"], 0.7)
        shuffled = self.curve("shuffled", *arguments, "--set",
                              "entropy.reward=shuffled")
        self.assertEqual(learnt[0]["entropy_nats"],
                         shuffled[0]["entropy_nats"])
        for key, gap in (("entropy_nats", 1.0), ("grid_entropy_nats", 0.7),
                         ("coverage", 0.25)):
            self.assertGreater(learnt[59][key], shuffled[59][key] + gap, key)
        self.assertLess(shuffled[59]["coverage"], 0.42)

    # method.md 7.10 and 7.11. Observed in the mean of seeds 1 to 3: 5.53
    # collective, 5.00 single, 4.9 individual.
    def test_a_population_beats_one_policy_and_individual_entropy(self):
        modes = {
            "collective": POPULATION,
            "single": ["--set", "population.agents=1"],
            "individual": [*POPULATION, "--set", "entropy.pooling=individual"],
        }
        entropy = {mode: [] for mode in modes}
        diversity = {mode: [] for mode in modes}
        for seed in (1, 2, 3):
            for mode, arguments in modes.items():
                last = self.curve(f"{mode}-{seed}", *arguments, "--epochs",
                                  "120", "--seed", str(seed))[-1]
                entropy[mode].append(last["grid_entropy_nats"])
                diversity[mode].append(last["diversity_nats"])
        for other in ("single", "individual"):
            self.assertGreaterEqual(sum(entropy["collective"]) / 3,
                                    sum(entropy[other]) / 3 + 0.1)
            for ours, theirs in zip(entropy["collective"], entropy[other]):
                self.assertGreater(ours, theirs)
        for ours, theirs in zip(diversity["collective"],
                                diversity["individual"]):
            self.assertGreater(ours, theirs + 0.3)

    # method.md 7.8: two agents, each of which can see one room in an episode.
    # Observed with seeds 1 to 3: coverage 0.37 to 0.60, owner share 0.91 to
    # 0.99, 0.87 to 0.99 bits. Shuffled rewards leave both near the start
    # (0.10), where they may drift apart, too (0.85, 0.89): to split the rooms
    # is to reach them and to own what one reaches. Heads start further apart
    # than in the preset: with its head_noise of 0.1, seeds 2 and 3 have both
    # agents in both rooms after 100 epochs (owner share 0.73 and 0.67).
    def test_two_agents_split_two_rooms(self):
        world = ["--set", f"env.terrain={TWO_ROOMS}", "--set",
                 "population.agents=2", "--set", "network.head_noise=1",
                 "--set", "env.horizon=40", "--set", "schedule.epochs=60",
                 "--epochs", "50"]
        for seed, reward in ((1, "forward"), (2, "forward"), (3, "forward"),
                             (1, "shuffled")):
            last = self.curve(f"rooms-{reward}-{seed}", *world, "--seed",
                              str(seed), "--set", f"entropy.reward={reward}")
            last = last[-1]
            # Share of each cell's visits that its main visitor has, 0.5 to 1;
            # and how much of one bit a particle tells of its agent.
            owner = last["owner_share"]
            bits = last["diversity_nats"] / math.log(2)
            print(f"{reward} {seed}: owner share {owner:.3f}, bits {bits:.3f}",
                  flush=True)
            if reward == "forward":
                self.assertGreater(last["coverage"], 0.33)
                self.assertGreater(owner, 0.87)
                self.assertGreater(bits, 0.8)
            else:
                self.assertLess(last["coverage"], 0.2)

    def test_a_learning_rate_of_zero_changes_no_network_parameter(self):
        self.curve("frozen", *POPULATION, "--epochs", "3", "--set", "ppo.learning_rate=0",
                   "--set", "ppo.critic_learning_rate=0")
        self.assertEqual(self.learned_tensors("frozen", 0),
                         self.learned_tensors("frozen", 3))
        self.curve("moving", *POPULATION, "--epochs", "3")
        start = self.learned_tensors("moving", 0)
        for key, value in self.learned_tensors("moving", 3).items():
            self.assertNotEqual(start[key], value, key)

    def learned_tensors(self, name, epoch):
        """Bytes of every tensor of policy.safetensors, by name."""
        path = os.path.join(self.runs, name, "checkpoints",
                            f"epoch_{epoch:06d}", "policy.safetensors")
        with open(path, "rb") as file:
            content = file.read()
        data = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:data])
        header.pop("__metadata__", None)
        self.assertIn("embedding", header)
        return {key: content[data + entry["data_offsets"][0]:
                             data + entry["data_offsets"][1]]
                for key, entry in header.items()}


if __name__ == "__main__":
    unittest.main()
