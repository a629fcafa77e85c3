# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads SentencePiece's spiece.model, the only form in which DeepFloyd IF publishes T5's vocabulary.

It is a Protocol Buffers message; reading its two fields here saves a dependency.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

LARGEST = 1 << 26  # bytes; T5's has less than a million
PIECES, NORMALIZER = 1, 3  # fields of the message
PIECE, SCORE, CHARACTERS = 1, 2, 2  # fields within those


def read_sentence_pieces(file: Path) -> tuple[list[tuple[str, float]], bytes | None]:
    """Words with their scores in the order of their ids, and what characters become. ValueError, OSError."""
    with file.open("rb") as stream:
        data = stream.read(LARGEST)
    pieces: list[tuple[str, float]] = []
    characters: bytes | None = None
    for number, value in fields(data):
        if number == PIECES and isinstance(value, bytes):
            piece = dict(fields(value))
            text, score = piece.get(PIECE, b""), piece.get(SCORE, bytes(4))
            if not isinstance(text, bytes) or not isinstance(score, bytes) or len(score) != 4:
                raise ValueError("invalid vocabulary entry")
            pieces.append((text.decode("utf-8"), struct.unpack("<f", score)[0]))
        elif number == NORMALIZER and isinstance(value, bytes):
            found = dict(fields(value)).get(CHARACTERS)
            characters = found if isinstance(found, bytes) and found else None
    if not pieces:
        raise ValueError("it holds no words")
    return pieces, characters


def fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of every field of a message: an int, or the bytes of anything else. ValueError."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0 or at + size > len(data):
            raise ValueError("it is incomplete or damaged")
        yield key >> 3, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends. ValueError."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError("it is incomplete or damaged")
