# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's own Python environment, made by the add-on's preferences and by build.py. Standard library only.

DATA/environment/     a virtual environment; ready.json in it is written last and says what is installed
DATA/backend/NAME/    a copy of the package `backend` to run from, so that the extension can be updated meanwhile;
                      beside it the manifest, which has the version
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .. import protocol
from ..files import PART, locked, read_json, write_whole
from . import cutouts, hardware, interpreters, packages
from .hardware import variants  # noqa: F401  (the preferences ask here)
from .packages import SetupError, Stopped

SOURCE = Path(__file__).resolve().parents[3]  # the extension or checkout that this file belongs to
MANIFEST = "blender_manifest.toml"
STAMP = "ready.json"
TORCH_STAGE = "Installing PyTorch"
CUTOUTS_STAGE = "Downloading the cut-out network"
READY = "The backend is ready"
COPIES_KEPT = 2  # another Blender may still be running the previous one
COPYING_S = 3600.0  # a copy that is not complete after that was interrupted
SAFE_COPY = ("__pycache__", "*.pyc", ".*")
CHECK_S = 600  # an antivirus may scan every file of a new environment
MODULES = (
    "numpy scipy PIL torch diffusers transformers safetensors accelerate nerfacc trimesh fast_simplification typer rich"
)
CHECK = (
    "import importlib, sys\n"
    f"for name in {MODULES.split()!r}: importlib.import_module(name)\n"
    "import torch\n"
    "kind = 'cuda' if torch.cuda.is_available() else 'mps' if torch.backends.mps.is_available() else 'cpu'\n"
    "ones = torch.ones(256, 256, device=kind)\n"
    "assert bool(((ones @ ones) == 256).all()), 'matrices are multiplied wrongly on ' + kind\n"
    "print(f'PyTorch {torch.__version__} on {kind}, Python {sys.version.split()[0]}')\n"
)

Say = Callable[[str, float, str], None]


class NoHome(SetupError):
    """There is no folder for data: the user has no home folder, as in many containers."""

    kind = "disk"

    def __init__(self) -> None:
        remedy = "Set HOME or XDG_DATA_HOME to a folder; for weights alone, IMAGE_TO_MESH_WEIGHTS."
        super().__init__("There is no folder for data, because this user has no home folder.", remedy)


def default_data_folder() -> Path:
    """The folder for large data: local, not roaming, and short, because Windows limits paths to 260 characters.

    Raises NoHome.
    """
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home() / "AppData" / "Local") / "itm"
    if sys.platform == "darwin":
        return home() / "Library" / "Application Support" / "Image to Mesh"
    chosen = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (chosen if chosen.is_absolute() else home() / ".local" / "share") / "image-to-mesh"  # as freedesktop has it


def home() -> Path:
    """The user's home folder. Raises NoHome."""
    try:
        return Path.home()
    except RuntimeError:  # neither the environment nor the user database knows it
        raise NoHome from None


def python_in(folder: Path) -> Path:
    """The interpreter of the virtual environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def python_of(data_folder: Path) -> Path:
    """The interpreter that runs the backend."""
    return python_in(data_folder / "environment")


def is_ready(data_folder: Path, groups: Sequence[str] = ("backend",)) -> bool:
    """Whether the environment is complete and up to date with this extension. Reads two small files."""
    found = stamp(data_folder / "environment")
    return all(found.get(group) == packages.digest(SOURCE, group) for group in groups)


def stamp(folder: Path) -> dict[str, str]:
    """Digests of an environment's pins by group, and its variant. Empty unless the environment is complete."""
    found = read_json(folder / STAMP)
    return found if found and python_in(folder).exists() else {}


def install(
    data_folder: Path,
    source: Path,
    variant: str,
    say: Say,
    stopped: Stopped,
    python: Path | None = None,
    groups: Sequence[str] = ("backend",),
) -> None:
    """Make, complete or repair the backend's environment, and copy the backend.

    say(stage, overall 0..1, line of output) is called often. `python` is the interpreter to start from, a good one on
    this machine if None. What an interrupted attempt left is used. The last stage is READY, or a sentence of
    cutouts.TROUBLES if only the network for cut-outs is missing. Raises SetupError.
    """
    variant = hardware.detect_variant() if variant == "auto" else variant
    torch, *others = packages.pins(source, "backend")
    groups = ["backend", *(group for group in groups if group != "backend")]
    steps = [(TORCH_STAGE, hardware.torch_builds(torch, variant))]
    steps += [(f"Installing packages ({g})", [others if g == "backend" else packages.pins(source, g)]) for g in groups]
    wanted = {group: packages.digest(source, group) for group in groups} | {"variant": variant}
    data_folder.mkdir(parents=True, exist_ok=True)
    folder = data_folder / "environment"
    with alone(data_folder):
        if not wanted.items() <= stamp(folder).items() or not check_interpreter(python_in(folder))[0]:
            check_disk(data_folder, hardware.needed_disk(variant))
            make(folder, steps, wanted, say, stopped, python, packages.constraints(source), check_interpreter)
        trouble = fetch_cutouts(data_folder, say, stopped)
    say("Copying the backend", 0.98, "")
    copy_backend(source, data_folder)
    say(trouble or READY, 1.0, "")


def fetch_cutouts(data_folder: Path, say: Say, stopped: Stopped) -> str:
    """Bring the network for cut-outs into the environment, unless it is there; "" or a sentence on why it is not."""
    folder = data_folder / "environment"
    if not cutouts.is_here(folder):
        say(CUTOUTS_STAGE, 0.96, "")
    return cutouts.fetch(folder, python_in(folder), lambda line: say(CUTOUTS_STAGE, 0.96, line), stopped)


def make(
    folder: Path,
    steps: Sequence[tuple[str, list[list[str]]]],
    wanted: dict[str, str],
    say: Say,
    stopped: Stopped,
    python: Path | None = None,
    constraints: Sequence[str] = (),
    check: Callable[[Path], tuple[bool, str]] | None = None,
) -> None:
    """Make or complete the virtual environment in `folder`; a step is a title and pip's arguments, with alternatives.

    If something is there and does not pass the check in the end, everything is made anew, once. Raises SetupError.
    """
    used = folder.exists()
    (folder / STAMP).unlink(missing_ok=True)
    say("Making the environment", 0.0, "")
    make_venv(folder, python, stopped)
    (folder / "constraints.txt").write_text("\n".join(constraints), "utf-8")
    for number, (title, alternatives) in enumerate(steps):
        share = 0.05 + 0.85 * number / len(steps)
        say(title, share, "")
        install_any(folder, alternatives, lambda line, title=title, share=share: say(title, share, line), stopped)
    say("Checking", 0.92, "")
    good, summary = check(python_in(folder)) if check else (True, "")
    if not good and used:
        remove_folder(folder)
        return make(folder, steps, wanted, say, stopped, python, constraints, check)
    if not good:
        raise SetupError(summary, "Copy the log into a bug report")
    write_whole(folder / STAMP, json.dumps(wanted).encode())
    say("Checking", 0.95, summary)


def make_venv(folder: Path, python: Path | None, stopped: Stopped) -> None:
    """Make the virtual environment, unless there is one with a working pip."""
    if works(python_in(folder)):
        return
    base = python or interpreters.find()
    if base is None:
        raise SetupError(
            "No suitable Python was found", "Install Python 3.12 from python.org, or name one in the preferences"
        )
    remove_folder(folder)
    packages.run([str(base), "-I", "-m", "venv", str(folder)], lambda line: None, stopped)


def works(python: Path) -> bool:
    """Whether the interpreter starts and has pip."""
    try:
        command = [str(python), "-I", "-c", "import pip"]
        return subprocess.run(command, capture_output=True, creationflags=hardware.NO_WINDOW).returncode == 0
    except OSError:
        return False


def install_any(folder: Path, alternatives: list[list[str]], say: Callable[[str], None], stopped: Stopped) -> None:
    """Run pip with each list of arguments in turn until one succeeds."""
    for last, arguments in enumerate(alternatives, 1 - len(alternatives)):
        try:
            common = ["--constraint", str(folder / "constraints.txt")]
            return packages.install(python_in(folder), [*common, *arguments], say, stopped)
        except SetupError:
            if last == 0 or stopped():
                raise


def check_interpreter(python: Path) -> tuple[bool, str]:
    """Whether an interpreter can run the backend and computes correctly, and a sentence about it. Takes seconds."""
    command = [str(python), "-I", "-X", "utf8", "-c", CHECK]
    env = protocol.environment(os.environ)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=CHECK_S,
            env=env,
            creationflags=hardware.NO_WINDOW,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return False, f"{python} does not start: {error}"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["no output"]
    return done.returncode == 0, lines[-1] if done.returncode == 0 else f"{python} cannot run the backend: {lines[-1]}"


def copy_backend(source: Path, data_folder: Path) -> Path:
    """Copy source/backend and the manifest to a folder named after their content, unless it is there; returns what goes
    on sys.path.

    Copies that no Blender is likely to run are removed.
    """
    root = data_folder / "backend"
    target = root / content_name(source)
    if not target.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(PART, target.name, root))
        try:
            shutil.copytree(source / "backend", part / "backend", ignore=shutil.ignore_patterns(*SAFE_COPY))
            shutil.copyfile(source / MANIFEST, part / MANIFEST)
            part.rename(target)
        except OSError:  # another Blender or thread has just made it
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    os.utime(target)
    for old in old_copies(root, target):
        shutil.rmtree(old, ignore_errors=True)
    return target


def old_copies(root: Path, used: Path) -> list[Path]:
    """The copies beside `used` that no Blender is likely to run, whatever the clock says, and what an interrupted
    copying left."""
    times = {}
    for path in root.iterdir():
        with contextlib.suppress(OSError):  # another Blender removes it too
            times[path] = path.stat().st_mtime
    now = times.pop(used)
    parts = [path for path in times if path.name.endswith(PART)]
    others = sorted(times.keys() - parts, key=lambda path: times[path], reverse=True)
    return others[COPIES_KEPT - 1 :] + [part for part in parts if abs(now - times[part]) > COPYING_S]


def content_name(source: Path) -> str:
    """A short name that changes with any file that would be copied."""
    sha = hashlib.sha256()
    for path in [source / MANIFEST, *sorted((source / "backend").rglob("*"))]:
        parts = path.relative_to(source).parts
        if path.is_file() and path.suffix != ".pyc" and not any(p == "__pycache__" or p[0] == "." for p in parts):
            data = path.read_bytes()
            sha.update(f"{'/'.join(parts)}\0{len(data)}\0".encode() + data)
    return sha.hexdigest()[:12]


def remove(data_folder: Path) -> None:
    """Delete the environment and the copies of the backend; jobs and logs stay. Raises SetupError."""
    with alone(data_folder):
        for name in ("environment", "backend"):
            remove_folder(data_folder / name)


def remove_folder(folder: Path) -> None:
    (folder / STAMP).unlink(missing_ok=True)  # first: a folder that is half deleted must not pass as complete
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SetupError(f"{folder} cannot be deleted: {error}", "Close other Blenders and try again") from error


def size(folder: Path) -> int:
    """Bytes of all files in a folder, links not followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"Setup needs up to {needed / 1e9:.0f} GB, and {free / 1e9:.1f} GB are free",
            "Free some space, or choose another data folder in the preferences",
        )


@contextlib.contextmanager
def alone(data_folder: Path) -> Iterator[None]:
    """Hold the lock of the data folder, which the system releases if the process dies. SetupError if it is taken."""
    data_folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(data_folder / "setup.lock"))
        except BlockingIOError:
            raise SetupError("Another program is setting up the backend", "Wait for it to finish") from None
        yield
