# SPDX-License-Identifier: GPL-3.0-or-later
"""Run checks inside Blender's own Python module: `PYTHON inside ZIP DOUBLE HOST_PYTHON NAME...`.

A name is `subject.check`, or `subject.check[case]`, for `check_...` in checks/subject.py. The checks run in the order
of their names, each from a fresh start, and each prints a line of JSON. BLENDER_USER_RESOURCES has to name a folder
that may be emptied. test_installed.py starts this once for each bpy.
"""

import json
import os
import re
import sys
import time
import traceback
from importlib import import_module

import bpy
from stage import PATIENCE_S, choose, extension, fresh, run


def main(names):
    for name in names:
        try:
            fresh()
            perform(name)
            problem = ""
        except BaseException:
            problem = traceback.format_exc()
        print(json.dumps({"check": name, "problem": problem}), flush=True)
    os._exit(0)  # a timer that stayed would crash 4.2 here; installing.disabling_leaves_nothing looks for it


def perform(name):
    subject, check, case = re.fullmatch(r"(\w+)\.(\w+)(?:\[(\w+)\])?", name).groups()
    call = getattr(import_module(f"checks.{subject}"), f"check_{check}")
    call(*(call.cases[case] if case else ()))


def be_killed():
    """Start a job that does not end, print the backend's process id, and wait for the end."""
    fresh()
    choose("deaf")
    bpy.ops.image_to_mesh.generate()
    run(lambda: (job := extension.active_job()) and job.stage == "deaf")
    print(json.dumps({"backend": extension.process().pid}), flush=True)
    time.sleep(PATIENCE_S)


if __name__ == "__main__":
    be_killed() if sys.argv[4:] == ["be_killed"] else main(sys.argv[4:])
