#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a script in a Blender window on an X server that nobody sees: what run.py starts unless --rig names another.

Needs Linux with Xvfb, xdotool, ImageMagick's `import` and `convert`, and a Blender 4.2 or newer, all on PATH.
Blender's settings and temporary files lie in a folder that is deleted in the end. docs/window-rig.md says more.
Exit status: the script's, 124 when Blender took longer than --timeout, 70 without one of those programs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = ("Xvfb", "xdotool", "import", "convert")
MISSING, TOO_LATE = 70, 124
BOOT = """
import runpy, sys
sys.path.insert(0, {here!r})
import bpy
bpy.context.preferences.view.show_splash = False
try:
    runpy.run_path({script!r}, run_name="__main__")
except BaseException:
    import rig, traceback
    traceback.print_exc()
    rig.done(1)
"""


def main() -> int:
    options = arguments().parse_args()
    if missing := [name for name in (*PROGRAMS, options.blender) if shutil.which(name) is None]:
        print(f"These programs are not on PATH: {', '.join(missing)}. See docs/window-rig.md.", file=sys.stderr)
        return MISSING
    options.out.mkdir(parents=True, exist_ok=True)
    status = options.out.absolute() / ".status"
    status.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as session, x_server(options.size, options.out / "xvfb.log") as display:
        env = os.environ | dict(pair.split("=", 1) for pair in options.env)
        env |= {"DISPLAY": display, "BLENDER_USER_RESOURCES": session, "TMPDIR": session}
        env |= {"RIG_OUT": str(options.out.absolute()), "RIG_ARGS": json.dumps(options.script_arg)}
        for extension in options.extension:
            install = ["--command", "extension", "install-file", "-r", "user_default", "--enable", extension.absolute()]
            subprocess.run([options.blender, *install], env=env, check=True)
        boot = Path(session) / "boot.py"
        boot.write_text(BOOT.format(here=str(HERE), script=str(options.script.absolute())), "utf-8")
        window = ["--window-geometry", "0", "0", *options.size.split("x")]
        try:
            done = subprocess.run([options.blender, *window, "--python", boot], env=env, timeout=options.timeout)
        except subprocess.TimeoutExpired:
            return TOO_LATE
    return int(status.read_text()) if done.returncode == 0 and status.is_file() else done.returncode or 1


@contextmanager
def x_server(size: str, log: Path):
    """An X server with one screen of this size, software OpenGL; yields its display."""
    read, write = os.pipe()
    with log.open("w") as file:
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "+extension", "GLX"]
        server = subprocess.Popen(
            [*command, "-nolisten", "tcp"], pass_fds=[write], stdout=file, stderr=subprocess.STDOUT
        )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()  # empty when it ends at once
        if not number:
            sys.exit(f"Xvfb did not start; {log} says why.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    play = parser.add_subparsers(required=True, metavar="VERB").add_parser("run", help="play a script")
    play.add_argument("--script", type=Path, required=True, help="runs inside Blender and imports rig")
    play.add_argument("--script-arg", action="append", default=[], metavar="NAME=VALUE", help="in rig.SESSION['args']")
    play.add_argument("--extension", type=Path, action="append", default=[], metavar="ZIP", help="installed first")
    play.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="pictures and logs")
    play.add_argument("--size", default="1600x1000", metavar="WxH")
    play.add_argument("--timeout", type=float, default=900, metavar="S")
    play.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    play.add_argument("--blender", default="blender", metavar="FILE")
    for name in ("--venv", "--bind"):
        play.add_argument(name, action="append", help="for rigs in a container or chroot; this one sees every file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
