"""What ptxas makes of the kernels: registers, stack, spills and shared memory
of each, per architecture, as a table in Markdown.

ptxas_report.py [--arch sm_90]... [FILE.cu]... compiles all kernels of the
repository for sm_80, sm_90 and sm_100 where nothing is named; half a minute to
some minutes per file and architecture. Exits 77 without nvcc.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# The flags of common/cmake/Cuda.cmake that decide the code.
FLAGS = ["-std=c++20", "-O3", "--fmad=false", "-cubin", "-Xptxas", "-v"]
ENTRY = re.compile(r"Compiling entry function '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, "
                   r"(\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")
HEADER = ["kernel", "architecture", "registers", "stack, bytes",
          "spill stores", "spill loads", "static shared, bytes"]


def kernel_files():
    found = []
    for base, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders
                            if f != "build" and not f.startswith("."))
        found += [os.path.join(base, n) for n in sorted(names)
                  if n.endswith(".cu")]
    return found


def demangled(names):
    tool = shutil.which("c++filt")
    if tool is None:
        return names
    lines = subprocess.run([tool], input="\n".join(names), text=True,
                           capture_output=True, check=True).stdout
    return [re.sub(r"kmyriad::|lanes_single::", "",
                   re.sub(r"^void .*RunKernel<(.*)>\(.*", r"\1", line)).strip()
            for line in lines.splitlines()]


def parse(log):
    """(kernel, registers, stack, spill stores, spill loads, shared) of each
    entry function in what `ptxas -v` says."""
    rows = []
    name, frame, own = None, None, False
    for line in log.splitlines():
        if match := ENTRY.search(line):
            name, frame = match[1], ("0", "0", "0")
        elif "Function properties for" in line:
            own = name is not None and line.strip().endswith(name)
        elif (match := STACK.search(line)) and own:
            frame = match.groups()
        elif (match := USED.search(line)) and name:
            shared = SHARED.search(line)
            rows.append((name, match[1], *frame,
                         shared[1] if shared else "0"))
            name = None
    return rows


def report(nvcc, path, arch):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [nvcc, *FLAGS, f"-arch={arch}", f"-I{ROOT}", path, "-o",
             os.path.join(folder, "kernels.cubin")],
            text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"ptxas_report: {path}: nvcc failed:\n{done.stderr}")
    return parse(done.stderr)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--arch", action="append")
    arguments.add_argument("files", nargs="*")
    options = arguments.parse_args()
    own = os.path.join(ROOT, ".deps", "nvcc", "bin", "nvcc")
    nvcc = (os.environ.get("CUDACXX") or shutil.which(own)
            or shutil.which("nvcc"))
    if nvcc is None:
        print("ptxas_report: no nvcc in CUDACXX, in .deps (deploy/setup --cuda) "
              "or on the PATH")
        return 77
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    for path in options.files or kernel_files():
        for arch in options.arch or ["sm_80", "sm_90", "sm_100"]:
            rows = report(nvcc, path, arch)
            names = demangled([row[0] for row in rows])
            for name, row in zip(names, rows):
                print("| " + " | ".join([f"`{name}`", arch, *row[1:]]) + " |",
                      flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
