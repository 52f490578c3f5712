"""A volume that is really full: the run waits, says so in one line, and goes on
to the same result when there is room."""
import ctypes
import os
import resource
import subprocess
import unittest

import harness
from harness import SMALL

EPOCHS = ["--epochs", "6"]


class FileSizeLimit:
    """The kernel refuses the learner's writes: works without any rights."""

    def __init__(self, training):
        self.pid = training.pid("learner")

    def fill(self):
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE,
                         (512, resource.RLIM_INFINITY))

    def make_room(self):
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Ballast:
    """Fills the volume of the run but for nothing."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "ballast")

    def fill(self):
        with open(self.path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def make_room(self):
        os.remove(self.path)


class StorageTest(harness.EndToEndTest):

    def check(self, make_filler):
        undisturbed = self.train("undisturbed", *SMALL, *EPOCHS)
        training = self.start("full", *SMALL, *EPOCHS)
        training.until_epoch(1)
        filler = make_filler(training)
        filler.fill()

        def status():
            code, out, _ = harness.call("ctl", "status", "--runs", self.runs,
                                        "--name", "full", "--json")
            return out if code == 0 and "waiting for storage" in out else None
        training.until(status, "waiting for storage")
        filler.make_room()
        self.assertEqual(training.wait(), 0, training.output())
        self.assert_same(self.inspect("full"), undisturbed)
        self.assertEqual(len(self.metrics("full")), 6)

    def test_file_size_limit(self):
        self.check(FileSizeLimit)

    def test_small_volume(self):
        """A tmpfs of 8 MiB, where this process may mount one; the limit above
        stands in for it elsewhere."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", self.runs.encode(), b"tmpfs", 0,
                      b"size=8m") != 0:
            self.skipTest("no right to mount a tmpfs: "
                          + os.strerror(ctypes.get_errno()))
        self.addCleanup(subprocess.run, ["umount", "-l", self.runs],
                        check=True)
        self.check(lambda training: Ballast(self.runs))


if __name__ == "__main__":
    unittest.main()
