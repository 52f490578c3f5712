"""Says in what two runs differ that must be the same run."""

# Of a metrics line: what depends on who computed it and when. Everything else
# is a function of the configuration.
INCIDENTAL = {"seconds", "steps_per_second"}
INCIDENTAL_SAMPLES = {"duplicate", "stale", "recomputed"}
CHECKPOINT = ("epoch", "policy_version", "env_steps", "seed",
              "parameters_sha256", "optimizer_sha256", "policy_hash")
# What the checkpoint counts over the whole run.
LEDGER = ("duplicate", "stale", "recomputed")


def determined(line):
    """A metrics line without what is incidental."""
    kept = {key: value for key, value in line.items()
            if key not in INCIDENTAL}
    kept["samples"] = {key: value
                       for key, value in line.get("samples", {}).items()
                       if key not in INCIDENTAL_SAMPLES}
    return kept


def ledger(lines):
    """Samples by what became of them, over the epochs of a metrics file."""
    return {key: sum(line["samples"][key] for line in lines)
            for key in ("applied", *LEDGER)}


def compare_metrics(name, lines, epochs, samples):
    """Rows 1..epochs, each once and in order, each with all its samples."""
    problems = []
    seen = [line.get("epoch") for line in lines]
    if seen != list(range(1, epochs + 1)):
        wrong = next((i for i, epoch in enumerate(seen) if epoch != i + 1),
                     len(seen))
        problems.append(f"{name}: metrics has {len(seen)} rows for {epochs} "
                        f"epochs; row {wrong + 1} is not of its epoch")
    for line in lines:
        applied = line.get("samples", {}).get("applied")
        if applied != samples:
            problems.append(f"{name}: epoch {line.get('epoch')} applied "
                            f"{applied} samples, not {samples}")
    return problems


def compare(undisturbed, disturbed, samples):
    """What is wrong with a disturbed run, one line each; [] if nothing.

    A run is {"checkpoint": what `kmyriad inspect --json` says,
    "metrics": lines of metrics.jsonl}; `samples` are n*T per epoch.
    """
    problems = []
    for key in CHECKPOINT:
        one, other = (run["checkpoint"].get(key)
                      for run in (undisturbed, disturbed))
        if one != other or one is None:
            problems.append(f"{key}: undisturbed {one}, disturbed {other}")
    epochs = undisturbed["checkpoint"].get("epoch", 0)
    for name, run in (("undisturbed", undisturbed), ("disturbed", disturbed)):
        problems += compare_metrics(name, run["metrics"], epochs, samples)
    for one, other in zip(undisturbed["metrics"], disturbed["metrics"]):
        one, other = determined(one), determined(other)
        if one != other:
            keys = sorted(key for key in one.keys() | other.keys()
                          if one.get(key) != other.get(key))
            problems.append(f"epoch {one.get('epoch')}: metrics differ in "
                            f"{', '.join(keys)}")
            break
    return problems
