# SPDX-License-Identifier: GPL-3.0-or-later
"""Zip files that are sound around what is hostile in them: npz, and PyTorch's checkpoints."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from random import Random

from tests.fuzzing.mutations import mutate_bytes, mutate_text

Change = Callable[[Random, str, bytes], bytes]


def rewrite(rng: Random, data: bytes, change: Change) -> bytes:
    """A zip file with `change` done to one of its entries, which may also be named otherwise, missing or twice."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = rng.randrange(len(entries))
    kind, (name, content) = rng.randrange(10), entries[at]
    if kind == 0:
        del entries[at]
    elif kind == 1:
        entries[at] = rng.choice(("../a", "/a", "a/../../b", "", "x" * 300, entries[-1][0])), content
    elif kind == 2:
        entries.append(entries[at])
    else:
        entries[at] = name, change(rng, name, content)
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if rng.randrange(10) == 0 else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def mutate_zip(rng: Random, data: bytes, change: Change) -> bytes:
    """`rewrite`, or in one of four cases damage to the zip file itself."""
    return mutate_bytes(rng, data) if rng.randrange(4) == 0 else rewrite(rng, data, change)


def change_npy(rng: Random, name: str, content: bytes) -> bytes:
    """A change to an array's header, with the right length before it, or anywhere."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, content)
    (length,) = struct.unpack_from("<H", content, 8)
    header, rest = content[10 : 10 + length], content[10 + length :]
    swaps = ((b"f4", b"O8"), (b"f4", b"f2"), (b"f4", b"S9"), (b"f4", b"M8"), (b"u1", b"c16"), (b"False", b"True"))
    old, new = rng.choice(swaps)
    header = header.replace(old, new) if rng.random() < 0.5 else mutate_text(rng, header)
    return content[:8] + struct.pack("<H", len(header) & 0xFFFF) + header + rest


def mutate_npz(rng: Random, data: bytes) -> bytes:
    return mutate_zip(rng, data, change_npy)
