# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to bytes, JSON and text that damaged and hostile files have.

Every function draws from a `random.Random`: hypothesis hands in one whose numbers it can shrink, and Blender's Python,
which has no hypothesis, one of its own.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

EDGES = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
PATHS = (
    "../outside.png",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "~/.ssh/id_rsa",
    "C:\\Windows\\win.ini",
    "\\\\host\\share\\a.png",
    "//host/share/a.png",
    "\\/host/share/a.png",
    "\\\\?\\UNC\\host\\share\\a.png",
    "////host/share/a.png",
    "//\\\\host\\share\\a.png",
    "smb://host/share/a.png",
    "file:///etc/passwd",
    "file://host/share/a.png",
    "http://host/a.png",
    "CON",
    "a\0b.png",
    "|true",
    "$(touch trace)",
)
WORDS = ("", " ", "x" * 5000, "\ud800", "ﷺ\u202e\u0000", "NaN", "-1", "__class__", "{0.__init__}", "%s%n", "\n\n")
NUMBERS = (*EDGES, -1, -(2**31), -(2**63), 10**30, 0.0, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), 0.5)
NUMBER = re.compile(rb"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
DEPTH = 200  # levels of a nested list; Python's own limit is 1,000 calls
COUNTS = (1, 1, 1, 2, 4)  # changes
DEEPEST = 100_000  # levels of one that no parser follows


def odd_value(rng: Random) -> Any:
    """Something that stands where something else is expected."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice((None, True, False, [], {}, [None], {"a": 1}, [[]], [0] * 1000))
    if kind == 1:
        return rng.choice(PATHS)
    if kind == 2:
        return rng.choice(WORDS)
    return nested(rng.choice((3, DEPTH))) if kind == 3 and rng.random() < 0.3 else rng.choice(NUMBERS)


def nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The path to everything in a JSON value, below its top."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in ((*path, key), *places(item, (*path, key)))]


def mutate_json(rng: Random, value: Any) -> Any:
    """A copy with one to four changes: values replaced, removed, copied elsewhere, or put twice."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice(COUNTS)):
        known = places(value)
        if not known:
            return odd_value(rng)
        *above, last = rng.choice(known)
        holder = value
        for key in above:
            holder = holder[key]
        change = rng.randrange(8)
        if change == 0:
            del holder[last]
        elif change == 1:
            holder[last] = copy.deepcopy(_at(value, rng.choice(known)))
        elif change == 2 and isinstance(holder, list):
            holder.extend(holder[last : last + 1] * rng.choice((1, 3, 600)))
        elif change == 3 and isinstance(holder[last], (int, float)) and not isinstance(holder[last], bool):
            factor = rng.choice((-1, 2, 10, 1000, 10**6, 0.5))
            holder[last] = type(holder[last])(holder[last] * factor)
        else:
            holder[last] = odd_value(rng)
    return value


def _at(value: Any, path: Sequence) -> Any:
    for key in path:
        value = value[key]
    return value


def dump(rng: Random, value: Any) -> bytes:
    """A JSON text, of which one in eight is damaged as a text, too."""
    text = json.dumps(value).encode()
    if rng.randrange(8):
        return text
    change = rng.randrange(5)
    if change == 0:
        return b'{"a":' + b"[" * DEEPEST
    if change == 1:
        return b"\xef\xbb\xbf" + text
    if change == 2:
        return text.decode().encode("utf-16")
    if change == 3:
        return text + text
    return mutate_bytes(rng, text)


def mutate_bytes(rng: Random, data: bytes, fields: Sequence[tuple[int, int]] = (), other: bytes = b"") -> bytes:
    """One to four changes to bytes. fields: (offset, size) of numbers in a header, which half of the changes hit.
    other: a file of another kind, of which a piece may get in."""
    changed = bytearray(data)
    for _ in range(rng.choice(COUNTS)):
        if not changed:
            return b""
        if fields and rng.random() < 0.5:
            offset, size = rng.choice(fields)
            write_number(rng, changed, offset, size)
        else:
            rng.choice(CHANGES)(rng, changed, other)
    return bytes(changed)


def write_number(rng: Random, data: bytearray, offset: int, size: int) -> None:
    """Overwrite a number by an edge case, or by one that is a little off."""
    if offset < 0 or offset + size > len(data):
        return
    order = rng.choice(("little", "big"))
    now = int.from_bytes(data[offset : offset + size], order)
    new = now + rng.choice((-1, 1, 2)) if rng.random() < 0.3 else rng.choice(EDGES)
    data[offset : offset + size] = (new % (1 << 8 * size)).to_bytes(size, order)


def flip_bit(rng: Random, data: bytearray, other: bytes) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_byte(rng: Random, data: bytearray, other: bytes) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def set_number(rng: Random, data: bytearray, other: bytes) -> None:
    write_number(rng, data, rng.randrange(len(data)), rng.choice((1, 2, 4, 8)))


def truncate(rng: Random, data: bytearray, other: bytes) -> None:
    del data[rng.randrange(len(data)) :]


def remove(rng: Random, data: bytearray, other: bytes) -> None:
    start = rng.randrange(len(data))
    del data[start : start + 1 + rng.randrange(64)]


def repeat(rng: Random, data: bytearray, other: bytes) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + 1 + rng.randrange(64)] * rng.choice((1, 2, 50))


def insert(rng: Random, data: bytearray, other: bytes) -> None:
    start = rng.randrange(len(data))
    if other:
        first = rng.randrange(len(other))
        data[start:start] = other[first : first + 64]
    else:
        data[start:start] = rng.choice((b"\0", b"\xff", b" ", b"\n", b"[", b'"')) * rng.choice((1, 16, 300))


def swap(rng: Random, data: bytearray, other: bytes) -> None:
    first, second = rng.randrange(len(data)), rng.randrange(len(data))
    piece = data[first : first + 16]
    data[first : first + 16] = data[second : second + 16]
    data[second : second + len(piece)] = piece


CHANGES: tuple[Callable[[Random, bytearray, bytes], None], ...] = (
    flip_bit,
    flip_bit,
    set_byte,
    set_number,
    set_number,
    truncate,
    remove,
    repeat,
    insert,
    swap,
)


def mutate_text(rng: Random, data: bytes) -> bytes:
    """Changes to a text of words and numbers: a number replaced, a line twice, gone or elsewhere, a path for a name;
    or to its bytes."""
    for _ in range(rng.choice(COUNTS)):
        lines = data.split(b"\n")
        at, change = rng.randrange(len(lines)), rng.randrange(6)
        if change <= 1 and (numbers := list(NUMBER.finditer(lines[at]))):
            found = rng.choice(numbers)
            new = str(rng.choice((*NUMBERS, "1e400", "0x10", "", "1,5", "٣"))).encode()
            lines[at] = lines[at][: found.start()] + new + lines[at][found.end() :]
        elif change == 2:
            lines[at:at] = [lines[at]] * rng.choice((1, 2, 100))
        elif change == 3:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        elif change == 4:
            word = str(rng.choice((*PATHS, *WORDS))).encode("utf-8", "surrogatepass")
            lines[at] = lines[at].split(b" ")[0] + b" " + word
        else:
            return mutate_bytes(rng, data)
        data = b"\n".join(lines)
    return data
