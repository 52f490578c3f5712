"""The tree obeys its rules, and each rule can fail (mutated copies)."""
import os
import tempfile
import unittest

import layering

ROOT = os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def header(path, *includes, extra=()):
    guard = "KMYRIAD_" + path.replace("/", "_").replace(".", "_").upper() + "_"
    return "\n".join([f"#ifndef {guard}", f"#define {guard}", *includes,
                      *extra, f"#endif  // {guard}", ""])


def small_tree():
    """A tree with a file in several folders that breaks no rule."""
    tree = {
        "common/base/clock.h": header("common/base/clock.h"),
        "common/rpc/channel.h": header(
            "common/rpc/channel.h", "#include <grpcpp/grpcpp.h>",
            '#include "common/base/clock.h"'),
        "learner/network/net.h": header(
            "learner/network/net.h", '#include "common/base/clock.h"'),
        "learner/network/net.cc": '#include "learner/network/net.h"\n'
                                  '#include "torch/torch.h"\n',
        "learner/algorithm/ppo.cc": '#include "learner/network/net.h"\n',
        "actor/env/env.cc": '#include "common/base/clock.h"\n'
                            "int F() {\n  return 1;\n}\n",
        "tests/actor/env/env_test.cc": '#include "gtest/gtest.h"\n',
    }
    for folder in ("common/base", "common/rpc", "learner/network",
                   "learner/algorithm", "actor/env"):
        tree[folder + "/README.md"] = "Text.\n"
    return tree


class LayeringTest(unittest.TestCase):

    def violations(self, tree):
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)),
                            exist_ok=True)
                with open(os.path.join(root, path), "w",
                          encoding="utf-8") as file:
                    file.write(text)
            return [f"{path}:{line}: {text}"
                    for path, line, text in layering.check(root)]

    def expect_caught(self, path, addition, words):
        tree = small_tree()
        tree[path] = tree.get(path, "") + addition
        found = self.violations(tree)
        self.assertTrue(any(path in line and words in line for line in found),
                        f"{path} + {addition!r}: {found}")

    def test_tree_obeys_its_rules(self):
        found = [f"{path}:{line}: {text}"
                 for path, line, text in layering.check(ROOT)]
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_tree_is_seen(self):
        self.assertGreater(len(list(layering.source_files(ROOT))), 20)

    def test_small_tree_has_no_violation(self):
        self.assertEqual(self.violations(small_tree()), [])

    def test_wrong_direction_is_caught(self):
        for path, include in [
                ("actor/env/env.cc", "learner/network/net.h"),
                ("learner/network/net.cc", "common/rpc/channel.h"),
                ("common/base/clock.h", "common/rpc/channel.h"),
                ("actor/env/env.cc", "kmyriad/v1/types.pb.h"),
                ("actor/env/env.cc", "tests/testing/fake_clock.h")]:
            self.expect_caught(path, f'#include "{include}"\n',
                               "may not include")

    def test_escaped_library_is_caught(self):
        for path, include in [
                ("actor/env/env.cc", "grpcpp/grpcpp.h"),
                ("actor/env/env.cc", "torch/torch.h"),
                ("actor/env/env.cc", "mujoco/mujoco.h"),
                ("actor/env/env.cc", "prometheus/counter.h"),
                ("actor/env/env.cc", "spdlog/spdlog.h"),
                ("actor/env/env.cc", "CLI/CLI.hpp"),
                ("actor/env/env.cc", "cairo.h"),
                ("actor/env/env.cc", "openssl/evp.h"),
                ("actor/env/env.cc", "nlohmann/json.hpp"),
                ("actor/env/env.cc", "gtest/gtest.h"),
                ("actor/env/env.cc", "cuda_runtime.h"),
                ("common/base/clock.h", "absl/log/check.h"),
                ("tests/actor/env/env_test.cc", "torch/torch.h")]:
            self.expect_caught(path, f"#include <{include}>\n",
                               "is confined to")

    def test_torch_next_to_protobuf_is_caught(self):
        tree = small_tree()
        tree["learner/network/net.h"] = header(
            "learner/network/net.h", '#include "kmyriad/v1/types.pb.h"')
        self.assertIn("learner/network/net.cc:1: sees both torch and protobuf "
                      "headers", self.violations(tree))

    def test_bad_form_is_caught(self):
        path = "actor/env/env.cc"
        self.expect_caught(path, "// " + "x" * 78 + "\n", "columns")
        self.expect_caught(path, "// TO" + "DO: later\n", "unfinished")
        self.expect_caught(path, "GTEST_" + "SKIP();\n", "skips itself")
        self.expect_caught(path, "stop_.WaitForNotificationWithTimeout(x);\n",
                           "SteadyCondVar")
        self.expect_caught(path, "\n" * 650, "lines, limit 650")
        self.expect_caught("common/base/clock.h", "\n" * 250,
                           "lines, limit 250")
        self.expect_caught(path, "int G() {\n" + "  H();\n" * 60 + "}\n",
                           "a function of 62 lines")
        self.expect_caught(path, '#include "env.h"\n', "not from the")
        self.expect_caught(path, '#include "actor/env/gone.h"\n',
                           "does not exist")
        self.expect_caught("actor/env/a.h", "#pragma once\n",
                           "the include guard is not KMYRIAD_ACTOR_ENV_A_H_")

    def test_folder_without_readme_is_caught(self):
        tree = small_tree()
        del tree["actor/env/README.md"]
        self.assertIn("actor/env:1: has no README.md", self.violations(tree))
        self.expect_caught("actor/env/README.md", "\n" * 40, "limit 40 lines")

    def test_unknown_folder_is_caught(self):
        self.expect_caught("deploy/extra/x.cc",
                           '#include "common/base/clock.h"\n',
                           "DEPENDENCIES does not know")


if __name__ == "__main__":
    unittest.main()
