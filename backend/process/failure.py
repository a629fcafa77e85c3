# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns an exception into a kind of failure, a message and a remedy for the artist."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from ..interface.catalog import WeightsError
from ..interface.common_parameters import MeshParameters
from ..interface.errors import kind_of, one_line, remedy_for
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..runtime.memory import is_memory
from ..runtime.progress import Cancelled

MEMORY_REMEDY = (
    "Lower Resolution, close other programs that use the graphics card (renders in Blender too), "
    "or choose the CPU as the device."
)
OS_ERROR = re.compile(r"\(os error (\d+)\)")
MISSING_REMEDY = "Check that the data folder is there, and try again."
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
        return Failure("parameter", str(error), error.remedy)
    if isinstance(error, WeightsError):
        return Failure("weights", str(error), error.remedy)
    if is_memory(error):
        return Failure("memory", "There is not enough memory for this job.", MEMORY_REMEDY)
    remedy = getattr(error, "remedy", None)
    if isinstance(remedy, str):  # ImageError, MeshFileError, ViewsError and others say what to do
        return Failure(getattr(error, "kind", "input"), str(error), remedy)
    error = as_os_error(error)
    if isinstance(error, FileNotFoundError) or (isinstance(error, ModuleNotFoundError) and is_ours(error)):
        return Failure("disk", f"A file of the backend is missing: {one_line(error)}.", MISSING_REMEDY)
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
        where = f": {error.filename}" if error.filename else ""
        return Failure(kind_of(error), f"{error.strerror}{where}.", remedy_for(error))
    if isinstance(error, ModuleNotFoundError):
        message = f"The backend's environment lacks the Python module {error.name}."
        return Failure("environment", message, "Set up the backend again, in the preferences.")
    text = " ".join(str(error).split())[:300]
    return Failure("internal", f"Unexpected error ({type(error).__name__}: {text}).", LOG_REMEDY)


def is_ours(error: ModuleNotFoundError) -> bool:
    """Whether a module of the backend itself is missing, because its copy was removed while it ran."""
    return (error.name or "").startswith(f"{__name__.partition('.')[0]}.")


def as_os_error(error: BaseException) -> BaseException:
    """The OSError that safetensors puts into words when it writes a file; any other exception as it is."""
    found = OS_ERROR.search(str(error)) if type(error).__name__ == "SafetensorError" else None
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else error


def lighter(task: Task[Any], parameters: Any) -> dict[str, Any]:
    """Parameters that need less memory: half the mesh resolution, or the CPU once that is at its minimum."""
    if isinstance(parameters, MeshParameters):
        least = task.parameter("mesh_resolution").minimum
        half = max(int(least or 1), parameters.mesh_resolution // 2)
        if half < parameters.mesh_resolution:
            return {"mesh_resolution": half}
    return {} if getattr(parameters, "device", "cpu") == "cpu" else {"device": "cpu"}
