# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of this machine, found without torch where possible: importing torch takes seconds."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..interface.parameters import ParameterError
from .memory import free_memory

if TYPE_CHECKING:
    import torch

MODULES = ("numpy", "PIL", "torch", "diffusers", "transformers", "safetensors", "nerfacc", "trimesh")


def processors() -> list[dict[str, Any]]:
    """The CPU, and Apple's GPU, which every Mac with Apple silicon has: [{name, kind, free_bytes}]."""
    found = [{"name": platform.processor() or platform.machine(), "kind": "cpu", "free_bytes": free_memory()}]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append({"name": "Apple GPU", "kind": "mps", "free_bytes": free_memory()})
    return found


def graphics_cards() -> list[dict[str, Any]]:
    """NVIDIA's cards as listed by their driver, which may take a second; AMD's only after torch was imported."""
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
    """Names of the Python modules that engines need and that are not installed."""
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is the first of CUDA (or ROCm), Apple's MPS and the CPU that this computer has.

    Raises ParameterError if PyTorch cannot use it.
    """
    import torch

    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, is_usable in usable.items() if is_usable)
    if not usable[name]:
        raise ParameterError(
            f"This computer has no {name.upper()} device that PyTorch can use.", "Set Device to: auto."
        )
    return torch.device(name)


def choose_dtype(device: torch.device, allow_bfloat16: bool = False) -> torch.dtype:
    """Half precision on graphics cards, float32 on CPUs.

    allow_bfloat16: on CPUs that have instructions for it; others compute it a hundred times slower than float32.
    """
    import torch

    if device.type != "cpu":
        return torch.float16
    able = torch.cpu.get_capabilities() if allow_bfloat16 else {}
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
