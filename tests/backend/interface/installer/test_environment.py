# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's environment, made with the real venv and pip from wheels that conftest.py writes."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.interface.installer import cutouts, environment, hardware, interpreters, packages
from tests.support.wheel_index import write_source

NEVER = bool  # bool() is False: nobody wants to stop
ALL = {
    NAME: "1.0"
    for NAME in ("torch", *(m.replace("PIL", "pillow") for m in environment.MODULES.split() if m != "torch"))
}


class Story:
    """Keeps what install() says, and stops it where a test wants."""

    def __init__(self, stop_at: str = "never") -> None:
        self.stages: list[str] = []
        self.shares: list[float] = []
        self.lines: list[str] = []
        self.stop_at = stop_at

    def say(self, stage: str, overall: float, line: str) -> None:
        self.stages += [] if stage in self.stages else [stage]
        self.shares.append(overall)
        self.lines.append(line)

    def stopped(self) -> bool:
        return any(stage.startswith(self.stop_at) for stage in self.stages)


def install(data: Path, source: Path, stop_at: str = "never") -> Story:
    story = Story(stop_at)
    environment.install(data, source, "cpu", story.say, story.stopped, Path(sys.executable))
    return story


def version_in(data: Path, module: str) -> str:
    code = f"import {module}; print({module}.version)"
    python = environment.python_of(data)
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("Tést Usér") / "data"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "SOURCE", tmp_path / "source")
    return write_source(tmp_path / "source", **ALL)


@pytest.mark.usefixtures("pip_offline")
class TestOneEnvironment:
    """In this order: what an attempt leaves is what the next one finds."""

    def test_a_stopped_install_does_not_look_ready(self, data, source):
        with pytest.raises(packages.SetupError, match="Stopped") as caught:
            install(data, source, stop_at="Installing packages")
        assert caught.value.remedy
        assert not environment.is_ready(data)
        assert version_in(data, "torch") == "1.0"
        (data / "environment" / "marker").touch()

    def test_the_next_install_continues(self, data, source):
        story = install(data, source)
        assert environment.is_ready(data)
        assert (data / "environment" / "marker").exists()
        assert any("already satisfied: torch" in line for line in story.lines)
        assert story.shares == sorted(story.shares) and story.shares[-1] == 1.0
        assert json.loads((data / "environment" / environment.STAMP).read_text())["variant"] == "cpu"

    def test_a_complete_environment_is_only_checked(self, data, source):
        """Except for the network for cut-outs, which is tried again: pip cannot find it here, and that is said last."""
        stages = [environment.CUTOUTS_STAGE, "Copying the backend", cutouts.UNREACHABLE_WORDS]
        assert install(data, source).stages == stages

    def test_a_complete_set_up_is_ready(self, data, source, monkeypatch):
        monkeypatch.setattr(cutouts, "is_here", lambda folder: folder == data / "environment")
        assert install(data, source).stages == ["Copying the backend", "The backend is ready"]

    def test_a_damaged_environment_is_rebuilt(self, data, source):
        next((data / "environment").rglob("nerfacc.py")).unlink()
        good, told = environment.check_interpreter(environment.python_of(data))
        assert not good and "nerfacc" in told
        install(data, source)
        assert environment.check_interpreter(environment.python_of(data))[0]
        assert not (data / "environment" / "marker").exists()

    def test_changed_pins_are_installed_over_it(self, data, source):
        write_source(source, **ALL | {"typer": "2.0"})
        assert not environment.is_ready(data)
        install(data, source)
        assert environment.is_ready(data) and version_in(data, "typer") == "2.0"

    def test_a_missing_package_is_named_and_nothing_looks_ready(self, data, source):
        write_source(source, **ALL | {"typer": "3.0"})
        with pytest.raises(packages.SetupError, match="does not exist for this Python") as caught:
            install(data, source)
        assert "Python 3.12 (64 bit), or another from 3.11 to 3.14" in caught.value.remedy
        assert not environment.is_ready(data) and environment.stamp(data / "environment") == {}

    def test_only_one_install_runs_at_a_time(self, data, source):
        with environment.alone(data), pytest.raises(packages.SetupError, match="Another program"):
            install(data, source)

    def test_removing_keeps_the_jobs(self, data):
        (data / "jobs" / "a").mkdir(parents=True)
        environment.remove(data)
        assert not environment.python_of(data).exists() and not (data / "backend").exists()
        assert (data / "jobs" / "a").is_dir()
        environment.remove(data)  # twice is no error


def test_sources_are_never_built(tmp_path, monkeypatch):
    """An sdist would run its setup.py, and need a compiler: pip must not even look at it."""
    import tarfile

    setup = tmp_path / "gamma-1.0" / "setup.py"
    setup.parent.mkdir()
    setup.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with tarfile.open(tmp_path / "gamma-1.0.tar.gz", "w:gz") as archive:
        archive.add(setup.parent, "gamma-1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(packages.SetupError, match="does not exist"):
        packages.install(
            Path(sys.executable), ["--target", str(tmp_path / "t"), "gamma==1.0"], lambda line: None, NEVER
        )
    assert not (tmp_path / "ran").exists()


def test_the_copy_of_the_code_is_named_by_its_content(tmp_path):
    source = write_source(tmp_path / "source", torch="1.0")
    first = environment.copy_backend(source, tmp_path / "data")
    assert environment.copy_backend(source, tmp_path / "data") == first
    os.utime(source / "backend" / "__init__.py", (0, 0))
    (source / "backend" / "__pycache__").mkdir()
    (source / "backend" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert environment.copy_backend(source, tmp_path / "data") == first
    assert not list(first.rglob("__pycache__"))
    names = {first}
    for text in ("a = 1", "a = 2"):
        (source / "backend" / "__init__.py").write_text(text)
        copy = environment.copy_backend(source, tmp_path / "data")
        assert (copy / "backend" / "__init__.py").read_text() == text
        names.add(copy)
    (source / "blender_manifest.toml").write_text('version = "2.0.0"\n')
    copy = environment.copy_backend(source, tmp_path / "data")
    assert copy not in names and (copy / "blender_manifest.toml").read_text() == 'version = "2.0.0"\n'
    assert len(names) == 3
    left = list((tmp_path / "data" / "backend").iterdir())
    assert len(left) == environment.COPIES_KEPT and copy in left and first not in left


@pytest.mark.parametrize("days", [-400, 400])
def test_the_copy_that_is_used_stays_whatever_the_clock_said_before(tmp_path, days):
    """Three copies, one of them interrupted, were made when the clock was wrong; one is being made just now."""
    source, root = write_source(tmp_path / "source", torch="1.0"), tmp_path / "data" / "backend"
    for name in ("a", "b", "old.part", "new.part"):
        (root / name).mkdir(parents=True)
    for name in ("a", "b", "old.part"):
        os.utime(root / name, (time.time() + days * 86_400,) * 2)
    copy = environment.copy_backend(source, tmp_path / "data")
    left = {path.name for path in root.iterdir()}
    assert copy.is_dir() and left - {"a", "b"} == {copy.name, "new.part"} and len(left & {"a", "b"}) == 1


def test_concurrent_copies_do_not_interfere(tmp_path):
    """In one Blender, a job and the preferences may both be the first to need the copy."""
    source = write_source(tmp_path / "source", torch="1.0")
    for number in range(200):
        (source / "backend" / f"{number}.py").write_text("")
    start = threading.Barrier(4)

    def copy(_) -> Path:
        start.wait()
        return environment.copy_backend(source, tmp_path / "data")

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(copy, range(4)))
    assert len(found) == 1 and len(list((found.pop() / "backend").iterdir())) >= 201
    assert len(list((tmp_path / "data" / "backend").iterdir())) == 1


def test_size_counts_every_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(bytes(1000))
    (tmp_path / "a" / "b" / "two").write_bytes(bytes(234))
    assert environment.size(tmp_path) == 1234 and environment.size(tmp_path / "none") == 0


def test_an_unusable_interpreter_is_described(tmp_path):
    good, told = environment.check_interpreter(tmp_path / "python")
    assert not good and "does not start" in told
    assert not interpreters.can_make(tmp_path / "python")
    assert not interpreters.can_make(sys.executable, [(2, 7)])
    assert interpreters.can_make(sys.executable, [sys.version_info[:2]])


def test_data_folder_is_local_and_absolute(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert environment.default_data_folder().is_absolute()
    if sys.platform == "linux":
        assert environment.default_data_folder() == Path("/somewhere/image-to-mesh")
        for relative in ("", "somewhere", "."):  # which the specification of XDG tells to ignore
            monkeypatch.setenv("XDG_DATA_HOME", relative)
            assert environment.default_data_folder() == Path.home() / ".local" / "share" / "image-to-mesh"


@pytest.mark.parametrize(
    ("platform", "variant", "driver", "exact"),
    [
        ("linux", "cpu", 0, "torch==9.9+cpu"),
        ("win32", "cpu", 0, "torch==9.9+cpu"),
        ("win32", "cuda", 580, "torch==9.9+cu130"),
        ("linux", "cuda", 560, "torch==9.9+cu126"),
        ("linux", "cuda", 590, None),
        ("linux", "rocm", 0, "torch==9.9+rocm"),
        ("darwin", "mps", 0, None),
        ("darwin", "cpu", 0, None),
    ],
)
def test_the_torch_build_matches_system_and_driver(monkeypatch, platform, variant, driver, exact):
    monkeypatch.setattr(hardware.sys, "platform", platform)
    monkeypatch.setattr(hardware, "nvidia_driver", lambda: driver)
    first, *rest = hardware.torch_builds("torch==9.9", variant)
    assert [first, *rest][-1] == ["torch==9.9"]
    if exact:
        assert first[0].startswith(exact) and len(first) == 1  # the user's own index is asked first
        assert rest[0][0] == first[0] and rest[0][1] == "--extra-index-url"
    else:
        assert not rest


def test_the_first_variant_is_automatic_and_detection_names_another():
    names = [name for name, _, _ in environment.variants()]
    assert names[0] == "auto" and hardware.detect_variant() in names[1:]
    assert all(title and text for _, title, text in environment.variants())


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: Could not find a version that satisfies the requirement x==1", "does not exist"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "cannot be downloaded"),
        ("ERROR: [WinError 5] Access is denied: 'torch.dll'", "cannot be written"),
        ("something new", "could not be installed"),
    ],
)
def test_pip_output_is_explained(line, word):
    error = packages.explain(["Collecting x", line])
    assert word in error.message and error.remedy


def test_too_little_disk_space_is_reported_before_downloading(tmp_path):
    with pytest.raises(packages.SetupError, match="GB are free") as caught:
        environment.check_disk(tmp_path, 1 << 60)
    assert "Free some space" in caught.value.remedy


def test_the_cost_of_setting_up_is_known_for_each_variant_and_fits_on_the_disk_that_it_needs():
    variants = [name for name, *_ in hardware.variants() if name != "auto"]
    assert sorted(variants) == sorted(hardware.SETUP_COSTS)
    for variant in variants:
        size, minutes = hardware.setup_cost(variant)
        assert 0 < 3 * size <= hardware.needed_disk(variant) and minutes > 0  # unpacked
    assert hardware.setup_cost("") == hardware.setup_cost("cpu") == (330_000_000, 3)
