"""deploy/setup --cuda brings an nvcc that compiles and links this project's
kernels, with nothing of CUDA on the machine. Downloads 0.1 GB."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# A user's own LibTorch and MuJoCo: theirs are not downloaded.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent",
               "Torch_DIR": "/nonexistent", "mujoco_ROOT": "/nonexistent"}


def call(*command):
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=1200, check=False)


class NvccTest(unittest.TestCase):

    def test_setup_brings_an_nvcc_that_works(self):
        with tempfile.TemporaryDirectory() as folder:
            setup = os.path.join(folder, "deploy", "setup")
            os.mkdir(os.path.dirname(setup))
            for name in ("setup", "wheels.txt"):
                shutil.copy(os.path.join(ROOT, "deploy", name),
                            os.path.dirname(setup))
            nvcc = os.path.join(folder, ".deps", "nvcc", "bin", "nvcc")
            # Nobody has asked for it.
            self.assertEqual(call(setup, "--check").returncode, 0)
            self.assertFalse(os.path.exists(nvcc))
            done = call(setup, "--cuda")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(call(setup, "--check").returncode, 0)
            self.compile(nvcc, folder)
            # From now on it is missed where it is not what the pins say.
            with open(os.path.join(folder, ".deps", "nvcc", ".wheels"), "a",
                      encoding="utf-8") as pins:
                pins.write("another==1\n")
            self.assertEqual(call(setup, "--check").returncode, 1)

    def compile(self, nvcc, folder):
        kernels = os.path.join(folder, "kernels.o")
        done = call(nvcc, "-std=c++20", "--fmad=false", "-arch=sm_90",
                    f"-I{ROOT}", "-c", os.path.join(
                        ROOT, "entropy_service/index/cuda/knn_launchers.cu"),
                    "-o", kernels)
        self.assertEqual(done.returncode, 0, done.stderr)
        main = os.path.join(folder, "main.cu")
        with open(main, "w", encoding="utf-8") as file:
            file.write("int main() { int n = 0; cudaGetDeviceCount(&n); }\n")
        program = os.path.join(folder, "main")
        done = call(nvcc, main, kernels, "-o", program)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(call(program).returncode, 0)


if __name__ == "__main__":
    unittest.main()
