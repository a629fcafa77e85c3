# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest that writes down which failures tests reach: one line "path:line" each, added to the file that the
environment variable IMAGE_TO_MESH_REACHED names. Processes that tests start are not followed."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.support import ROOT

CLASSES = {  # where each class of exceptions is defined
    "backend.interface.parameters": ("ParameterError",),
    "backend.interface.catalog": ("WeightsError",),
    "backend.interface.errors": ("ImageError",),
    "backend.preprocess.views": ("ViewsError",),
    "backend.meshing.files": ("MeshFileError",),
    "backend.weights.store.store": ("DiskError",),
    "backend.process.job_folder": ("FolderError",),
    "backend.process.run": ("EmptyResult",),
    "backend.optimisation.objective": ("Vanished",),
    "backend.optimisation.loop": ("Diverged",),
    "backend.interface.installer.packages": ("SetupError",),
    "backend.interface.installer.environment": ("NoHome",),
}
reached: set[str] = set()


def pytest_configure(config) -> None:
    for module, names in CLASSES.items():
        for name in names:
            follow(getattr(importlib.import_module(module), name))


def follow(kind: type[BaseException]) -> None:
    """Note the caller whenever an exception of this class, or of one below it, is made."""
    before = kind.__init__

    def noted(self, *args, **kwargs) -> None:
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_name in ("__init__", "noted"):
            frame = frame.f_back
        file = Path(frame.f_code.co_filename) if frame else ROOT
        if frame and file.is_relative_to(ROOT / "backend"):
            reached.add(f"{file.relative_to(ROOT).as_posix()}:{frame.f_lineno}")
        before(self, *args, **kwargs)

    kind.__init__ = noted


def pytest_sessionfinish() -> None:
    with open(os.environ["IMAGE_TO_MESH_REACHED"], "a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in sorted(reached))
