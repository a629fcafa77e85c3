#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one entry for people: `python build.py demo`, `python build.py test`. Needs Python 3.11 to 3.14, nothing else."""

from __future__ import annotations

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    sys.exit(f"build.py needs Python 3.11 to 3.14; this is {sys.version.split()[0]}. Try python3.12 build.py ...")

import argparse
import json
import os
import subprocess
import tempfile
import time
import tomllib
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

from backend.interface import tasks
from backend.interface.installer import environment, interpreters, packages
from demo import installed_blender

ROOT = Path(__file__).resolve().parent
BLENDERS = ("4.2", "4.5", "5.0")  # of each, Blender as a Python module is installed for the tests
DEMO_BLENDER = "4.5"
BPY_PYTHON = (3, 11)  # the only one that those modules are built for
LONGEST_NAME = 120  # Windows' paths end at 260 characters, and Blender's own folder takes its share
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


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
        add(demo, "turn a picture into a mesh and look at it from four sides, in Blender if there is one"),
        add(test, "check everything"),
    ):
        command.add_argument(
            "--variant", choices=[name for name, _, _ in environment.variants()], default="auto",
            help="which build of PyTorch to install (%(default)s)",
        )  # fmt: skip
        if command.prog.endswith("demo"):
            command.add_argument("--image", type=Path, default=ROOT / "demo" / "photograph.jpg", help="another picture")
            command.add_argument(
                "--engine", choices=[task.name for task in tasks.MESH_TASKS if "image" in task.inputs],
                default=tasks.MESH_TASKS[0].name, help="what makes the mesh (%(default)s, as in the panel)",
            )  # fmt: skip
            command.add_argument(
                "--blender", type=Path, metavar="FILE", help="an installed Blender, 4.2 or newer, to look at it with"
            )
            command.add_argument(
                "--output", type=Path, default=ROOT / "build" / "demo", metavar="FOLDER",
                help="where the scene, the mesh and the picture are written (%(default)s)",
            )  # fmt: skip
        if command.prog.endswith("test"):
            command.add_argument(
                "--complete", action="store_true", help="fail if a check inside Blender cannot run, as .ci/run does"
            )
            command.add_argument("pytest", nargs="*", help="passed on to pytest (after --), instead of everything")
    add(audit, "look the pinned packages up in the database of known faults")
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
    at it from four sides, and write mesh.blend, mesh.ply, mesh.glb and picture.png. Makes the environments first.

    Blender is the file that --blender names, else Blender as a Python module, which needs Python 3.11, else a Blender
    that is installed. Without any, the backend draws the four sides, and there is no scene."""
    began = time.monotonic()
    make_backend(options, "backend")
    blender = find_blender(options)
    root = environment.copy_backend(ROOT, options.data_folder)
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"Environments ready after {time.monotonic() - began:.1f} s", flush=True)
    began = time.monotonic()
    status = demo_in_blender(options, blender, root) if blender else demo_without_blender(options, root)
    print(f"Demo: {time.monotonic() - began:.1f} s")
    return status


def find_blender(options: argparse.Namespace) -> list[str | Path] | None:
    """The command that runs a Python script in a Blender, up to the script; None if there is no Blender."""
    named, missing = options.blender, ""
    if named and not installed_blender.is_new_enough(named):
        raise packages.SetupError(f"{named} is not a Blender 4.2 or newer", "Name its program with --blender")
    if not named:
        try:
            return [make_blender(options, DEMO_BLENDER)]
        except packages.SetupError as error:
            missing, named = error.message, installed_blender.find()
    if named:
        print(f"In the installed Blender: {named}", flush=True)
        return [named, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]
    print(f"Left out: the scene, mesh.blend. {missing}, and no Blender 4.2 or newer was found (--blender names one).")
    return None


def demo_in_blender(options: argparse.Namespace, blender: list[str | Path], root: Path) -> int:
    python, jobs = environment.python_of(options.data_folder), options.data_folder / "jobs"
    places = [path.absolute() for path in (options.image, options.output, python, root, jobs)]
    command = [*blender, ROOT / "demo" / "scene.py", "--", *places, options.engine]
    return subprocess.run(command, env=clean_environment()).returncode


def demo_without_blender(options: argparse.Namespace, root: Path) -> int:
    python, ply = environment.python_of(options.data_folder), options.output.absolute() / "mesh.ply"
    image, env = options.image.absolute(), clean_environment()
    job = ["generate", "--image", image, "--engine", options.engine, "--output", ply]
    status = subprocess.run([python, "-m", "backend", *job], cwd=root, env=env).returncode
    draw = [python, ROOT / "demo" / "sides.py", image, ply, ply.with_name("picture.png")]
    return status or subprocess.run(draw, env=env).returncode


def test(options: argparse.Namespace) -> int:
    """Make the environments, then run ruff's checks and format, pyright, and all tests, also inside Blender 4.2, 4.5
    and 5.0.

    The checks inside a Blender that cannot be installed here are left out and named, or fail with --complete."""
    make_backend(options, "backend", "training", "dev")
    blenders, missing = [], []
    for version in BLENDERS:
        try:
            blenders.append(make_blender(options, version))
        except packages.SetupError as error:
            if options.complete:
                raise
            missing.append(f"Left out: the checks inside Blender {version}. {error.message}.")
    python = str(environment.python_of(options.data_folder))
    status = 0
    if not options.pytest:
        for command in (["ruff", "check"], ["ruff", "format", "--check"], ["pyright", "--pythonpath", python]):
            failed = subprocess.run([python, "-m", *command], cwd=ROOT, env=clean_environment()).returncode
            print(f"{command[0]}: {'failed' if failed else 'passed'}", flush=True)
            status = status or failed
    names = os.pathsep.join(map(str, blenders))
    env = clean_environment() | {"IMAGE_TO_MESH_BPY_PYTHONS": names}
    name_skipped = ["-rs", "--no-fold-skipped"]
    tests = subprocess.run([python, "-m", "pytest", *name_skipped, *options.pytest], cwd=ROOT, env=env).returncode
    for line in missing:
        print(line)
    return tests or status


def audit(options: argparse.Namespace) -> int:
    """Look up the pinned packages, without Blender, in PyPI's database of known faults, by pip-audit in an environment
    of its own.

    The exit status is 1 if one has a fault, 3 if some could not be looked up: nothing is known about these.
    """
    folder, wanted = options.data_folder / "audit", {"audit": packages.digest(ROOT, "audit")}
    if environment.stamp(folder) != wanted:
        steps = [("Installing pip-audit", [packages.pins(ROOT, "audit")])]
        environment.make(folder, steps, wanted, progress(), lambda: False)
    named = packages.project(ROOT)["dependency-groups"].items()
    groups = [pins for name, pins in named if not name.startswith("blender")] + [packages.constraints(ROOT)]
    exact = sorted({pin.split(";")[0].replace("[nodejs]", "").strip() for group in groups for pin in group})
    with tempfile.TemporaryDirectory() as temporary:
        listed = Path(temporary) / "pins.txt"
        listed.write_text("\n".join(exact), "utf-8")
        command = [environment.python_in(folder), "-m", "pip_audit", "--requirement", listed]
        command += ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    return tell_faults(done.stdout, len(exact)) if done.stdout.strip() else not_audited(done.stderr, len(exact))


def not_audited(reason: str, count: int) -> int:
    """Say that nothing is known about the packages, and the exit status of that."""
    print(f"Not run: none of {count} packages could be looked up. {' '.join(reason.split())[-300:]}")
    return 3


def tell_faults(report: str, count: int) -> int:
    """Print the faults in a report of pip-audit, as JSON, about `count` packages; the exit status of `audit`."""
    found = json.loads(report)["dependencies"]
    faults = [(package, fault) for package in found for fault in package.get("vulns", ())]
    for package, fault in faults:
        fixed = ", ".join(fault.get("fix_versions", ())) or "no version yet"
        print(f"{package['name']} {package['version']}: {fault['id']}, mended in {fixed}")
    looked_up = len([package for package in found if "skip_reason" not in package])
    if not looked_up:
        return not_audited(next((package["skip_reason"] for package in found), ""), count)
    unknown = count - looked_up
    print(f"{looked_up} of {count} packages looked up: {len(faults)} known faults")
    for package in found:
        if "skip_reason" in package:
            print(f"Not looked up: {package['skip_reason']}")
    return 1 if faults else 3 if unknown else 0


def zip(options: argparse.Namespace) -> None:
    """Make the installable extension. The same checkout gives the same bytes, on every machine."""
    manifest = read_manifest()
    output = options.output or ROOT / "dist" / f"{manifest['id']}-{manifest['version']}.zip"
    output.parent.mkdir(parents=True, exist_ok=True)
    write_zip(output, zip_members())
    validate(output, options.data_folder)
    print(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")


def read_manifest() -> dict:
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))


def zip_members() -> list[str]:
    """Paths of the files that belong into the extension, sorted: those that the manifest does not exclude."""
    patterns, found = read_manifest()["build"]["paths_exclude_pattern"], []
    for parent, folders, names in os.walk(ROOT):
        inside = Path(parent).relative_to(ROOT)
        folders[:] = [name for name in folders if not is_excluded(inside / name, True, patterns)]
        files = [inside / name for name in names if not is_excluded(inside / name, False, patterns)]
        found += [path.as_posix() for path in files if not (ROOT / path).is_symlink()]
    if longest := [name for name in found if len(name) >= LONGEST_NAME]:
        raise packages.SetupError(f"Blender on Windows could not unpack {longest[0]}", "Give it a shorter name")
    return sorted(found)


def is_excluded(path: Path, is_folder: bool, patterns: list[str]) -> bool:
    """Whether Blender's own `extension build` leaves out this path of the checkout: a pattern fits, and no pattern that
    begins with an exclamation mark does. A leading slash ties a pattern to the top, a trailing one to folders."""
    hits = {pattern[0] for pattern in patterns if matches(path, is_folder, pattern.removeprefix("!"))}
    return bool(hits) and "!" not in hits


def matches(path: Path, is_folder: bool, pattern: str) -> bool:
    if pattern.endswith("/") and not is_folder:
        return False
    wanted = pattern.strip("/").split("/")
    parts = path.parts if pattern.startswith("/") else path.parts[-len(wanted) :]
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


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
    return found[newest] / "extensions" / "user_default" if newest >= installed_blender.OLDEST else None


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
        if trouble := environment.fetch_cutouts(options.data_folder, progress(), lambda: False):
            print(trouble, flush=True)
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
                "Blender as a Python module needs Python 3.11, and there is none here", "Install Python 3.11 as well"
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
