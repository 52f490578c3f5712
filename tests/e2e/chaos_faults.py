"""The faults of tests/e2e/chaos: what each does, and what it may hit."""
import os
import signal
import time
import uuid



class Fault:
    """One kind of fault. `weight`: how often it is drawn."""

    def __init__(self, name, weight, apply):
        self.name = name
        self.weight = weight
        self.apply = apply


def pick_actor(run, random):
    return f"actor-{random.randrange(run.actors)}"


def kill(process):
    def apply(run, random):
        name = process or pick_actor(run, random)
        run.signal(name, signal.SIGKILL)
        return name
    return apply


def freeze(process):
    """SIGSTOP, and SIGCONT after a while; mostly short of any deadline."""
    def apply(run, random):
        name = process or pick_actor(run, random)
        seconds = random.choice([0.1, 0.3, 1.0, 2.5])
        pid = run.signal(name, signal.SIGSTOP)
        time.sleep(seconds)
        if pid:
            run.signal_pid(pid, signal.SIGCONT)
        return f"{name} for {seconds} s"
    return apply


def kill_launcher(run, random):
    del random
    run.training.process.kill()
    return ""


def kill_group(run, random):
    del random
    os.killpg(run.training.process.pid, signal.SIGKILL)
    return ""


def drop(process):
    """All connections to a server are reset."""
    def apply(run, random):
        del random
        run.proxy.apply(process, lambda link: link.reset())
        return process
    return apply


def half_open(process, to_server, to_client):
    """Bytes stop to pass, and then the connection is reset. Without those to
    the client, what it sent was applied and never acknowledged: it comes
    again."""
    def apply(run, random):
        seconds = random.choice([0.05, 0.2, 1.0])

        def hold(link):
            if to_server:
                link.to_server.clear()
            if to_client:
                link.to_client.clear()

        def release(link):
            link.reset()
            link.to_server.set()
            link.to_client.set()
        run.proxy.apply(process, hold)
        time.sleep(seconds)
        run.proxy.apply(process, release)
        return f"{process} for {seconds} s"
    return apply


def slow(process):
    """Every chunk waits, for a while."""
    def apply(run, random):
        seconds = random.choice([0.01, 0.05, 0.2])
        run.proxy.apply(process, lambda link: setattr(link, "delay", seconds))
        time.sleep(1.0)
        run.proxy.apply(process, lambda link: setattr(link, "delay", 0.0))
        return f"{process} by {seconds} s"
    return apply


def restore(run, random):
    """To an earlier checkpoint, asked for twice with one request id; in half
    of the cases the learner is killed on top."""
    listed = run.ctl("list")
    if listed is None or len(listed["checkpoints"]) < 2:
        return "nothing to restore"
    names = [entry["name"] for entry in listed["checkpoints"]]
    name = random.choice(names[:-1])
    request = str(uuid.UUID(int=random.getrandbits(128)))
    first = run.ctl("restore", name, "--request-id", request)
    if first is None:
        return f"{name}: refused or unreachable"
    killed = random.random() < 0.5
    if killed:
        run.signal("learner", signal.SIGKILL)
    again = run.ctl("restore", name, "--request-id", request, patient=True)
    if again is not None and again != first:
        run.problems.append(f"restore {request}: the repeat was answered "
                            f"{again}, not {first}")
    return name + (", learner killed" if killed else "")


def change_actors(run, random):
    """Ctrl-C, and on with another number of actors."""
    run.stop()
    run.actors = random.randrange(1, 5)
    run.start()
    return f"to {run.actors}"


def pause(run, random):
    """Pause and resume, each asked for twice."""
    for verb in ("pause", "resume"):
        request = str(uuid.UUID(int=random.getrandbits(128)))
        for _ in range(2):
            run.ctl(verb, "--request-id", request, patient=True)
        time.sleep(random.choice([0.0, 0.2]))
    return ""


FAULTS = [
    Fault("kill actor", 14, kill(None)),
    Fault("kill learner", 10, kill("learner")),
    Fault("kill entropy service", 8, kill("entropy")),
    Fault("freeze actor", 8, freeze(None)),
    Fault("freeze learner", 5, freeze("learner")),
    Fault("freeze entropy service", 5, freeze("entropy")),
    Fault("kill launcher", 5, kill_launcher),
    Fault("kill process group", 5, kill_group),
    Fault("reset connections", 7, drop("learner")),
    Fault("reset connections", 5, drop("entropy")),
    Fault("lose answers", 8, half_open("learner", False, True)),
    Fault("half-open", 5, half_open("learner", True, True)),
    Fault("half-open", 3, half_open("entropy", True, True)),
    Fault("delay", 4, slow("learner")),
    Fault("delay", 3, slow("entropy")),
    Fault("restore", 8, restore),
    Fault("change actors", 5, change_actors),
    Fault("pause and resume", 4, pause),
]


def draw(random):
    return random.choices(FAULTS, [fault.weight for fault in FAULTS])[0]
