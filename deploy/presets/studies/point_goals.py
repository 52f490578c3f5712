#!/usr/bin/env python3
"""Fine-tuning on the goals of the point maze, by what it starts from.

  point_goals.py run RUNS [--kmyriad PROGRAM] [--jobs N]
      trains what is missing below the folder RUNS and adds one row per cell
      (start, seed, goal) to point_goals.jsonl; a cell that has its row is not
      repeated, one that was cut goes on from its run's checkpoint
  point_goals.py report
      writes the table of README.md from the rows

Every start gets equal samples: 480,000 of pretraining (but `random`) and 40
epochs of 4,800 of fine-tuning; selecting a head costs 19,200 more.
"""
import argparse
import concurrent.futures
import json
import os
import random
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = os.path.join(HERE, "point_goals.jsonl")
README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- point_goals: begin -->", "<!-- point_goals: end -->"
GOALS = ["G1", "G2", "G3", "G4", "G5"]
SEEDS = [1, 2]
EPISODES = 100
RESAMPLES = 10000
# What a start is pretrained with, and how fine-tuning uses its heads.
STARTS = {
    "collective": ([], "select"),
    "single": (["--set", "population.agents=1"], "select"),
    "random": ([], "random"),
}


def read_rows(path=ROWS):
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except FileNotFoundError:
        return []


def call(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    return done.stdout


def pretrain(program, runs, start, seed):
    """Name of the pretrained run; `random` takes the collective one's setting
    alone, none of its weights."""
    kind = "collective" if start == "random" else start
    name = f"{kind}-{seed}"
    call(program, "train", "--preset", "point-maze", "--runs", runs, "--name",
         name, "--seed", str(seed), "--set", "learner.threads=1",
         *STARTS[kind][0])
    return name


def run_cell(program, runs, start, seed, goal):
    source = f"{'collective' if start == 'random' else start}-{seed}"
    name = f"{start}-{seed}-{goal}"
    call(program, "finetune", "--from", source, "--task", f"maze/{goal}",
         "--use", STARTS[start][1], "--name", name, "--runs", runs)
    before = json.loads(call(program, "eval", source, "--goal", goal,
                             "--runs", runs, "--json"))["goals"][0]
    result = json.loads(call(program, "eval", name, "--goal", goal, "--runs",
                             runs, "--episodes", str(EPISODES), "--json"))
    after = result["goals"][0]
    return {"start": start, "seed": seed, "goal": goal,
            "success": after["sampled"]["success_mean"],
            "success_best_head": after["sampled"]["success_best"],
            "success_mean_actions": after["mean_actions"]["success_mean"],
            "heads": len(result["agents"]),
            "zero_shot_best_head": 0.0 if start == "random"
            else before["sampled"]["success_best"],
            "finetuning_env_steps": result["trained_env_steps"],
            "policy_hash": result["policy_hash"]}


def run(program, runs, jobs):
    known = {(row["start"], row["seed"], row["goal"]) for row in read_rows()}
    cells = [(start, seed, goal) for seed in SEEDS for start in STARTS
             for goal in GOALS if (start, seed, goal) not in known]
    lock = threading.Lock()

    def work(cell):
        row = run_cell(program, runs, *cell)
        with lock, open(ROWS, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        sources = sorted({("collective" if start == "random" else start, seed)
                          for start, seed, _ in cells})
        list(pool.map(lambda pair: pretrain(program, runs, *pair), sources))
        list(pool.map(work, cells))


def interquartile_mean(values):
    """Mean of the middle half; the border values count in part."""
    ordered = sorted(values)
    count = len(ordered)
    low, high = count / 4, 3 * count / 4
    total = sum(value * max(0.0, min(i + 1, high) - max(i, low))
                for i, value in enumerate(ordered))
    return total / (high - low)


def interval(by_goal, seed=0):
    """95 % percentile interval of the interquartile mean, by a bootstrap that
    draws seeds anew within each goal."""
    draw = random.Random(seed)
    means = sorted(
        interquartile_mean([draw.choice(values) for values in by_goal
                            for _ in values])
        for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def table(rows):
    lines = ["| start | cells | zero-shot, best head | success, mean | "
             "IQM [95 %] | mean actions | never above 0.5 |",
             "|---|---|---|---|---|---|---|"]
    for start in STARTS:
        mine = [row for row in rows if row["start"] == start]
        if not mine:
            continue
        by_goal = [[row["success"] for row in mine if row["goal"] == goal]
                   for goal in GOALS]
        low, high = interval([values for values in by_goal if values])
        scores = [row["success"] for row in mine]

        def mean(key):
            return sum(row[key] for row in mine) / len(mine)

        lines.append(
            f"| {start} | {len(mine)} | {mean('zero_shot_best_head'):.2f} | "
            f"{mean('success'):.3f} | {interquartile_mean(scores):.3f} "
            f"[{low:.3f}, {high:.3f}] | {mean('success_mean_actions'):.3f} | "
            f"{sum(score <= 0.5 for score in scores)} |")
    return "\n".join(lines)


def with_table(readme, rows):
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("runs")
    runner.add_argument("--kmyriad", default=os.path.join(
        HERE, "../../../build/release/bin/kmyriad"))
    runner.add_argument("--jobs", type=int, default=1)
    commands.add_parser("report")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.kmyriad, arguments.runs, arguments.jobs)
        return
    with open(README, encoding="utf-8") as file:
        readme = file.read()
    with open(README, "w", encoding="utf-8") as file:
        file.write(with_table(readme, read_rows()))


if __name__ == "__main__":
    main()
