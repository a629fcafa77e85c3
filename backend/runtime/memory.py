# SPDX-License-Identifier: GPL-3.0-or-later
"""A device's free memory, and errors that mean out of memory. Imports torch only in functions that need it."""

from __future__ import annotations

import ctypes
import errno
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# How libraries say that memory ran out, in lower case. They share no exception type.
MEMORY_SPELLINGS = (
    "out of memory",  # CUDA, HIP, MPS, Vulkan
    "outofmemory",
    "alloc_failed",  # cuBLAS, cuDNN, cuSOLVER, cuSPARSE
    "not enough memory",  # torch on Windows
    "can't allocate memory",  # torch on a CPU
    "cannot allocate memory",
    "could not allocate",
    "failed to allocate",
    "unable to allocate",  # numpy
    "insufficient memory",
    "bad_alloc",  # C++
    "bad allocation",
    "failed to map segment",  # the loader of shared libraries
    "can't start new thread",  # Python: no memory for its stack
    "invalid buffer size",  # MPS, for a single tensor
    "cudnn_status_not_initialized",  # cuDNN has no memory for its workspace
)
ASSUMED_FREE = 4 << 30  # bytes, if the system does not say


def is_memory(error: BaseException | None) -> bool:
    """Whether an exception, or one that caused it, means out of memory."""
    for _ in range(10):
        if error is None:
            return False
        text = f"{type(error).__name__} {error}".lower()
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        if any(spelling in text for spelling in MEMORY_SPELLINGS):
            return True
        error = error.__cause__ or error.__context__
    return False


def free_memory() -> int | None:
    """Free bytes of main memory, None if the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        import psutil

        return int(psutil.virtual_memory().available)
    except ImportError:
        return None


def free_bytes(device: torch.device) -> int:
    """Free bytes for tensors on a device, including PyTorch's unused reserve."""
    import torch

    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return free_memory() or ASSUMED_FREE


def give_back(device: torch.device) -> None:
    """Return PyTorch's unused reserve to the device, on Linux the C library's to the system: it may be fragmented."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
