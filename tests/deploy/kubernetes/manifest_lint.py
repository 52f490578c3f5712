"""What no schema knows about the manifests: that their parts fit together, that
pods are restricted, and that exactly the edges in use are open.

lint(objects) returns complaints; tests show on mutated copies that it does.
"""
import os

import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "..", ".."))
FOLDER = os.path.join(ROOT, "deploy/kubernetes")

COMPONENT = "app.kubernetes.io/component"
WORKLOADS = ("Deployment", "StatefulSet")
BUILT_IN = WORKLOADS + ("Namespace", "ConfigMap", "Service", "NetworkPolicy",
                        "PodDisruptionBudget")
EDGES = {("actor", "learner", 50051), ("learner", "entropy", 50051)}
# Seconds to leave in good order.
GRACE = {"learner": (120, 600), "entropy": (10, 60), "actor": (10, 30)}


def parse(text):
    return [item for item in yaml.safe_load_all(text) if item]


def base():
    """Objects of the base as its files have them, before kustomize."""
    folder = os.path.join(FOLDER, "base")
    with open(os.path.join(folder, "kustomization.yaml"),
              encoding="utf-8") as file:
        names = yaml.safe_load(file)["resources"]
    objects = []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            objects += parse(file.read())
    return objects


def of_kind(objects, *kinds):
    return [item for item in objects if item["kind"] in kinds]


def lint(objects):
    bad = []
    for item in of_kind(objects, *WORKLOADS):
        name = item["metadata"]["name"]
        bad += [f"{name}: {line}" for line in
                workload(item) + pod(item["spec"]["template"]["spec"])]
    return bad + services(objects) + budgets(objects) + namespace(
        objects) + network(objects)


def matches(selector, labels):
    return bool(selector) and all(labels.get(key) == value
                                  for key, value in selector.items())


def templates(objects):
    return [item["spec"]["template"] for item in of_kind(objects, *WORKLOADS)]


def workload(item):
    """Selector, grace, a name for its pods."""
    bad, spec = [], item["spec"]
    labels = spec["template"]["metadata"]["labels"]
    if not matches(spec["selector"]["matchLabels"], labels):
        bad.append("the selector does not match its own pods")
    component = labels.get(COMPONENT)
    low, high = GRACE.get(component, (0, 0))
    grace = spec["template"]["spec"].get("terminationGracePeriodSeconds", 0)
    if not low <= grace <= high:
        bad.append(f"terminationGracePeriodSeconds = {grace}, not within "
                   f"{low}..{high}")
    return bad


def pod(spec):
    """Pod security "restricted", and our own form."""
    bad = []
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        bad.append("must not run as root")
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        bad.append("seccompProfile must be RuntimeDefault")
    if spec.get("automountServiceAccountToken") is not False:
        bad.append("mounts a token of the cluster")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            bad.append(f"{key} must not be set")
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for volume in volumes.values():
        if "hostPath" in volume:
            bad.append("mounts a path of the host")
    for item in spec["containers"] + spec.get("initContainers", []):
        bad += container(item)
        bad += [f"mounts {mount['name']}, which does not exist"
                for mount in item.get("volumeMounts", [])
                if mount["name"] not in volumes and mount["name"] != "runs"]
    return bad


def container(item):
    bad = []
    context = item.get("securityContext", {})
    if context.get("privileged"):
        bad.append("privileged")
    if context.get("allowPrivilegeEscalation") is not False:
        bad.append("may gain privileges")
    if context.get("readOnlyRootFilesystem") is not True:
        bad.append("its root must be read-only")
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        bad.append("must drop all capabilities")
    if item["image"].endswith(":latest"):
        bad.append("image with the tag latest")
    resources = item.get("resources", {})
    if (not resources.get("requests", {}).get("cpu")
            or not resources.get("limits", {}).get("memory")
            or resources["limits"]["memory"]
            != resources["requests"].get("memory")):
        bad.append("needs a CPU request, and as much memory as its limit")
    return bad + ports(item)


def ports(item):
    """Probes ask the health port; flags and declared ports agree."""
    bad = []
    declared = {port["name"]: port["containerPort"]
                for port in item.get("ports", [])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        port = item.get(probe, {}).get("grpc", {}).get("port")
        if port is None:
            bad.append(f"no {probe}")
        elif port != declared.get("health"):
            bad.append(f"{probe} asks port {port}, not the health port")
    flags = dict(flag.split("=", 1) for flag in item["args"] if "=" in flag)
    for flag, name in (("--health", "health"), ("--metrics", "metrics"),
                       ("--listen", "grpc")):
        wanted = f"0.0.0.0:{declared.get(name)}"
        if flag in flags and flags[flag] != wanted:
            bad.append(f"{flag} is not the port {name}")
        if flag not in flags and (name != "grpc" or name in declared):
            bad.append(f"no {flag}")
    secure = any(variable["name"] == "KMYRIAD_TLS_CERTIFICATE"
                 for variable in item.get("env", []))
    if "--listen" in flags and secure == (
            "--insecure-allow-remote" in item["args"]):
        bad.append("serves with TLS, or says that it does not; not both")
    return bad


def services(objects):
    """Each leads to pods that have its port; StatefulSets have theirs."""
    bad = []
    for service in of_kind(objects, "Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        found = [template for template in templates(objects)
                 if matches(spec["selector"], template["metadata"]["labels"])]
        if len(found) != 1:
            bad.append(f"service {name} leads to {len(found)} workloads")
            continue
        names = {port["name"] for item in found[0]["spec"]["containers"]
                 for port in item["ports"]}
        bad += [f"service {name}: no port {port['targetPort']}"
                for port in spec["ports"] if port["targetPort"] not in names]
    headless = {service["metadata"]["name"]
                for service in of_kind(objects, "Service")
                if service["spec"].get("clusterIP") == "None"}
    return bad + [f"{item['metadata']['name']}: no headless service"
                  for item in of_kind(objects, "StatefulSet")
                  if item["spec"]["serviceName"] not in headless]


def budgets(objects):
    """They choose pods, and leave every node drainable."""
    bad = []
    for budget in of_kind(objects, "PodDisruptionBudget"):
        name, spec = budget["metadata"]["name"], budget["spec"]
        if not any(matches(spec["selector"]["matchLabels"],
                           template["metadata"]["labels"])
                   for template in templates(objects)):
            bad.append(f"budget {name} chooses no pods")
        if spec.get("maxUnavailable") in (None, 0, "0%"):
            bad.append(f"budget {name} makes nodes undrainable")
    return bad


def namespace(objects):
    return [f"namespace {item['metadata']['name']} must enforce restricted"
            for item in of_kind(objects, "Namespace")
            if item["metadata"].get("labels", {}).get(
                "pod-security.kubernetes.io/enforce") != "restricted"]


def network(objects):
    """Everything is denied, but for EDGES, the DNS and the metrics."""
    policies = of_kind(objects, "NetworkPolicy")
    bad = []
    if not any(policy["spec"]["podSelector"] == {}
               and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
               and not policy["spec"].get("ingress")
               and not policy["spec"].get("egress") for policy in policies):
        bad.append("no policy denies everything")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        found = edges(policies, direction, peers)
        if found != EDGES:
            bad.append(f"{direction} allows {sorted(found)}, in use are "
                       f"{sorted(EDGES)}")
    return bad


def edges(policies, direction, peers):
    """(client, server, port) between components that policies allow."""
    found = set()
    for policy in policies:
        chosen = policy["spec"]["podSelector"].get("matchLabels", {}).get(
            COMPONENT, "*")
        for rule in policy["spec"].get(direction) or []:
            if not rule.get(peers):
                found.add(("anybody", chosen, 0))
            for peer in rule.get(peers, []):
                if "podSelector" not in peer:
                    continue
                other = peer["podSelector"].get("matchLabels", {}).get(
                    COMPONENT, "*")
                pair = ((other, chosen) if direction == "ingress"
                        else (chosen, other))
                found |= {(*pair, port["port"])
                          for port in rule.get("ports", [{"port": 0}])}
    return found
