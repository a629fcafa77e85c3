# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is there whole or not at all, and a broken JSON file is None."""

import os
import time
from pathlib import Path

import pytest

from backend.interface.files import read_json, write_whole


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", [b"new", lambda path: path.write_bytes(b"new")], ids=["bytes", "writer"])
def test_a_file_is_replaced_and_nothing_else_is_left(data, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    (tmp_path / "a.bin.part").write_bytes(b"of somebody else")
    write_whole(tmp_path / "a.bin", data)
    assert (tmp_path / "a.bin").read_bytes() == b"new" and list_names(tmp_path) == ["a.bin", "a.bin.part"]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_whole(tmp_path / "a.bin", fail)
    assert (tmp_path / "a.bin").read_bytes() == b"old" and list_names(tmp_path) == ["a.bin"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):  # a folder cannot be replaced by a file
        write_whole(tmp_path / "folder", b"new")
    assert list_names(tmp_path) == ["a.bin", "folder"]


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff\xfe", b"[1]", b"7", b"[" * 100_000, b'{"a": "' + b"x" * 100 + b'"}']
)
def test_whatever_is_no_object_of_a_reasonable_size_is_none(content, tmp_path):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    assert read_json(tmp_path / "a.json", largest=200_000 if content and content[:1] == b"[" else 100) is None
    assert read_json(tmp_path) is None


def test_an_object_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ["\u00e4", 1.5]}', "utf-8")
    assert read_json(tmp_path / "a.json") == {"a": ["\u00e4", 1.5]}


def test_what_a_killed_process_left_of_a_file_is_removed_an_hour_later(tmp_path):
    """Whichever way the clock has gone since; a younger one may belong to another process that is still writing, and
    other names to others."""
    now = time.time()
    ages = {".a.bin.1-x.part": 7200, ".a.bin.2-x.part": -7200, ".a.bin.3-x.part": 60, ".b.bin.1-x.part": 7200}
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (now - age,) * 2)
    write_whole(tmp_path / "a.bin", b"new")
    assert list_names(tmp_path) == [".a.bin.3-x.part", ".b.bin.1-x.part", "a.bin"]
