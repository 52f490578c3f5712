"""Checks the shape of the source tree: the direction of every include, the
confinement of third-party libraries, and the limits of size and form.

layering.py [ROOT] prints each violation as "path:line: what is wrong" and
exits 1 if there is one.
"""
import os
import re
import sys

# Which folder may include which, besides itself: `common/base` is open to
# all, and tests and the launcher have rules of their own below.
DEPENDENCIES = {
    "common/base": [],
    "common/math": [],
    "common/device": [],
    "common/metrics": [],
    "common/config": ["proto"],
    "common/policy": ["common/math"],
    "common/certificates": [],
    "common/rpc": ["common/certificates", "common/metrics", "proto"],
    "common/process": ["common/certificates", "common/config",
                       "common/metrics", "common/rpc"],
    "actor/physics": ["common/device", "common/math", "common/policy"],
    "actor/env": ["actor/physics", "common/math"],
    "actor/rollout": ["actor/env", "actor/physics", "common/device",
                      "common/math", "common/policy", "common/rpc",
                      "common/metrics", "proto"],
    "actor": ["actor/env", "actor/physics", "actor/rollout", "common/math",
              "common/policy", "common/rpc", "common/metrics",
              "common/config", "common/process", "proto"],
    "entropy_service/index": ["common/device", "common/math"],
    "entropy_service/estimator": ["entropy_service/index", "common/math"],
    "entropy_service": ["entropy_service/estimator", "entropy_service/index",
                        "common/math", "common/metrics", "common/rpc",
                        "common/config", "common/process", "proto"],
    "learner/network": ["common/math", "common/policy"],
    "learner/algorithm": ["learner/network", "common/math", "common/policy"],
    "learner/collector": ["common/math", "common/policy", "common/metrics"],
    "learner/checkpoint": ["common/policy", "proto"],
    "learner/trainer": ["learner/algorithm", "learner/collector",
                        "learner/checkpoint", "common/math", "common/policy",
                        "common/config", "common/rpc", "common/metrics",
                        "proto"],
    "learner": ["learner/trainer", "learner/algorithm", "learner/collector",
                "learner/checkpoint", "common/math", "common/policy",
                "common/config", "common/process", "common/rpc",
                "common/metrics", "proto"],
    # A component's code only where a command needs it, and never torch.
    "deploy/launcher": ["actor/env", "actor/physics", "actor/rollout",
                        "learner/checkpoint", "entropy_service",
                        "common/math", "common/policy", "common/config",
                        "common/certificates", "common/process", "common/rpc",
                        "common/metrics", "proto"],
}

MAIN = r".*_main\.cc"
TESTS = r"tests/.*"
SERVICE = r".*_service_impl\.(h|cc)"
GRPC_CLIENT = r".*/(grpc_\w+_client|control_client)\.(h|cc)"
# Third-party include -> the only files that may have it.
CONFINEMENT = [
    (r"grpcpp/|grpc/|.*\.grpc\.pb\.h",
     [r"common/rpc/.*", SERVICE, GRPC_CLIENT, MAIN, TESTS,
      r"deploy/launcher/library_versions\.cc"]),
    (r"torch/|ATen/|c10/",
     [r"learner/(network|algorithm)/.*", r"tests/learner/.*",
      r"tests/(conformance|benchmark|testing)/.*"]),
    (r"mujoco/", [r"actor/physics/mujoco/.*", TESTS]),
    (r"cuda|cupti", [r".*/cuda/.*", TESTS]),
    (r"prometheus/", [r"common/metrics/.*", MAIN, TESTS]),
    (r"spdlog/", [r"common/base/.*"]),
    (r"CLI/", [MAIN, r"common/process/.*", r"deploy/launcher/.*",
               r"tests/(benchmark|common/process)/.*"]),
    (r"cairo", [r"(tests/)?deploy/launcher/.*"]),
    (r"openssl/|isa-l", [r"common/(base|certificates)/.*",
                         r"tests/common/rpc/.*"]),
    (r"nlohmann/", [r"learner/.*", r"deploy/launcher/.*", MAIN, TESTS]),
    (r"google/protobuf/",
     [r"common/(config|rpc)/.*", r"learner/(checkpoint/)?\w+\.(h|cc)", SERVICE,
      GRPC_CLIENT, MAIN, r"deploy/launcher/.*", TESTS]),
    (r"gtest/|gmock/|benchmark/benchmark\.h|nanoflann", [TESTS]),
    (r"absl/log/", []),
]

# Headers that the build writes.
GENERATED = ["kmyriad_revision.h"]
SOURCE_FOLDERS = ["actor", "common", "deploy", "entropy_service", "learner",
                  "tests"]
MAX_LINES = {".h": 250, ".cc": 650}
MAX_FUNCTION_LINES = 60
# Tables of cases make tests long without making them hard to read.
MAX_TEST_FUNCTION_LINES = 100
MAX_COLUMNS = 80
MAX_README_LINES = 40

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')
FUNCTION_START = re.compile(r"[A-Za-z_~].*\{$")
NOT_A_FUNCTION = re.compile(
    r"(namespace|class|struct|enum|union|extern|template)\b|.*[=]\s*\{$")
FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "unfinished work marked"),
    (re.compile(r"\bGTEST_SKIP\b"), "a test that skips itself"),
]
# Abseil's timed waits end by the real-time clock.
TIMED_WAIT = re.compile(
    r"(Await|LockWhen|Wait|WaitForNotification)With(Timeout|Deadline)\(")
STEADY_WAIT = re.compile(r"\bAwaitWithTimeout\((absl::Mutex& )?\w*mutex")


def source_files(root):
    for folder in SOURCE_FOLDERS:
        for base, folders, names in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(base, name), root)


def read_lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read().splitlines()


def includes_of(lines):
    """(line number, quoted, path) of every include."""
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def folder_of(path):
    """The folder of DEPENDENCIES that a file or include belongs to."""
    if path.startswith("kmyriad/v1/"):
        return "proto"
    best = ""
    for folder in DEPENDENCIES:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def is_ours(include):
    return include.split("/")[0] in SOURCE_FOLDERS + ["proto"]


def is_third_party(pattern, include):
    return re.match(f"({pattern})", include) is not None


def check_direction(path, lines):
    source = folder_of(path)
    for number, quoted, include in includes_of(lines):
        target = folder_of(include)
        if not is_ours(include) and target != "proto":
            continue
        if not quoted:
            yield path, number, f"{include}: ours, to be quoted"
        if path.startswith("tests/"):
            continue
        if not source:
            yield path, number, "a folder that DEPENDENCIES does not know"
            return
        allowed = DEPENDENCIES[source] + ["common/base", source]
        if include.startswith("tests/") or target not in allowed:
            yield path, number, f"{source} may not include {include}"


def check_confinement(path, lines):
    for number, _, include in includes_of(lines):
        if is_ours(include):
            continue
        for pattern, places in CONFINEMENT:
            if is_third_party(pattern, include) and not any(
                    re.fullmatch(place, path) for place in places):
                yield path, number, f"{include} is confined to {places}"


def check_existence(root, path, lines):
    for number, quoted, include in includes_of(lines):
        if not quoted or folder_of(include) == "proto":
            continue
        if is_ours(include) and not os.path.exists(
                os.path.join(root, include)):
            yield path, number, f"{include} does not exist"
        elif "/" not in include and include not in GENERATED:
            yield path, number, f"{include}: not from the repository's root"


def check_form(path, lines):
    limit = MAX_LINES[os.path.splitext(path)[1]]
    if len(lines) >= limit:
        yield path, len(lines), f"{len(lines)} lines, limit {limit}"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and not INCLUDE.match(line):
            yield path, number, f"{len(line)} columns, limit {MAX_COLUMNS}"
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                yield path, number, what
        if not path.startswith("tests/") and TIMED_WAIT.search(
                line) and not STEADY_WAIT.search(line):
            yield path, number, "a timed wait that is no SteadyCondVar's"
    if path.endswith(".h"):
        guard = "KMYRIAD_" + re.sub(r"\W", "_", path).upper() + "_"
        if f"#ifndef {guard}" not in lines:
            yield path, 1, f"the include guard is not {guard}"


def check_functions(path, lines):
    """Length of functions without the rows of their tables; formatted code
    starts and ends them in column 0."""
    limit = (MAX_TEST_FUNCTION_LINES if path.startswith("tests/")
             else MAX_FUNCTION_LINES)
    start = rows = 0
    for number, line in enumerate(lines, 1):
        rows += line.lstrip().startswith(("{", '"'))
        if FUNCTION_START.match(line) and not NOT_A_FUNCTION.match(line):
            start, rows = number, 0
        elif line.startswith("}") and start:
            length = number - start + 1 - rows
            if length >= limit:
                yield (path, start,
                       f"a function of {length} lines, limit {limit}")
            start = 0


def check_torch_meets_protobuf(contents):
    """No translation unit sees both: the wheel ships old protobuf headers."""
    direct = {path: [include for _, _, include in includes_of(lines)]
              for path, lines in contents.items()}
    for path in contents:
        if not path.endswith(".cc"):
            continue
        seen, queue, torch, protobuf = {path}, [path], False, False
        while queue:
            for include in direct[queue.pop()]:
                torch |= is_third_party(r"torch/|ATen/|c10/", include)
                protobuf |= include.endswith(".pb.h") or is_third_party(
                    r"google/protobuf/|grpcpp/", include)
                if include in direct and include not in seen:
                    seen.add(include)
                    queue.append(include)
        if torch and protobuf:
            yield path, 1, "sees both torch and protobuf headers"


def check_readmes(root):
    for folder in SOURCE_FOLDERS:
        for base, _, names in os.walk(os.path.join(root, folder)):
            path = os.path.relpath(base, root)
            if path.startswith("tests") or not any(
                    name.endswith(".cc") for name in names):
                continue
            if "README.md" not in names:
                if folder_of(path + "/x") in (path, ""):
                    yield path, 1, "has no README.md"
            elif len(read_lines(root, path + "/README.md")) >= (
                    MAX_README_LINES):
                yield (path + "/README.md", 1,
                       f"limit {MAX_README_LINES} lines")


def check(root):
    """All violations as (path, line, text)."""
    contents = {path: read_lines(root, path) for path in source_files(root)}
    found = []
    for path, lines in contents.items():
        found += check_direction(path, lines)
        found += check_confinement(path, lines)
        found += check_existence(root, path, lines)
        found += check_form(path, lines)
        found += check_functions(path, lines)
    found += check_torch_meets_protobuf(contents)
    found += check_readmes(root)
    return found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = check(root)
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
