# SPDX-License-Identifier: GPL-3.0-or-later
import ast
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.interface import protocol
from backend.interface.protocol import FrameError, read_frame, write_frame
from tests.support import ROOT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.dictionaries(st.text().filter(lambda key: key != "attachments"), JSON, max_size=5).map(
    lambda m: m | {"type": "test"}
)


@given(st.lists(st.tuples(MESSAGES, st.dictionaries(st.text(), st.binary(max_size=300), max_size=3)), max_size=4))
def test_frames_come_back_in_order_and_unchanged(frames):
    stream = io.BytesIO()
    for message, attachments in frames:
        write_frame(stream, message, attachments)
    stream.seek(0)
    assert [read_frame(stream) for _ in frames] == frames
    assert read_frame(stream) is None


def test_the_bytes_of_a_frame_are_as_documented():
    stream = io.BytesIO()
    write_frame(stream, {"type": "preview", "job": "a"}, {"views": b"12\n4", "mesh": b""})
    line, _, rest = stream.getvalue().partition(b"\n")
    listed = [{"name": "views", "size": 4}, {"name": "mesh", "size": 0}]
    assert json.loads(line) == {"type": "preview", "job": "a", "attachments": listed}
    assert rest == b"12\n4"


@given(st.binary(max_size=400))
def test_garbage_is_a_frame_error_or_the_end(data):
    stream = io.BytesIO(data)
    try:
        assert data == b"" or read_frame(stream) is not None
    except FrameError:
        pass


@given(st.binary(max_size=20), st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_damaged_frame_never_raises_anything_else(data, place, value):
    stream = io.BytesIO()
    write_frame(stream, {"type": "result", "job": "x"}, {"mesh": data})
    damaged = bytearray(stream.getvalue())
    damaged[place % len(damaged)] = value
    stream = io.BytesIO(bytes(damaged))
    try:
        while read_frame(stream) is not None:
            pass
    except FrameError:
        pass


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"type": 1}\n',
        b'{"type": "x"}',  # cut off
        b'{"type": "x", "attachments": 3}\n',
        b'{"type": "x", "attachments": [{"name": "a", "size": -1}]}\n',
        b'{"type": "x", "attachments": [{"name": "a", "size": true}]}\n',
        b'{"type": "x", "attachments": [{"name": "a", "size": 1.0}]}\n',
        b'{"type": "x", "attachments": [{"name": 1, "size": 0}]}\n',
        b'{"type": "x", "attachments": [{"name": "a", "size": 0}, {"name": "a", "size": 0}]}\n',
        b'{"type": "x", "attachments": [{"name": "a", "size": 9}]}\nshort',
        b'{"type": "x", "value": NaN}\n',
        b'{"type": "x", "value": 1' + b"0" * 5000 + b"}\n",
        b'{"type": "x", "value": ' + b"[" * 100000 + b"]" * 100000 + b"}\n",
        b'{"type": "\xff"}\n',
        b"Loading checkpoint shards: 100%\n",
    ],
)
def test_malformed_frames_are_refused(line):
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(line))


class Endless(io.BytesIO):
    """A stream that would give bytes for ever, and counts what is taken."""

    def __init__(self, line: bytes):
        self.line, self.taken = line, 0

    def readline(self, size=-1):
        assert size > 0, "a line without a limit"
        return (self.line or b"x" * size)[:size]

    def read(self, size=-1):
        self.taken += size
        return b"\0" * size


def test_excessive_sizes_are_refused_before_the_payload_is_read():
    for sizes in (
        [protocol.MAX_BYTES + 1],
        [protocol.MAX_BYTES // 2 + 1] * 2,
        [10**30],
        [0] * (protocol.MAX_ATTACHMENTS + 1),
    ):
        listed = [{"name": str(i), "size": size} for i, size in enumerate(sizes)]
        stream = Endless(json.dumps({"type": "x", "attachments": listed}).encode() + b"\n")
        with pytest.raises(FrameError):
            read_frame(stream)
        assert stream.taken == 0


def test_an_endless_line_is_refused():
    with pytest.raises(FrameError):
        read_frame(Endless(b""))


def test_the_writer_refuses_frames_that_readers_refuse():
    for message in ({"type": "x", "text": "a" * protocol.MAX_LINE}, {"no": "type"}):
        stream = io.BytesIO()
        with pytest.raises(FrameError):
            write_frame(stream, message)
        assert stream.getvalue() == b""


def test_environment_drops_variables_that_break_another_python():
    harmful = (
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
        "VIRTUAL_ENV",
    )
    kept = {"PATH": "/bin", "HOME": "/home/tést", "CUDA_VISIBLE_DEVICES": "1", "HTTPS_PROXY": "proxy"}
    made = protocol.environment(kept | dict.fromkeys(harmful, "/nowhere"))
    assert not set(made) & set(harmful)
    assert kept.items() <= made.items()
    assert made["HF_HUB_OFFLINE"] == "1"


def test_interface_needs_nothing_but_the_standard_library():
    """Blender's Python imports it, under another package name: so no third-party modules and no absolute imports."""
    for path in (ROOT / "backend" / "interface").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, f"{path.name} imports from above"
                names = [node.module or ""] if node.level == 0 else []
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"
