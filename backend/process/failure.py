# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns an exception into a kind of failure, a message and a remedy for the artist."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

from ..interface.catalog import WeightsError
from ..interface.common_parameters import MeshParameters
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..runtime.memory import is_memory
from ..runtime.progress import Cancelled

MEMORY_REMEDY = (
    "Lower Resolution, close other programs that use the graphics card (renders in Blender too), "
    "or choose the CPU as the device."
)
DISK_ERRORS = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "EACCES", "EPERM", "ENOTDIR", "EEXIST", "ENAMETOOLONG")
DISK_REMEDY = "Free some space or choose another data folder."
LOG_REMEDY = "Try again. If it happens again, send the log with a bug report."


@dataclass(frozen=True)
class Failure:
    """kind is one of interface.protocol.FAILURES; message says what happened, remedy what to do."""

    kind: str
    message: str
    remedy: str = ""


def describe(error: BaseException) -> Failure:
    """The failure that an exception means, in words for the person who started the job."""
    if isinstance(error, (Cancelled, KeyboardInterrupt)):
        return Failure("cancelled", "Cancelled.", getattr(error, "remedy", ""))
    if isinstance(error, ParameterError):
        return Failure("parameter", str(error), "Change the value and try again.")
    if isinstance(error, WeightsError):
        return Failure("weights", str(error), error.remedy)
    if is_memory(error):
        return Failure("memory", "There is not enough memory for this job.", MEMORY_REMEDY)
    remedy = getattr(error, "remedy", None)
    if isinstance(remedy, str):  # ImageError, MeshFileError, ViewsError and others say what to do
        return Failure(getattr(error, "kind", "input"), str(error), remedy)
    if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in DISK_ERRORS:
        where = f": {error.filename}" if error.filename else ""
        return Failure("disk", f"{error.strerror}{where}.", DISK_REMEDY)
    if isinstance(error, ModuleNotFoundError):
        message = f"The backend's environment lacks the Python module {error.name}."
        return Failure("environment", message, "Set up the backend again, in the preferences.")
    text = " ".join(str(error).split())[:300]
    return Failure("internal", f"Unexpected error ({type(error).__name__}: {text}).", LOG_REMEDY)


def lighter(task: Task[Any], parameters: Any) -> dict[str, Any]:
    """Parameters that need less memory: half the mesh resolution, or the CPU once that is at its minimum."""
    if isinstance(parameters, MeshParameters):
        least = task.parameter("mesh_resolution").minimum
        half = max(int(least or 1), parameters.mesh_resolution // 2)
        if half < parameters.mesh_resolution:
            return {"mesh_resolution": half}
    return {} if parameters.device == "cpu" else {"device": "cpu"}
