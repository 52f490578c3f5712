"""Small worlds whose best population can be written down (method.md 7.6 to
7.8): a star of eight arms, a ring, two rooms. One model throughout, PointMass;
numbers are printed, thresholds are what theory says, or measured runs minus a
margin."""
import base64
import json
import math
import os
import unittest

import harness

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                    "testdata")
STEP = 0.15  # cells, along each axis


class WorldTest(harness.EndToEndTest):

    def explore(self, name, terrain, *arguments):
        """Trains; returns the metrics' last line."""
        self.train(name, "--preset", "point-maze", "--set",
                   f"env.terrain={os.path.join(DATA, terrain)}", "--set",
                   "learner.threads=1", "--set", "checkpoint.every=40",
                   "--actors", "1", *arguments)
        return self.metrics(name)[-1]

    def evaluate(self, name, *arguments):
        code, out, err = harness.call("eval", "--runs", self.runs, name,
                                      "--json", *arguments)
        self.assertEqual(code, 0, err)
        return json.loads(out)


class StarTest(WorldTest):

    def arms_covered(self, name, agents):
        """Expected share of the arms whose outer half one of eight episodes
        comes to, one of each of eight agents or eight of a single one; they are
        independent of each other."""
        answer = self.evaluate(name, "--radius", "0.5", "--episodes",
                               str(320 // agents))
        covered = 0
        for goal in answer["goals"]:
            missed = 1.0
            for agent in answer["agents"]:
                reached = agent["goals"][goal["goal"]]["sampled"]
                missed *= (1 - reached) ** (8 // agents)
            covered += 1 - missed
        return covered / 8

    # Eight specialists cover eight arms. Eight episodes of one policy that is
    # the same for all cannot do better than chance, which is best where arms
    # are equally likely: 1 - (7/8)^8 = 0.656 in the mean. Observed: 0.68 to
    # 0.93, in the mean 0.78, against 0.28: actions are sampled, so that not
    # every specialist's episode comes to the outer half, and some share an arm.
    def test_specialists_cover_what_no_single_policy_can(self):
        shares = {}
        for mode, agents in (("population", 8), ("single", 1)):
            shares[mode] = []
            for seed in (1, 2, 3, 4, 5):
                name = f"{mode}-{seed}"
                last = self.explore(
                    name, "star.txt", "--set", f"population.agents={agents}",
                    "--set", "env.count=32", "--set", "env.horizon=54",
                    "--set", "network.head_noise=1", "--set",
                    "schedule.epochs=120", "--epochs", "120", "--seed",
                    str(seed))
                share = self.arms_covered(name, agents)
                shares[mode].append(share)
                print(f"star, {name}: arms {share:.3f}, grid entropy "
                      f"{last['grid_entropy_nats']:.3f}, diversity "
                      f"{last['diversity_nats']:.3f} of {math.log(8):.3f}",
                      flush=True)
        self.assertGreaterEqual(sum(shares["population"]) / 5, 0.7)
        self.assertLessEqual(sum(shares["single"]) / 5, 0.656)


class RingTest(WorldTest):

    def grid(self, name):
        """Coverage cells: a set of (column, row), the start's cell, size."""
        with open(os.path.join(self.runs, name, "manifest.json"),
                  encoding="utf-8") as file:
            world = json.load(file)["environment"]
        grid = world["coverage"]
        columns = grid["nx"]
        reachable = base64.b64decode(grid["reachable"])
        cells = {(i % columns, i // columns)
                 for i, bit in enumerate(reachable) if bit}
        size = grid["cell_size"]
        start = (int((world.get("start_x", 0) - grid["x_min"]) / size),
                 int((world.get("start_y", 0) - grid["y_min"]) / size))
        return cells, start, size

    def most_entropy(self, cells, start, size, horizon):
        """The greatest entropy that visits of `horizon` steps can have: no
        cell is visited before it can be reached. The sets of cells grow with
        time, and mass that has to be within the first of them can be anywhere
        there; the best spreads it by the concave envelope of (cells, mass), so
        that nothing inside is thinner than what is outside."""
        distance = {start: 0}
        front = [start]
        while front:
            front = [(x + dx, y + dy) for x, y in front
                     for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            front = [cell for cell in dict.fromkeys(front)
                     if cell in cells and cell not in distance]
            for cell in front:
                distance[cell] = 1 + min(
                    distance[(cell[0] + dx, cell[1] + dy)]
                    for dx in (-1, 0, 1) for dy in (-1, 0, 1)
                    if (cell[0] + dx, cell[1] + dy) in distance)
        # Generous by a cell and the start's jitter: a bound, not a plan.
        curve = [(0, 0.0)]
        for t in range(1, horizon + 1):
            near = sum(1 for steps in distance.values()
                       if (steps - 2) * size <= STEP * t)
            curve.append((near, t / horizon))
        hull = []
        for point in curve:
            while len(hull) > 1 and (
                    (hull[-1][1] - hull[-2][1]) * (point[0] - hull[-2][0])
                    <= (point[1] - hull[-2][1]) * (hull[-1][0] - hull[-2][0])):
                hull.pop()
            hull.append(point)
        entropy = 0.0
        for (n0, m0), (n1, m1) in zip(hull, hull[1:]):
            if m1 > m0:
                entropy -= (m1 - m0) * math.log((m1 - m0) / (n1 - n0))
        return entropy

    def test_the_envelope_is_right_where_the_answer_is_known(self):
        cells = {(x, 0) for x in range(-50, 51)}
        # All at once within reach: uniform.
        self.assertAlmostEqual(self.most_entropy(cells, (0, 0), 1e-6, 10),
                               math.log(101))
        # Nothing but the start and what the generous cells allow.
        self.assertAlmostEqual(self.most_entropy(cells, (0, 0), 1e6, 10),
                               math.log(5))

    # Learnt entropy against the bound: 95 % of it, in the mean. Observed with
    # seeds 1 to 3: 0.967, 0.963, 0.948; shuffled rewards: 0.666.
    def test_a_ring_is_filled_almost_as_well_as_can_be(self):
        share = {}
        for reward, seed in (("forward", 1), ("forward", 2), ("forward", 3),
                             ("shuffled", 1)):
            name = f"{reward}-{seed}"
            last = self.explore(
                name, "ring.txt", "--set", "population.agents=16", "--set",
                "env.count=32", "--set", "env.horizon=120", "--set",
                "schedule.epochs=150", "--epochs", "150", "--seed", str(seed),
                "--set", f"entropy.reward={reward}")
            bound = self.most_entropy(*self.grid(name), 120)
            share[name] = last["grid_entropy_nats"] / bound
            print(f"ring, {name}: grid entropy "
                  f"{last['grid_entropy_nats']:.3f} of at most {bound:.3f}: "
                  f"{share[name]:.3f}, coverage {last['coverage']:.3f}",
                  flush=True)
        learnt = [share[f"forward-{seed}"] for seed in (1, 2, 3)]
        self.assertGreaterEqual(sum(learnt) / 3, 0.95)
        self.assertGreaterEqual(min(learnt), 0.93)
        self.assertLess(share["shuffled-1"], 0.9)


class RoomsTest(WorldTest):

    # method.md 7.8: two agents, each of which can see one room in an episode.
    # Observed with seeds 1 to 3: coverage 0.37 to 0.60, owner share 0.91 to
    # 0.99, 0.87 to 0.99 bits. Shuffled rewards leave both near the start
    # (0.10), where they may drift apart, too (0.85, 0.89): to split the rooms
    # is to reach them and to own what one reaches. Heads start further apart
    # than in the preset: with its head_noise of 0.1, seeds 2 and 3 have both
    # agents in both rooms after 100 epochs (owner share 0.73 and 0.67).
    def test_two_agents_split_two_rooms(self):
        world = ["--set", "population.agents=2", "--set",
                 "network.head_noise=1", "--set", "env.horizon=40", "--set",
                 "schedule.epochs=60", "--epochs", "50"]
        for seed, reward in ((1, "forward"), (2, "forward"), (3, "forward"),
                             (1, "shuffled")):
            last = self.explore(f"rooms-{reward}-{seed}", "two_rooms.txt",
                                *world, "--seed", str(seed), "--set",
                                f"entropy.reward={reward}")
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


if __name__ == "__main__":
    unittest.main()
