#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one entry for people: `python build.py demo`, `python build.py test`. Needs Python 3.11 or 3.12, nothing else."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    sys.exit(f"build.py needs Python 3.11 or 3.12; this is {sys.version.split()[0]}. Try python3.11 build.py ...")

import argparse
import os
import subprocess
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

from backend.interface import tasks
from backend.interface.installer import environment, interpreters, packages

ROOT = Path(__file__).resolve().parent
BLENDERS = ("4.2", "4.5", "5.0")  # of each, Blender as a Python module is installed for the tests
DEMO_BLENDER = "4.5"
BPY_PYTHON = (3, 11)  # what those modules are built for
ZIPPED = ("__init__.py", "blender_manifest.toml", "LICENSE", "pyproject.toml", "addon", "backend")
NOT_ZIPPED = ("backend/training/", "backend/evaluation/")  # both need meshes that do not ship
LONGEST_NAME = 120  # Windows' paths end at 260 characters, and Blender's own folder takes its share
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
FIRST_BLENDER = (4, 2)


def main() -> int:
    options = arguments().parse_args()
    try:
        return options.run(options) or 0
    except packages.SetupError as error:
        print(f"\n{error.message}\n{error.remedy}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
    return 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).split(":")[0] + ".", prog="build.py")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(run, help: str) -> argparse.ArgumentParser:
        command = commands.add_parser(run.__name__, help=help, description=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument(
            "--data-folder", type=Path, default=environment.default_data_folder(), metavar="FOLDER",
            help="where environments and jobs lie; the extension uses the same by default (%(default)s)",
        )  # fmt: skip
        return command

    for command in (
        add(setup, "make the backend's environment"),
        add(demo, "turn a picture into a mesh and look at it in Blender, without a window"),
        add(test, "check everything"),
    ):
        command.add_argument(
            "--variant", choices=[name for name, _, _ in environment.variants()], default="auto",
            help="which build of PyTorch to install (%(default)s)",
        )  # fmt: skip
        if command.prog.endswith("demo"):
            command.add_argument("--image", type=Path, default=ROOT / "demo" / "sample.png", help="another picture")
            command.add_argument(
                "--engine", choices=[task.name for task in tasks.MESH_TASKS if "image" in task.inputs],
                default=tasks.MESH_TASKS[0].name, help="what makes the mesh (%(default)s, as in the panel)",
            )  # fmt: skip
            command.add_argument(
                "--output", type=Path, default=ROOT / "build" / "demo", metavar="FOLDER",
                help="where the scene, the mesh and the picture are written (%(default)s)",
            )  # fmt: skip
        if command.prog.endswith("test"):
            command.add_argument("pytest", nargs="*", help="passed on to pytest (after --), instead of everything")
    command = add(zip, "make the installable extension")
    command.add_argument("--output", type=Path, metavar="FILE", help="the zip (dist/image_to_mesh-VERSION.zip)")
    command = add(blender, "link this checkout into Blender, for development")
    command.add_argument(
        "--extensions", type=Path, metavar="FOLDER", help="Blender's folder .../extensions/user_default"
    )
    command.add_argument("--remove", action="store_true", help="remove the link")
    return parser


def setup(options: argparse.Namespace) -> None:
    """Make the backend's environment, or complete or repair it: what Set Up Backend in the preferences does."""
    make_backend(options, "backend")


def demo(options: argparse.Namespace) -> int:
    """Turn a picture into a mesh in a fresh backend process, bring it into a scene with the extension's own code, look
    at it from four sides with Blender, and write mesh.blend, mesh.ply and picture.png. Makes the environments first."""
    began = time.monotonic()
    make_backend(options, "backend")
    python = make_blender(options, DEMO_BLENDER)
    root = environment.copy_backend(ROOT, options.data_folder)
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"Environments ready after {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    backend_python = environment.python_of(options.data_folder)
    places = [options.image, options.output, backend_python, root, options.data_folder / "jobs", options.engine]
    done = subprocess.run([python, ROOT / "demo" / "scene.py", *places], env=clean_environment())
    print(f"Demo: {time.monotonic() - began:.1f} s")
    return done.returncode


def test(options: argparse.Namespace) -> int:
    """Make the environments, then run ruff, pyright, and all tests, also inside Blender 4.2, 4.5 and 5.0."""
    make_backend(options, "backend", "training", "dev")
    blenders = [make_blender(options, version) for version in BLENDERS]
    python = str(environment.python_of(options.data_folder))
    status = 0
    if not options.pytest:
        for name, command in {"ruff": ["check", "."], "pyright": ["--pythonpath", python]}.items():
            failed = subprocess.run([python, "-m", name, *command], cwd=ROOT, env=clean_environment()).returncode
            print(f"{name}: {'failed' if failed else 'passed'}", flush=True)
            status = status or failed
    names = os.pathsep.join(map(str, blenders))
    env = clean_environment() | {"IMAGE_TO_MESH_BPY_PYTHONS": names}
    return subprocess.run([python, "-m", "pytest", *options.pytest], cwd=ROOT, env=env).returncode or status


def zip(options: argparse.Namespace) -> None:
    """Make the installable extension. The same checkout gives the same bytes, on every machine."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
    output = options.output or ROOT / "dist" / f"{manifest['id']}-{manifest['version']}.zip"
    output.parent.mkdir(parents=True, exist_ok=True)
    write_zip(output, zip_members())
    validate(output, options.data_folder)
    print(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")


def zip_members() -> list[str]:
    """Paths of the files that belong into the extension, sorted."""
    found = []
    for top in ZIPPED:
        for path in [ROOT / top, *(ROOT / top).rglob("*")]:
            name = path.relative_to(ROOT).as_posix()
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
            if path.is_file() and not hidden and path.suffix != ".pyc" and not name.startswith(NOT_ZIPPED):
                found.append(name)
    if longest := [name for name in found if len(name) >= LONGEST_NAME]:
        raise packages.SetupError(f"Blender on Windows could not unpack {longest[0]}", "Give it a shorter name")
    return sorted(found)


def write_zip(output: Path, names: list[str]) -> None:
    """Not compressed, because zlib's bytes differ between versions, and weights hardly shrink. Written whole or not."""
    with tempfile.NamedTemporaryFile(dir=output.parent, suffix=".part", delete=False) as part:
        try:
            with zipfile.ZipFile(part, "w") as archive:
                for name in names:
                    info = zipfile.ZipInfo(name, ZIP_TIME)
                    info.create_system, info.external_attr = 3, 0o100644 << 16
                    archive.writestr(info, (ROOT / name).read_bytes())
        except BaseException:
            part.close()
            os.unlink(part.name)
            raise
    os.chmod(part.name, 0o644)
    os.replace(part.name, output)


def validate(path: Path, data_folder: Path) -> None:
    """Let Blender's own command look at the zip, where `test` or `demo` has installed Blender as a module."""
    commands = sorted(data_folder.glob("blender-*/**/bl_pkg/cli/blender_ext.py"))
    if not commands:
        print("Not validated: no Blender module is installed (`demo` installs one)")
        return
    command = [sys.executable, str(commands[-1]), "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise packages.SetupError(
            f"Blender does not accept {path}:\n{done.stdout}{done.stderr}", "Correct it, and zip again"
        )


def blender(options: argparse.Namespace) -> int:
    """Link this checkout into Blender's extensions, so that what you edit is what it loads. Nothing is overwritten."""
    folder = options.extensions or newest_extensions()
    if folder is None:
        print(
            "No Blender 4.2 or newer has been started here yet. Start it once, or name --extensions.", file=sys.stderr
        )
        return 1
    link = folder / "image_to_mesh"
    ours = os.path.lexists(link) and is_link(link) and link.exists() and link.samefile(ROOT)
    if os.path.lexists(link) and not ours:
        print(
            f"{link} is there and is not a link to this checkout. Remove that extension in Blender first.",
            file=sys.stderr,
        )
        return 1
    if options.remove:
        if ours:
            os.rmdir(link) if os.name == "nt" else link.unlink()
        print(f"{link} is not there any more")
        return 0
    if not ours:
        folder.mkdir(parents=True, exist_ok=True)
        make_link(link)
    print(f"{link}\nEnable Image to Mesh in Blender's preferences, Add-ons. After edits: F3, Reload Scripts.")
    return 0


def newest_extensions() -> Path | None:
    """The folder of installed extensions of the newest Blender that was used on this machine."""
    if named := os.environ.get("BLENDER_USER_EXTENSIONS"):
        return Path(named) / "user_default"
    if named := os.environ.get("BLENDER_USER_RESOURCES"):
        return Path(named) / "extensions" / "user_default"
    if os.name == "nt":
        base = Path(os.environ.get("APPDATA", "")) / "Blender Foundation" / "Blender"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support" / "Blender"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "blender"
    found = {
        tuple(map(int, p.name.split("."))): p for p in base.glob("[0-9]*.[0-9]*") if p.name.replace(".", "").isdigit()
    }
    newest = max(found, default=())
    return found[newest] / "extensions" / "user_default" if newest >= FIRST_BLENDER else None


def is_link(path: Path) -> bool:
    return path.is_symlink() or (os.name == "nt" and os.path.realpath(path) != os.path.abspath(path))


def make_link(link: Path) -> None:
    """A symbolic link, or on Windows a junction, which needs no administrator."""
    if os.name == "nt":
        import _winapi

        _winapi.CreateJunction(str(ROOT), str(link))  # pyright: ignore[reportAttributeAccessIssue]
    else:
        link.symlink_to(ROOT, target_is_directory=True)


def make_backend(options: argparse.Namespace, *groups: str) -> None:
    """Make or complete it; `setup` also looks whether a complete one is in order, which takes a while."""
    if options.run is not setup and environment.is_ready(options.data_folder, groups):
        return
    python = Path(sys.executable) if interpreters.can_make(sys.executable) else None
    environment.install(options.data_folder, ROOT, options.variant, progress(), lambda: False, python, groups)


def make_blender(options: argparse.Namespace, version: str) -> Path:
    """The interpreter of an environment that has this Blender as a module."""
    group, folder = "blender-" + version.replace(".", "-"), options.data_folder / f"blender-{version}"
    wanted = {group: packages.digest(ROOT, group)}
    if environment.stamp(folder) != wanted:
        base = interpreters.find([BPY_PYTHON])
        if base is None:
            raise packages.SetupError(
                "Blender as a module needs Python 3.11, and there is none here", "Install Python 3.11 as well"
            )
        steps = [(f"Installing Blender {version} as a module", [packages.pins(ROOT, group)])]
        environment.make(folder, steps, wanted, progress(), lambda: False, base, (), imports_bpy)
    return environment.python_in(folder)


def imports_bpy(python: Path) -> tuple[bool, str]:
    done = subprocess.run(
        [str(python), "-I", "-c", "import bpy; print(bpy.app.version_string)"], capture_output=True, text=True
    )
    return done.returncode == 0, done.stdout.strip() or done.stderr[-500:]


def progress() -> environment.Say:
    """Prints each stage once, and what pip says about downloads."""
    last = ""

    def say(stage: str, overall: float, line: str) -> None:
        nonlocal last
        if stage != last:
            print(f"{100 * overall:3.0f} %  {stage}", flush=True)
        if line.startswith(("Downloading", "ERROR", "PyTorch")):
            print(f"       {line[:110]}", flush=True)
        last = stage

    return say


def clean_environment() -> dict[str, str]:
    """Without what another Python would take for its own."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CONDA_"))
    }


if __name__ == "__main__":
    sys.exit(main())
