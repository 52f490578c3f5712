"""Invariants of the Compose files and the Dockerfile, which no schema knows.

Functions return lists of complaints, so that tests can show on mutated copies
that they complain.
"""
import copy
import glob
import os
import re

import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "..", ".."))

# Ours: they wait for one another and are scraped.
PROGRAMS = ("learner", "entropy", "actor")

# Lists that an overlay replaces instead of adding to them.
REPLACED = ("command", "entrypoint", "test")


def load(name):
    with open(os.path.join(ROOT, "docker", name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def overlays():
    """File names of the overlays."""
    return sorted(os.path.basename(path) for path in
                  glob.glob(os.path.join(ROOT, "docker/compose.*.yaml")))


def merged(base, overlay):
    """What Compose makes of two files, as far as ours need it."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif (isinstance(value, list) and isinstance(result.get(key), list)
              and key not in REPLACED):
            result[key] = result[key] + value
        else:
            result[key] = copy.deepcopy(value)
    return result


def project(stack):
    """Of a whole project."""
    bad = []
    if "version" in stack or not stack.get("name"):
        bad.append("needs a name, and no version")
    if not stack["networks"]["control"].get("internal"):
        bad.append("the control network must be internal")
    for name, service in stack["services"].items():
        bad += [f"{name}: {line}" for line in hardening(service)]
        bad += [f"{name}: {line}" for line in publishing(service)]
        bad += [f"{name}: {line}" for line in dependencies(service, stack)]
        # Exit code 0 is the end of a run that is complete.
        if service.get("restart") != "on-failure":
            bad.append(f"{name}: restart = {service.get('restart')}")
    for name in PROGRAMS:
        bad += [f"{name}: {line}"
                for line in addresses(stack["services"][name])]
    return bad


def hardening(service):
    """Least rights, bounded resources, bounded logs."""
    bad = []
    wanted = {"read_only": True, "cap_drop": ["ALL"], "init": True,
              "security_opt": ["no-new-privileges:true"]}
    for key, value in wanted.items():
        if service.get(key) != value:
            bad.append(f"{key} must be {value}")
    for key in ("privileged", "network_mode", "pid", "ipc", "userns_mode",
                "cap_add", "devices", "container_name", "env_file"):
        if key in service:
            bad.append(f"{key} must not be set")
    for key in ("mem_limit", "pids_limit", "healthcheck"):
        if not service.get(key):
            bad.append(f"no {key}")
    if not service.get("logging", {}).get("options", {}).get("max-size"):
        bad.append("logs are not bounded")
    tag = service["image"].rpartition(":")[2]
    if "/" in tag or tag in ("latest", ""):
        bad.append(f"image {service['image']} needs a tag that stays")
    for volume in service.get("volumes", []):
        if "docker.sock" in volume or volume.startswith("/:"):
            bad.append(f"mounts {volume}")
    for name, value in service.get("environment", {}).items():
        if (re.search("PASSWORD|TOKEN|SECRET|KEY$", name)
                and not value.startswith("/run/secrets/")):
            bad.append(f"{name} = {value}: secrets belong in files")
    return bad


def publishing(service):
    """Published ports are bound to loopback unless the user says otherwise."""
    bad = []
    for port in service.get("ports", []):
        if not re.match(r"(127\.0\.0\.1|\$\{\w+:-127\.0\.0\.1\}):", port):
            bad.append(f"port {port} is not bound to loopback")
        if "50052" in port:
            bad.append("the health port must not be published")
        if "edge" not in service["networks"]:
            bad.append("publishes, but is on an internal network alone")
    return bad


def dependencies(service, stack):
    bad = []
    depends = service.get("depends_on", {})
    if isinstance(depends, list):
        return ["depends_on needs conditions"]
    for name, how in depends.items():
        if how.get("condition") != "service_healthy":
            bad.append(f"must wait for {name} to be healthy")
        if "profiles" in stack["services"][name]:
            bad.append(f"depends on {name}, which a profile hides")
    return bad


def addresses(service):
    """Scraped at 9464, healthy at 50052, no data port without a decision."""
    flags = dict(flag.split("=", 1) if "=" in flag else (flag, "")
                 for flag in service["command"])
    bad = []
    if flags.get("--metrics") != "0.0.0.0:9464":
        bad.append("must be scraped at 9464")
    if not flags.get("--health", "").endswith(":50052"):
        bad.append("health must be at 50052")
    secure = "KMYRIAD_TLS_CERTIFICATE" in service.get("environment", {})
    if "--listen" in flags and secure == ("--insecure-allow-remote" in flags):
        bad.append("serves with TLS, or says that it does not; not both")
    if not secure and any("50051" in port for port in
                          service.get("ports", [])):
        bad.append("publishes its data port without TLS")
    return bad


def dockerfile(text):
    """Of the Dockerfile: stages that run are small, nameless and explicit."""
    bad = []
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    final = {}
    for stage in stages:
        name = re.search(r"AS (\S+)", stage.split("\n")[0]).group(1)
        if "ENTRYPOINT" in stage:
            final[name] = stage
        if re.search(r"(curl|wget) .*http", stage):
            bad.append(f"{name}: fetches without a checksum")
    for name in ("learner", "entropy", "actor", "allinone", "learner-cuda"):
        if name not in final:
            bad.append(f"no target {name}")
    for name, stage in final.items():
        if "USER 65532:65532" not in stage:
            bad.append(f"{name}: must not run as root")
        if not re.search(r'^ENTRYPOINT \["', stage, flags=re.M):
            bad.append(f"{name}: ENTRYPOINT must be in exec form")
        if re.search(r"^ADD ", stage, flags=re.M):
            bad.append(f"{name}: COPY instead of ADD")
    if not re.search(r'^HEALTHCHECK .*\\?\n?.*CMD \["kmyriad-health"', text,
                     flags=re.M):
        bad.append("no health check")
    if "STOPSIGNAL SIGTERM" not in text:
        bad.append("no STOPSIGNAL")
    return bad
