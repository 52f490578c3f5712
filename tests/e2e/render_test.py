"""kmyriad render: the film is looked at pixel by pixel, with a reader of
animated PNG that is written here from the format's definition."""
import os
import re
import struct
import unittest
import zlib

import harness

# Four Ants that see each other's world: a few steps are enough.
ANTS = ["--preset", "ant-empty", "--set", "env.count=16", "--set",
        "population.agents=4", "--set", "env.horizon=12", "--set",
        "entropy.k=3", "--set", "network.trunk=32", "--set",
        "learner.threads=1", "--epochs", "1", "--actors", "1"]


def read_film(path):
    """Width, height, delays in seconds and frames, each a bytearray of RGB."""
    with open(path, "rb") as file:
        content = file.read()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, canvas, parts, announced = 8, None, [], 0
    while at < len(content):
        size, = struct.unpack(">I", content[at:at + 4])
        name = content[at + 4:at + 8]
        data = content[at + 8:at + 8 + size]
        crc, = struct.unpack(">I", content[at + 8 + size:at + 12 + size])
        assert crc == zlib.crc32(name + data), name
        at += 12 + size
        if name == b"IHDR":
            width, height, depth, kind = struct.unpack(">IIBB", data[:10])
            assert (depth, kind) == (8, 2)
            canvas = bytearray(width * height * 3)
        elif name == b"acTL":
            announced, plays = struct.unpack(">II", data)
            assert plays == 0
        elif name == b"fcTL":
            parts.append((struct.unpack(">IIIIIHHBB", data), b""))
        elif name in (b"IDAT", b"fdAT"):
            head, packed = parts[-1]
            parts[-1] = (head, packed + (data if name == b"IDAT"
                                         else data[4:]))
    assert announced == len(parts)
    delays, frames = [], []
    for head, packed in parts:
        _, wide, high, left, top, over, under, dispose, blend = head
        assert (dispose, blend) == (0, 0)
        rows = zlib.decompress(packed)
        above = bytes(wide * 3)
        for y in range(high):
            line = rows[y * (wide * 3 + 1):(y + 1) * (wide * 3 + 1)]
            assert line[0] == 2  # difference to the row above
            above = bytes((a + b) & 255 for a, b in zip(line[1:], above))
            first = ((top + y) * width + left) * 3
            canvas[first:first + wide * 3] = above
        delays.append(over / under)
        frames.append(bytearray(canvas))
    return width, height, delays, frames


def colorful(frame):
    """Pixels that are neither floor, wall nor sky."""
    return sum(max(frame[i:i + 3]) - min(frame[i:i + 3]) > 60
               for i in range(0, len(frame), 3))


class RenderTest(harness.EndToEndTest):

    def render(self, *arguments, environment=None):
        return harness.call("render", "--runs", self.runs, *arguments,
                            environment=environment)

    def refused(self, *arguments, environment=None):
        code, _, err = self.render(*arguments, environment=environment)
        self.assertNotEqual(code, 0)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        return err

    def film(self, *arguments, environment=None):
        code, out, err = self.render("ants", "--width", "160", "--height",
                                     "120", *arguments,
                                     environment=environment)
        if "no OpenGL to draw with" in err:
            self.skipTest(err)
        self.assertEqual(code, 0, err)
        return out.strip()

    def test_ants_are_seen_and_move(self):
        self.train("ants", *ANTS)
        path = self.film("--agents", "best:1")
        self.assertEqual(path, os.path.join(
            self.runs, "ants/videos/epoch_000001-best-1.png"))
        width, height, delays, frames = read_film(path)
        self.assertEqual((width, height), (160, 120))
        self.assertEqual(delays, [0.05] * 12)
        for frame in frames:
            # An Ant, and not a picture full of it.
            self.assertGreater(colorful(frame), 100)
            self.assertLess(colorful(frame), 160 * 120 / 2)
        moved = [sum(a != b for a, b in zip(one, other))
                 for one, other in zip(frames, frames[1:])]
        self.assertGreater(min(moved), 0)
        # The same episode, the same picture.
        again = self.film("--agents", "best:1", "--out",
                          os.path.join(self.runs, "again.png"))
        with open(path, "rb") as one, open(again, "rb") as other:
            self.assertEqual(one.read(), other.read())
        # Four from above are smaller, and more than one.
        one = read_film(self.film("--agents", "2,0", "--seconds", "0.1"))
        four = read_film(self.film("--agents", "all", "--seconds", "0.1"))
        self.assertEqual(len(four[3]), 2)
        self.assertGreater(colorful(four[3][0]), 0)
        self.assertNotEqual(one[3][0], four[3][0])

        self.assertIn("--agents = 4", self.refused("ants", "--agents", "4"))
        self.assertIn("--agents = best:5",
                      self.refused("ants", "--agents", "best:5"))
        self.assertIn("--width = 8", self.refused("ants", "--width", "8"))
        self.assertIn("MUJOCO_GL = glfw", self.refused(
            "ants", environment={"MUJOCO_GL": "glfw"}))

    def libraries(self, name):
        """An environment in which the process says which libraries it opens,
        and a function that tells whether one of them is `library`."""
        folder = os.path.join(self.runs, name)
        os.makedirs(folder)

        def opened(library):
            text = ""
            for log in os.listdir(folder):
                with open(os.path.join(folder, log), encoding="utf-8") as file:
                    text += file.read()
            self.assertIn("calling init", text)
            return re.search(rf"calling init: \S*/{library}\S*\n",
                             text) is not None

        return {"LD_DEBUG": "libs",
                "LD_DEBUG_OUTPUT": os.path.join(folder, "log")}, opened

    def test_it_draws_with_egl_or_else_with_osmesa(self):
        self.train("ants", *ANTS)
        once = ["--agents", "best:1", "--seconds", "0.1"]
        software = self.film(*once, environment={"MUJOCO_GL": "osmesa"})
        with open(software, "rb") as file:
            drawn = file.read()
        for frame in read_film(software)[3]:
            self.assertGreater(colorful(frame), 100)
            self.assertLess(colorful(frame), 160 * 120 / 2)
        # The one that is named is the one that draws.
        for name, library in (("osmesa", "libOSMesa"), ("egl", "libEGL.so")):
            debug, opened = self.libraries(name)
            self.film(*once, environment={"MUJOCO_GL": name, **debug})
            for other in ("libOSMesa", "libEGL.so"):
                self.assertEqual(opened(other), other == library, other)

        # EGL's dispatcher without a driver, where it takes this variable.
        nowhere = os.path.join(self.runs, "nowhere")
        os.makedirs(nowhere)
        no_egl = {"__EGL_VENDOR_LIBRARY_DIRS": nowhere}
        code, _, err = self.render("ants", *once,
                                   environment={"MUJOCO_GL": "egl", **no_egl})
        if code == 0:
            self.skipTest("this machine's EGL cannot be taken away")
        self.assertIn("EGL: ", err)
        self.assertNotIn("OSMesa: ", err)
        debug, opened = self.libraries("else")
        with open(self.film(*once, environment={**no_egl, **debug}),
                  "rb") as file:
            self.assertEqual(file.read(), drawn)
        self.assertTrue(opened("libOSMesa"))
        # Nor OSMesa: its files are something else.
        for library in ("libOSMesa.so.8", "libOSMesa.so.6"):
            with open(os.path.join(nowhere, library), "wb") as file:
                file.write(b"nothing\n")
        paths = [nowhere, os.environ.get("LD_LIBRARY_PATH", "")]
        err = self.refused("ants", *once, environment={
            **no_egl, "LD_LIBRARY_PATH": ":".join(filter(None, paths))})
        for word in ("no OpenGL to draw with", "EGL: ", "OSMesa: ",
                     "deploy/setup --render"):
            self.assertIn(word, err)

    def test_a_point_has_no_body(self):
        self.train("point", *harness.SMALL, "--epochs", "1")
        self.assertIn("kmyriad plot", self.refused("point"))
        self.assertIn("nothing", self.refused("nothing"))


if __name__ == "__main__":
    unittest.main()
