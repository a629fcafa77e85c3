# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Jobs of every engine at the smallest settings, a second or two each."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from image_to_mesh_checkout.addon.jobs.job import Job, Request

from backend.interface.tasks import task
from backend.interface.view_set import FOV_DEG, RADIUS, orbit
from tests.support import ROOT

IMAGE = ROOT / "demo" / "sample.png"
VIEWS = 3
SMALL = {"mesh_resolution": 32, "texture": "off", "max_faces": 2000}
FEW = SMALL | {"steps": 3}
TINY: dict[str, tuple[str, dict[str, Any]]] = {  # task and parameters by the job's name
    "lrm": ("lrm", SMALL | {"texture": "512"}),
    "one2345": ("one2345", SMALL),
    "zero123_sds": ("zero123_sds", FEW),
    "zero123_sjc": ("zero123_sds", FEW | {"method": "sjc"}),
    "make_it_3d": ("make_it_3d", FEW | {"refine": False}),
    "dreamfusion": ("dreamfusion", FEW),
    "mvdream": ("mvdream", FEW),
    "shap_e": ("shap_e", SMALL | {"steps": 2}),
    "text_to_image": ("text_to_image", {"steps": 8}),
    "novel_view": ("novel_view", {}),
    "views_to_mesh": ("views_to_mesh", SMALL),
    "neus": ("views_to_mesh", FEW | {"method": "neus"}),
    "views_from_text": ("views_from_text", {"steps": 8, "views": 2}),
    "dreambooth": ("dreambooth", {"steps": 8, "kind": "chair"}),
}


def make_job(name: str, dice: random.Random, shap_e: Path, **changes: Any) -> Job:
    """A new job of TINY with a random seed. shap_e: the folder of its weights, which are made when they are needed."""
    engine, parameters = TINY[name]
    declared = task(engine)
    parameters = parameters | changes
    if engine == "shap_e":
        parameters["weights"] = str(shap_e if shap_e.exists() else build_shap_e(shap_e))
    if engine == "dreambooth":
        parameters["subject"] = f"s{dice.randrange(1 << 40):x}"  # a name can be learnt once
    seed, image = dice.randrange(1 << 31), IMAGE.read_bytes()
    attached = {"image_file": image} if "image" in declared.inputs else {}
    inputs: dict[str, Any] = {"prompt": "a red car"} if "prompt" in declared.inputs else {}
    if {"views", "photos"} & set(declared.inputs):
        attached = {f"view_{number:03}": image for number in range(VIEWS)}
    if "views" in declared.inputs:
        poses = [orbit(360 * number / VIEWS, 20.0, RADIUS) for number in range(VIEWS)]
        inputs["cameras"] = [{"cam_to_world": pose, "fov_deg": FOV_DEG} for pose in poses]
    if "angles" in declared.inputs:
        inputs["angles"] = [[90.0, 0.0]]
    checked = vars(declared.check(parameters))
    return job_of(Request(engine, checked, seed, lambda: attached, name, inputs))


def job_of(request: Request) -> Job:
    """A new job of a request; the queue hands it on unread."""
    return Job(request, delivery=None)  # pyright: ignore[reportArgumentType]


def build_shap_e(folder: Path) -> Path:
    """Write a tiny Shap-E of random numbers to a folder, in a process of its own; returns the folder."""
    names = "import pathlib, sys; from tests.backend.engines.test_shap_e import make"
    code = f"{names}; make(pathlib.Path(sys.argv[1]), 'image')"
    command = [sys.executable, "-c", code, str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return folder
