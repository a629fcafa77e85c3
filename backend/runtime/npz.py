# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks npz files that others wrote."""

from __future__ import annotations

import io
import math
import zipfile

from numpy.lib import format


def check_npz(data: bytes) -> None:
    """ValueError if an array's header claims more numbers than the file holds: numpy would ask the system for memory
    for all of them first. Raises whatever zipfile and numpy raise for a damaged file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as stream:
                version = format.read_magic(stream)
                read = format.read_array_header_1_0 if version == (1, 0) else format.read_array_header_2_0
                shape, _, dtype = read(stream)
                left = entry.file_size - stream.tell()
            if math.prod(shape) * dtype.itemsize > left:
                raise ValueError(f"{entry.filename[:100]} is incomplete")
