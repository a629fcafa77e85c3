# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to compute with, found without torch where possible: importing torch takes seconds."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from typing import Any

from ..interface import catalog, tasks
from ..weights.store import store
from .memory import free_memory

MODULES = ("numpy", "PIL", "torch", "diffusers", "transformers", "safetensors", "nerfacc", "trimesh")
STARTER = store.STARTER
SET_UP = "Set up the backend, in the preferences."


def processors() -> list[dict[str, Any]]:
    """The CPU, and Apple's GPU, which every Mac with Apple silicon has: [{name, kind, free_bytes}]."""
    found = [{"name": platform.processor() or platform.machine(), "kind": "cpu", "free_bytes": free_memory()}]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append({"name": "Apple GPU", "kind": "mps", "free_bytes": free_memory()})
    return found


def graphics_cards() -> list[dict[str, Any]]:
    """NVIDIA's cards as their driver lists them; may take a second. AMD's are known once torch is there."""
    torch = sys.modules.get("torch")
    if torch is not None:
        cards = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
        names = [(torch.cuda.get_device_name(i), torch.cuda.mem_get_info(i)[0]) for i in cards]
        return [{"name": name, "kind": "cuda", "free_bytes": free} for name, free in names]
    query = ["nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader,nounits"]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True, creationflags=flags)
        rows = [line.rsplit(",", 1) for line in listed.stdout.splitlines() if line.strip()]
        return [{"name": name.strip(), "kind": "cuda", "free_bytes": int(free) << 20} for name, free in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def missing_modules() -> list[str]:
    """Names of the Python modules that engines need and this environment lacks."""
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


def engine_states() -> list[dict[str, Any]]:
    """For every engine whether it can run here: [{name, title, can_run, missing, remedy}]."""
    lacking = missing_modules()
    states = []
    for engine in tasks.MESH_TASKS:
        missing = [f"Python module {name}" for name in lacking]
        remedy = SET_UP if lacking else ""
        for identity in engine.weights:
            weights = catalog.weights(identity)
            if not has_weights(weights):
                missing.append(weights.title)
                remedy = remedy or "Install the extension again: its built-in weights are missing."
        states.append(
            {"name": engine.name, "title": engine.title, "can_run": not missing, "missing": missing, "remedy": remedy}
        )
    return states


def has_weights(weights: catalog.Weights) -> bool:
    """Whether a set of weights is here."""
    return store.locate(weights.id) is not None


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
