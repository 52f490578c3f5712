"""Compose files against the Compose specification, the Dockerfile against
hadolint, all YAML against yamllint; broken copies must fail.

Needs check-jsonschema, hadolint and yamllint, which tests/deploy/run installs.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import compose_lint as lint

SKIPPED = 77
TOOLS = ("check-jsonschema", "hadolint", "yamllint")
os.environ["PATH"] = os.pathsep.join([os.path.join(
    lint.ROOT, ".deps/deploy-tools/bin"), os.environ["PATH"]])

# Kustomize and Compose allow what yamllint's defaults do not: long lines of
# PromQL, documents without a start, braces with blanks.
YAMLLINT = """{extends: default, rules: {line-length: disable,
  document-start: disable, braces: {max-spaces-inside: 1},
  indentation: {indent-sequences: whatever}, comments: disable,
  truthy: {check-keys: false}}}"""


def status(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def schema(*paths):
    return status("check-jsonschema", "--builtin-schema",
                  "vendor.compose-spec", *paths)


class SchemasTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def copy(self, path, before, after):
        with open(os.path.join(lint.ROOT, path), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text)
        copy = os.path.join(self.folder, os.path.basename(path))
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))
        return copy

    def test_compose_files(self):
        code, output = schema(*glob.glob(os.path.join(
            lint.ROOT, "docker/compose*.yaml")))
        self.assertEqual(code, 0, output)
        for before, after in (("service_healthy", "service_healty"),
                              ("mem_limit", "memory_limit"),
                              ("pids_limit: 512", "pids_limit: [512]")):
            code, output = schema(self.copy("docker/compose.yaml", before,
                                            after))
            self.assertNotEqual(code, 0, after)

    def test_dockerfile(self):
        path = os.path.join(lint.ROOT, "docker/Dockerfile")
        code, output = status("hadolint", path)
        self.assertEqual(code, 0, output)
        code, output = status("hadolint", self.copy(
            "docker/Dockerfile", 'ENTRYPOINT ["kmyriad-actor"]',
            "ENTRYPOINT kmyriad-actor"))
        self.assertNotEqual(code, 0, output)

    def test_yaml(self):
        paths = glob.glob(os.path.join(lint.ROOT, "docker/*.yaml"))
        for folder in ("kubernetes", "prometheus", "grafana"):
            for end in ("yaml", "yml"):
                paths += glob.glob(os.path.join(
                    lint.ROOT, "deploy", folder, "**", f"*.{end}"),
                    recursive=True)
        code, output = status("yamllint", "-s", "-d", YAMLLINT, *paths)
        self.assertEqual(code, 0, output)
        code, output = status("yamllint", "-s", "-d", YAMLLINT, self.copy(
            "docker/compose.yaml", "  init: true",
            "  init: true\n  init: false"))
        self.assertIn("duplication", output)


if __name__ == "__main__":
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"skipped: no {' '.join(missing)}; tests/deploy/run installs "
              "them")
        sys.exit(SKIPPED)
    unittest.main()
