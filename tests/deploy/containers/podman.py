"""Podman for the tests: a configuration that works in a sandbox, too, images
that cannot be pulled, and the Compose file with a project of its own.

Registries may be out of reach: then the base image is made by debootstrap and
imported under its tag, and Debian's Prometheus stands in for the image of the
Compose file. The Dockerfile and the Compose files are used as they are.
"""
import json
import os
import shutil
import subprocess
import tempfile
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "..", ".."))
BASE = "docker.io/library/debian:bookworm-slim"
PROMETHEUS = "docker.io/prom/prometheus:v2.53.4"
TARGETS = ("entropy", "actor", "learner", "allinone")
DEADLINE = 150
# What podman calls a container whose process has ended.
ENDED = ("exited", "stopped")
os.environ["PATH"] = os.pathsep.join([os.path.join(
    ROOT, ".deps/deploy-tools/bin"), os.environ["PATH"]])

# Hard limits, which a container without CAP_SYS_RESOURCE cannot raise.
CONFIGURATION = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
"""


def configure(folder):
    """To be called first: the environment of every podman below."""
    path = os.path.join(folder, "containers.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIGURATION)
    os.environ["CONTAINERS_CONF"] = path


def run(*command, timeout=DEADLINE, check=True, **options):
    """Runs a command; its standard output. Raises with all output."""
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n"
                             f"{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def podman(*arguments, **options):
    return run("podman", *arguments, **options)


def exists(image):
    return subprocess.run(["podman", "image", "exists", image]).returncode == 0


def inspect(name, form):
    return podman("inspect", "--format", form, name).strip()


def ended_with(name, code=None):
    """Whether the container's process has ended, with that code if one is
    given."""
    status, found = inspect(name, "{{.State.Status}} {{.State.ExitCode}}"
                            ).split()
    return status in ENDED and code in (None, int(found))


def logs(name):
    """Both streams."""
    return subprocess.run(["podman", "logs", name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          timeout=DEADLINE).stdout


def until(condition, what, deadline=DEADLINE):
    """Waits for `condition()` to be true and returns it."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come in {deadline} s")


def pull(image):
    """Whether the image is there, after an attempt to pull it."""
    if exists(image):
        return True
    try:
        return subprocess.run(["podman", "pull", "--quiet", image],
                              capture_output=True,
                              timeout=DEADLINE).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def make_base():
    """The base image; from the distribution's packages if it must be."""
    if pull(BASE):
        return
    with tempfile.TemporaryDirectory(prefix="kmyriad-base-") as folder:
        run("debootstrap", "--variant=minbase", "bookworm", folder,
            timeout=1200)
        for name in ("etc/apt/sources.list.d",
                     "usr/local/share/ca-certificates"):
            if os.path.isdir(os.path.join("/", name)):
                shutil.copytree(os.path.join("/", name),
                                os.path.join(folder, name),
                                dirs_exist_ok=True)
        for name in ("var/cache/apt/archives", "var/lib/apt/lists",
                     "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        archive = os.path.join(folder, "..", os.path.basename(folder) + ".tar")
        run("tar", "-C", folder, "-cf", archive, ".")
        try:
            podman("import", archive, BASE)
        finally:
            os.remove(archive)


def make_prometheus():
    """The Compose file's Prometheus; Debian's under its name if need be."""
    if pull(PROMETHEUS):
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "Dockerfile"), "w",
                  encoding="utf-8") as file:
            file.write(f"FROM {BASE}\n"
                       "RUN apt-get update && apt-get install -y "
                       "--no-install-recommends prometheus wget && "
                       "mkdir -p /prometheus && chmod 777 /prometheus\n"
                       "USER 65534\nENTRYPOINT [\"prometheus\"]\n")
        podman("build", "--network", "host", "--ulimit", "nofile=8192:8192",
               "--ulimit", "nproc=8192:8192", "-t", PROMETHEUS, folder,
               timeout=1200)


def build(target):
    """Builds one target of docker/Dockerfile as the Compose file names it."""
    podman("build", "--format", "docker", "--network", "host", "--ulimit",
           "nofile=8192:8192", "--ulimit", "nproc=8192:8192", "-f",
           os.path.join(ROOT, "docker/Dockerfile"), "--target", target, "-t",
           f"kmyriad-{target}:local", ROOT, timeout=7200)


class Stack:
    """The Compose file under podman-compose, as a project of its own."""

    def __init__(self, name, overlays=(), **variables):
        self.name = name
        # What `docker compose` reads from the root's .env.
        self.environment = {**os.environ, **variables, "COMPOSE_FILE": ":".join(
            os.path.join(ROOT, "docker", file)
            for file in ("compose.yaml", *overlays))}

    def compose(self, *arguments, **options):
        return run("podman-compose", "-p", self.name, *arguments,
                   env=self.environment, cwd=ROOT, **options)

    def container(self, service, number=1):
        return f"{self.name}_{service}_{number}"

    def containers(self):
        """Names of all containers of the project, stopped ones included."""
        return podman(
            "ps", "-a", "--format", "{{.Names}}", "--filter",
            f"label=io.podman.compose.project={self.name}").split()

    def actors(self):
        return [name for name in self.containers() if "_actor_" in name]

    def state(self, service, number=1):
        """("running" or "exited", exit code)"""
        text = inspect(self.container(service, number),
                       "{{.State.Status}} {{.State.ExitCode}}")
        status, code = text.split()
        return status, int(code)

    def ctl(self, verb, *arguments, outside=()):
        """`kmyriad ctl` in the learner's container, or by the program
        `outside`; {} if that fails."""
        program = outside or ("podman", "exec", self.container("learner"),
                              "kmyriad")
        done = subprocess.run(
            [*program, "ctl", verb, "--json", *arguments],
            capture_output=True, text=True, timeout=DEADLINE)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def restart_actors(self):
        """What their restart policy asks for. Podman 4 tries it once, and in
        vain while the learner is down, which they depend on ("generating
        dependency graph"): then they are left, in a state named "stopped"."""
        for name in self.actors():
            if ended_with(name):
                podman("start", name, check=False)

    def remove(self):
        """podman-compose forgets replicas: by label, then."""
        names = self.containers()
        if names:
            podman("rm", "-f", "-t", "5", *names, check=False)
        podman("volume", "rm", "-f", f"{self.name}_runs",
               f"{self.name}_prometheus", f"{self.name}_grafana", check=False)
        podman("network", "rm", "-f", f"{self.name}_control",
               f"{self.name}_edge", check=False)
