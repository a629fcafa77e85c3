# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository's own hygiene, and the commands of build.py that change nothing."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.support import ROOT
from tests.support.repository import texts


def test_no_path_or_registry_of_a_machine_is_named():
    configured = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    hosts = {urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\"]+", configured)} - {None}
    home = "/" + "work" + "/"
    words = {home, "/" + "root" + "/.", *map(str, hosts)}
    for path in texts():
        text = path.read_text("utf-8", errors="replace")
        assert not [word for word in words if word in text], path


def test_every_python_file_says_its_licence_first():
    for path in texts():
        if path.suffix == ".py":
            first = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#!")][:1]
            assert first == ["# SPDX-License-Identifier: GPL-3.0-or-later"], path
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text("utf-8")[:200]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "build.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize("command", ["setup", "demo", "test", "audit", "zip", "blender"])
def test_every_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and len(done.stdout) > 200
    assert command in run("--help").stdout


def test_the_two_commands_stand_at_the_top_of_the_readme():
    top = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:25])
    assert "python build.py demo" in top and "python build.py test" in top
    assert "build.py test" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="junctions are tried by hand")
def test_linking_into_blender_overwrites_nothing(tmp_path):
    link = tmp_path / "extensions" / "user_default" / "image_to_mesh"
    options = ("--extensions", link.parent)
    assert run("blender", *options).returncode == 0 and link.is_symlink() and link.samefile(ROOT)
    assert run("blender", *options).returncode == 0  # twice is no error
    assert run("blender", *options, "--remove").returncode == 0 and not link.is_symlink() and ROOT.is_dir()
    for foreign in (lambda: link.mkdir(), lambda: (link.rmdir(), link.symlink_to(tmp_path))):
        foreign()
        for extra in ((), ("--remove",)):
            done = run("blender", *options, *extra)
            assert done.returncode == 1 and "not a link to this checkout" in done.stderr
        assert link.exists() and not link.samefile(ROOT)


@pytest.mark.skipif(sys.platform != "linux", reason="the folder lies elsewhere")
def test_the_newest_blender_is_found(tmp_path):
    for version in ("3.6", "4.2", "4.10", "4.5"):
        (tmp_path / "blender" / version).mkdir(parents=True)
    clean = {"BLENDER_USER_EXTENSIONS": "", "BLENDER_USER_RESOURCES": "", "XDG_CONFIG_HOME": str(tmp_path)}
    assert run("blender", **clean).returncode == 0
    assert (tmp_path / "blender" / "4.10" / "extensions" / "user_default" / "image_to_mesh").samefile(ROOT)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("blender", **clean | {"XDG_CONFIG_HOME": str(empty)})
    assert done.returncode == 1 and "Start it once" in done.stderr
