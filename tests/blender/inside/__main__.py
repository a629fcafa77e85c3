# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked inside Blender's own Python module: `PYTHON inside ZIP DOUBLE HOST_PYTHON`, a line of JSON a check.

test_installed.py starts this once for each bpy, with BLENDER_USER_RESOURCES pointing to an empty folder. The checks
run in their order: the first installs the zip, the last removes it.
"""

import json
import os
import sys
import time
import traceback
from importlib import import_module

import bpy
from stage import PATIENCE_S, choose, install, run, the_session, use_double

SUBJECTS = (
    "setting_up",
    "meshes",
    "textures",
    "queued_jobs",
    "pictures",
    "sets_of_weights",
    "starts",
    "prompts",
    "versions",
    "batches",
    "languages",
    "views",
    "prompt_views",
    "refining",
    "fitting",
    "finishing",
    "baked_maps",
    "undoing",
    "hostile",
    "leaving",
)


def main():
    for subject in map(import_module, SUBJECTS):
        for name, check in [item for item in vars(subject).items() if item[0].startswith("check_")]:
            try:
                check()
                problem = ""
            except BaseException:
                problem = traceback.format_exc()
            print(json.dumps({"check": name.removeprefix("check_"), "problem": problem}), flush=True)
    os._exit(0)  # a timer that stayed would crash 4.2 here; check_disabling_leaves_nothing looks for it


def be_killed():
    """Start a job that does not end, tell the backend's process id, and wait for the end."""
    install()
    use_double()
    choose("deaf")
    bpy.ops.image_to_mesh.generate()
    queue = the_session().queue
    run(lambda: queue.active and queue.active.progress.stage == "deaf")
    print(json.dumps({"backend": queue.process.pid}), flush=True)
    time.sleep(PATIENCE_S)


if __name__ == "__main__":
    be_killed() if sys.argv[4:] == ["be_killed"] else main()
