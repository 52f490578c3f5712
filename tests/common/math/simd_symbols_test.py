"""Checks that units of an instruction set keep their code to themselves.

simd_symbols_test.py NM OBJECT...: an object of a unit *_avx2.cc or
*_avx512.cc may define weak symbols (inline functions, template instances)
only in its level's namespace, since the linker keeps one copy of a weak symbol
for the whole program.
"""
import re
import subprocess
import sys
import unittest

NM = sys.argv[1]
OBJECTS = sys.argv[2:]
LEVEL = re.compile(r"_(avx2|avx512)\.cc\.o$")


def leaked_symbols(path, level):
    """Weak functions that `path` defines outside lanes_<level>."""
    listing = subprocess.run([NM, "-C", "--defined-only", path], check=True,
                             capture_output=True, text=True).stdout
    leaked = []
    for line in listing.splitlines():
        match = re.match(r"[0-9a-f]* *([A-Za-z]) (.*)", line)
        if not match or match.group(1) not in "Ww":
            continue
        if f"lanes_{level}::" not in match.group(2):
            leaked.append(match.group(2))
    return leaked


class SimdSymbolsTest(unittest.TestCase):
    def test_units_of_an_instruction_set_leak_no_symbol(self):
        units = [o for o in OBJECTS if LEVEL.search(o)]
        for unit in units:
            level = LEVEL.search(unit).group(1)
            self.assertEqual(leaked_symbols(unit, level), [], unit)
        names = " ".join(units)
        self.assertIn("policy_inference_avx2", names)
        self.assertIn("policy_inference_avx512", names)

    def test_a_unit_with_inline_functions_would_be_found(self):
        others = [o for o in OBJECTS if o.endswith("policy_weights.cc.o")]
        self.assertEqual(len(others), 1)
        self.assertNotEqual(leaked_symbols(others[0], "avx512"), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
