# SPDX-License-Identifier: GPL-3.0-or-later
import errno

import numpy as np
import pytest
from safetensors import SafetensorError

from backend.interface.catalog import WeightsError
from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.interface.protocol import FAILURES
from backend.interface.tasks import NOVEL_VIEW, ONE2345
from backend.meshing.files import MeshFileError
from backend.process.failure import describe, lighter
from backend.runtime.progress import Cancelled

# As users have reported them; none of these needs the device to be raised here.
OUT_OF_MEMORY = [
    MemoryError(),
    np.exceptions.AxisError("Unable to allocate 3.00 GiB for an array with shape (1, 2)"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("HIP out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.05 GB, max allowed: 18.13 GB)"),
    RuntimeError("Invalid buffer size: 16.00 GB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
    ),
    RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("bad allocation"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    RuntimeError("can't start new thread"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:40])
def test_every_spelling_of_out_of_memory_is_recognised(error: Exception):
    failure = describe(error)
    assert failure.kind == "memory"
    assert "Lower Resolution" in failure.remedy


def test_out_of_memory_is_recognised_as_the_cause_of_another_error():
    try:
        try:
            raise MemoryError
        except MemoryError as inner:
            raise ValueError("the grid could not be made") from inner
    except ValueError as outer:
        assert describe(outer).kind == "memory"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (Cancelled(), "cancelled", "Cancelled"),
        (KeyboardInterrupt(), "cancelled", "Cancelled"),
        (FileNotFoundError("No such file or directory: /data/unet.safetensors"), "disk", "data folder"),
        (ModuleNotFoundError("No module named 'backend.engines.x'", name="backend.engines.x"), "disk", "data folder"),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk", "space"),
        (ImageError("The image is empty.", "Choose another."), "input", "Choose another."),
        (ParameterError("Steps is 0."), "parameter", "Steps is 0."),
        (WeightsError("unet is missing.", "Choose a folder."), "weights", "Choose a folder."),
        (MeshFileError("a.ply cannot be written.", "Free some space."), "disk", "Free some space."),
        (OSError(errno.ENOSPC, "No space left on device"), "disk", "No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere"), "disk", "/somewhere"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "environment", "torch"),
        (ZeroDivisionError("division\nby zero"), "internal", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_exception_is_described_by_kind_and_words(error: BaseException, kind: str, words: str):
    failure = describe(error)
    assert failure.kind == kind
    assert kind in FAILURES
    assert words in f"{failure.message} {failure.remedy}"


@pytest.mark.parametrize(
    ("task", "values", "lower"),
    [
        (ONE2345, {"mesh_resolution": 512}, {"mesh_resolution": 256}),
        (ONE2345, {"mesh_resolution": 40}, {"mesh_resolution": 32}),  # the least
        (ONE2345, {"mesh_resolution": 32}, {"device": "cpu"}),
        (ONE2345, {"mesh_resolution": 32, "device": "cpu"}, {}),
        (NOVEL_VIEW, {}, {"device": "cpu"}),
        (NOVEL_VIEW, {"device": "cpu"}, {}),
    ],
)
def test_only_parameters_above_their_minimum_are_suggested_to_be_lowered(task, values: dict, lower: dict):
    assert lighter(task, task.check(values)) == lower
