# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the build of PyTorch for this machine. Standard library only."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

# PyTorch publishes its builds for other hardware in an index of its own, one folder a build.
TORCH_INDEX = "https://download.pytorch.org/whl/"
CUDA_BUILDS = ((580, "cu130"), (525, "cu126"))  # oldest NVIDIA driver, build
ROCM_BUILD = "rocm7.2"
DISK_BYTES = {"cuda": 12 << 30, "rocm": 20 << 30}  # peak disk space while an environment is made
LEAST_DISK_BYTES = 3 << 30
SETUP_COSTS = {  # by variant: (bytes that the set-up downloads, minutes that it takes)
    "cpu": (330_000_000, 3),  # sizes of all wheels for Linux added up, and 170 s measured, of which most is unpacking
    "mps": (250_000_000, 3),  # as cpu: not measured, PyTorch's wheel is smaller
    "cuda": (3_000_000_000, 10),  # not measured: PyTorch's wheels with NVIDIA's libraries, at 50 Mbit/s
    "rocm": (5_000_000_000, 15),  # not measured, as cuda
}
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def variants() -> list[tuple[str, str, str]]:
    """(id, title, help) of every build of PyTorch, the default first."""
    return [
        ("auto", "Automatic", "Detect the graphics card"),
        ("cpu", "Processor", "Works everywhere, slowly. The smallest download"),
        ("cuda", "NVIDIA", "CUDA; needs an NVIDIA driver, and no CUDA toolkit"),
        ("rocm", "AMD", "ROCm, for AMD cards on Linux"),
        ("mps", "Apple", "For Macs with Apple's own chips"),
    ]


def detect_variant() -> str:
    """The id of the build that suits this machine."""
    if sys.platform == "darwin":
        return "mps" if platform.machine() == "arm64" else "cpu"
    if nvidia_driver():
        return "cuda"
    return "rocm" if Path("/dev/kfd").exists() else "cpu"


def nvidia_driver() -> int:
    """The major version of NVIDIA's driver, 0 if there is none."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, creationflags=NO_WINDOW)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"\d+", answer.stdout) if answer.returncode == 0 else None
    return int(found[0]) if found else 0


def torch_builds(pin: str, variant: str) -> list[list[str]]:
    """Arguments for pip that install the pinned torch ("torch==X"), best first; the last always names the plain pin.

    The index that the user has set in pip comes before PyTorch's own: it may be a mirror that holds the build.
    """
    if sys.platform == "darwin" or variant == "mps":
        return [[pin]]
    if variant == "cuda":
        driver = nvidia_driver()
        build = next((name for oldest, name in CUDA_BUILDS if driver >= oldest), CUDA_BUILDS[0][1])
        if sys.platform == "linux" and build == CUDA_BUILDS[0][1]:
            return [[pin]]  # the default index has the CUDA build for Linux
    else:
        build = ROCM_BUILD if variant == "rocm" else "cpu"
    exact = f"{pin}+{build}"
    return [[exact], [exact, "--extra-index-url", TORCH_INDEX + build], [pin]]


def needed_disk(variant: str) -> int:
    """Free disk space in bytes that an environment needs."""
    return DISK_BYTES.get(variant, LEAST_DISK_BYTES)


def setup_cost(variant: str) -> tuple[int, int]:
    """(bytes, minutes): roughly what setting up downloads and how long it takes. As "cpu" for an unknown variant."""
    return SETUP_COSTS.get(variant, SETUP_COSTS["cpu"])
