"""ptxas_report reads what ptxas says of entry functions, and of these alone."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import ptxas_report

LOG = """\
ptxas info    : Compiling entry function '_Zone' for 'sm_90'
ptxas info    : Function properties for _Zhelper
    9 bytes stack frame, 9 bytes spill stores, 9 bytes spill loads
ptxas info    : Function properties for _Zone
    38192 bytes stack frame, 72 bytes spill stores, 60 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 38272 bytes cumulative
ptxas info    : Compiling entry function '_Ztwo' for 'sm_90'
ptxas info    : Function properties for _Ztwo
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 1024 bytes smem
ptxas info    : Function properties for _Zhelper
    9 bytes stack frame, 9 bytes spill stores, 9 bytes spill loads
"""


class PtxasReportTest(unittest.TestCase):

    def test_reads_entry_functions(self):
        self.assertEqual(ptxas_report.parse(LOG),
                         [("_Zone", "168", "38192", "72", "60", "0"),
                          ("_Ztwo", "32", "0", "0", "0", "1024")])

    def test_names_kernels_as_they_are_written(self):
        names = ptxas_report.demangled(
            ["_ZN7kmyriad9RunKernelINS_12lanes_single10ActInBlockEEEvT_"])
        # Where there is no c++filt the name stays as it is.
        self.assertTrue(names[0] == "ActInBlock" or names[0].startswith("_Z"))

    def test_says_so_without_nvcc(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "ptxas_report.py")
        # From where there is no .deps.
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, shutil.copy(script, folder)], text=True,
                capture_output=True, env={"PATH": "/nonexistent"}, check=False)
        self.assertEqual(done.returncode, 77)
        self.assertIn("no nvcc", done.stdout)


if __name__ == "__main__":
    unittest.main()
