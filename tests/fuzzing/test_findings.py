# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs that fuzzing found, made again here by their cause: each is refused with a sentence, or read as what it is."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.weights.store.store import is_whole
from tests.fuzzing.format import Files, check, fresh_folder
from tests.fuzzing.formats import FORMATS
from tests.fuzzing.pictures import seeds
from tests.fuzzing.views import transforms
from tests.fuzzing.walls import Walls

WALLS = Walls()
DEEP = b"[" * 100_000


def views(change: Callable[[dict], object]) -> Files:
    tree = transforms()
    change(tree)
    return {"transforms.json": json.dumps(tree).encode()}


def named(name: str) -> Files:
    return views(lambda tree: tree["frames"][1].update(file_path=name))


def npz(name: str, header: bytes) -> Files:
    """An array with this header, written by hand, and three numbers."""
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{name}.npy", start + bytes(12))
    return {"a": stream.getvalue()}


def safetensors(header: bytes) -> Files:
    return {"a.safetensors": struct.pack("<Q", len(header)) + header}


REFUSED = {
    "a view's name is too long": ("transforms", named("x" * 300)),
    "a view's name is half of a UTF-16 pair": ("transforms", named("\ud800.png")),
    "a view's name has line breaks": ("transforms", named("\n\n")),
    "a view lies on a share": ("transforms", named("\\\\host\\share\\0.png")),
    "a view is an address": ("transforms", named("smb://host/0.png")),
    "a view lies above": ("transforms", named("../outside.png")),
    "a camera is too far for float32": (
        "transforms",
        views(lambda tree: tree["frames"][0]["transform_matrix"][0].__setitem__(3, 1e300)),
    ),
    "pixels claim 160 GB": ("pixels", npz("image", b"{'descr': '<f4', 'fortran_order': False, 'shape': (9**11,)}\n")),
    "pixels claim 640 GB": (
        "pixels",
        npz("image", b"{'descr': '<f4', 'fortran_order': False, 'shape': (171798691760,), }\n"),
    ),
    "an array's header has no end": ("pixels", npz("image", b"{'descr': '<f8', \0\0\0\0" + bytes(600))),
    "an array's header is too long": ("pixels", npz("image", b"{'descr': '<f4'" + b" " * 11_000 + b"}\n")),
    "a mesh holds words": (
        "packed mesh",
        npz("vertices", b"{'descr': '|S9', 'fortran_order': False, 'shape': (1,), }\n"),
    ),
    "a list of tensors is too deep": ("safetensors", safetensors(b'{"a":' + DEEP)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence(name, tmp_path):
    format_name, files = REFUSED[name]
    [chosen] = [chosen for chosen in FORMATS if chosen.name == format_name]
    assert check(chosen, files, fresh_folder(chosen, tmp_path / "in"), WALLS) == "refused"


def test_a_file_whose_list_of_tensors_is_too_deep_is_not_whole(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors(b'{"a":' + DEEP)["a.safetensors"])
    assert not is_whole(path)
    path.write_bytes(safetensors(b"{}")["a.safetensors"])
    assert is_whole(path)


def test_the_orientation_in_a_damaged_png_changes_no_length(tmp_path):
    """The chunk's length reaches beyond the file's end."""
    sound = next(data for data in seeds("PNG") if b"eXIf" in data)
    at = sound.index(b"eXIf") - 4
    data = sound[:at] + struct.pack(">I", len(sound)) + sound[at + 4 :]
    [chosen] = [chosen for chosen in FORMATS if chosen.name == "orientation in Blender"]
    assert check(chosen, {"a": data}, fresh_folder(chosen, tmp_path / "in"), WALLS) == "read"


def test_what_is_sound_is_read(tmp_path):
    [chosen] = [chosen for chosen in FORMATS if chosen.name == "transforms"]
    assert check(chosen, views(lambda tree: None), fresh_folder(chosen, tmp_path / "in"), WALLS) == "read"
    [chosen] = [chosen for chosen in FORMATS if chosen.name == "pixels"]
    stream = io.BytesIO()
    np.savez(stream, image=np.ones((16, 16, 4), np.float32))
    assert check(chosen, {"a": stream.getvalue()}, fresh_folder(chosen, tmp_path / "in"), WALLS) == "read"
