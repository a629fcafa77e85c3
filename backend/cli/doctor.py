# SPDX-License-Identifier: GPL-3.0-or-later
"""The command doctor: examines the environment that the backend runs in."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import time
from typing import Any

import typer

from .. import __version__
from ..process.availability import engine_states
from ..runtime import devices
from ..weights.store import store
from . import console
from .options import Json

ENOUGH_MEMORY = 3 << 30  # bytes: the starter models, torch and a mesh
DISTRIBUTIONS = {"PIL": "pillow"}  # where the module's name is not the distribution's


def doctor(as_json: Json = False) -> None:
    """Check this environment: modules, devices, memory, weights."""
    checks = examine()
    lines = [f"{'ok  ' if check['ok'] else 'FAIL'}  {check['what']}: {check['found']}" for check in checks]
    healthy = all(check["ok"] for check in checks)
    console.answer(as_json, {"ok": healthy, "checks": checks}, "\n".join(lines))
    raise typer.Exit(0 if healthy else 1)


def examine() -> list[dict[str, Any]]:
    """Checks of everything that an engine needs: [{what, ok, found}]."""
    lacking = devices.missing_modules()
    checks = [
        check("Image to Mesh", True, __version__),
        check("Python", sys.version_info[:2] >= (3, 11), f"{platform.python_version()} at {sys.executable}"),
        check("System", True, f"{platform.platform()}, {devices.usable_cores()} cores"),
    ]
    for name in devices.MODULES:
        checks.append(check(name, name not in lacking, "missing" if name in lacking else version(name)))
    if "torch" not in lacking:
        checks.append(compute())
    free = devices.free_memory()
    checks.append(check("Free memory", free is None or free > ENOUGH_MEMORY, size(free)))
    checks.append(check("Free disk", True, size(shutil.disk_usage(store.STARTER.anchor).free)))
    for state in engine_states():
        missing = f"{', '.join(state['missing'])} missing. {state['remedy']}"
        checks.append(check(state["title"], state["can_run"], "can run" if state["can_run"] else missing))
    return checks


def check(what: str, ok: bool, found: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "found": found}


def version(module: str) -> str:
    """The installed version of a module."""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(module, module))
    except importlib.metadata.PackageNotFoundError:
        return "installed"


def size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**30:.1f} GB"


def compute() -> dict[str, Any]:
    """Multiply two matrices on the device that engines would take."""
    import torch

    name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    cards = ", ".join(card["name"] for card in devices.graphics_cards())
    try:
        start = time.perf_counter()
        ones = torch.ones(512, 512, device=name)
        right = bool(((ones @ ones) == 512).all())
        return check("Computing", right, f"{name} {cards} ({time.perf_counter() - start:.2f} s)")
    except Exception as error:
        return check("Computing", False, f"{name} {cards}: {error}")
