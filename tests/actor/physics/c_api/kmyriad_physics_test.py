"""The shared library from outside: the header is C, nothing but its functions
is visible, and the example runs.

kmyriad_physics_test.py LIBRARY HEADER EXAMPLE COMPILER
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

LIBRARY, HEADER, EXAMPLE, COMPILER = sys.argv[1:5]


class CApiTest(unittest.TestCase):
    def test_the_header_is_c99(self):
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "use.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(f'#include "{HEADER}"\n'
                           "int main(void) { return KMYRIAD_PHYSICS_OK; }\n")
            subprocess.run(
                [COMPILER, "-x", "c", "-std=c99", "-Wall", "-Wextra",
                 "-Wpedantic", "-Werror", "-fsyntax-only", source], check=True)

    def test_nothing_else_is_visible(self):
        symbols = subprocess.run(
            ["nm", "-D", "--defined-only", LIBRARY], check=True,
            capture_output=True, text=True).stdout
        names = {line.split()[-1] for line in symbols.splitlines()}
        with open(HEADER, encoding="utf-8") as file:
            declared = set(re.findall(r"\b(kmyriad_physics_\w+)\(",
                                      file.read()))
        self.assertEqual(names, declared)

    def test_the_example_runs(self):
        environment = dict(os.environ)
        if os.environ.get("KMYRIAD_SANITIZER_RUNTIME"):
            # Python itself is not built with it, and leaks.
            environment.update(
                LD_PRELOAD=os.environ["KMYRIAD_SANITIZER_RUNTIME"],
                ASAN_OPTIONS="detect_leaks=0")
        run = subprocess.run(
            [sys.executable, EXAMPLE, LIBRARY], check=False,
            capture_output=True, text=True, timeout=60, env=environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), 5)
        for line in lines:
            match = re.fullmatch(
                r"env +\d+: x +(-?\d+\.\d+) z +(-?\d+\.\d+) contacts (\d+)",
                line)
            self.assertTrue(match, line)
            # On the ground, or on the box; nothing fell through.
            self.assertGreater(float(match.group(2)), 0)
            self.assertLess(float(match.group(2)), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
