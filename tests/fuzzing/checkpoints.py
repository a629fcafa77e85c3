# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of tensors: safetensors, PyTorch's pickles in zip files, and vocabularies."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from backend.interface.catalog import WeightsError
from backend.weights.formats.checkpoint import StoredTensor, read_file
from backend.weights.formats.sentence_pieces import read_sentence_pieces
from backend.weights.loaders.subjects import read_subject
from backend.weights.store import store
from tests.fuzzing.archives import mutate_zip
from tests.fuzzing.format import Files, Format
from tests.fuzzing.mutations import dump, mutate_bytes, mutate_json

LARGEST = 1 << 20  # numbers; larger tensors are claimed, not read
CALLS = (
    "os.system",
    "builtins.eval",
    "builtins.exec",
    "subprocess.Popen",
    "posix.system",
    "torch.load",
    "runpy.run_path",
)


def runs(name: str, text: str) -> bytes:
    """A pickle that calls a function, written by hand."""
    module, _, function = name.rpartition(".")
    return b"c%s\n%s\n(V%s\ntR." % (module.encode(), function.encode(), text.encode("raw_unicode_escape"))


@cache
def tensors() -> dict[str, torch.Tensor]:
    return {
        "a.weight": torch.arange(12.0).view(3, 4),
        "a.bias": torch.ones(3, dtype=torch.float16),
        "b": torch.ones(2, 2, dtype=torch.bfloat16),
        "count": torch.tensor(3),
        "word": torch.ones(5),
        "empty": torch.ones(0, 3),
    }


def floats() -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors().items() if tensor.is_floating_point()}


@cache
def checkpoint() -> bytes:
    stream = io.BytesIO()
    content = {"state_dict": tensors(), "epoch": 3, "config": {"name": "x", "sizes": (1, 2)}, "step": np.float64(1.5)}
    torch.save(content, stream)
    return stream.getvalue()


def change_entry(rng: Random, name: str, content: bytes) -> bytes:
    """Another pickle that runs a program, or claims too much; or a damaged one."""
    if not name.endswith("data.pkl") or rng.random() < 0.6:
        return mutate_bytes(rng, content)
    kind = rng.randrange(4)
    if kind == 0:
        return runs(rng.choice(CALLS), "touch trace")
    if kind == 1:
        return content.replace(b"torch._utils", rng.choice((b"os", b"builtins", b"numpy.core", b"torch.hub")))
    if kind == 2:
        deep = pickle.dumps([]) if rng.random() < 0.5 else b"(" * 100_000 + b"."
        return deep
    return b"\x80\x02" + rng.choice(
        (b"X\xff\xff\xff\x7f", b"]" + b"2" * 50 + b"e", b"K\x01r\xff\xff\xff\x7f.", b"\x8d" + b"\xff" * 8)
    )


def make_checkpoint(rng: Random) -> Files:
    return {"a.ckpt": mutate_zip(rng, checkpoint(), change_entry)}


def make_safetensors(rng: Random) -> Files:
    data = save(floats() if rng.random() < 0.5 else tensors(), {"format": "pt", "name": "<a>"})
    if rng.random() < 0.4:
        return {"a.safetensors": mutate_bytes(rng, data, [(0, 8)])}
    (length,) = struct.unpack_from("<Q", data)
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    text = dump(rng, mutate_json(rng, header))
    return {"a.safetensors": struct.pack("<Q", len(text)) + text + rest}


def read_tensors(file: Path) -> None:
    """Everything that is in the file, and nothing that is not."""
    store.is_whole(file)
    for stored in _all(read_file(file)):
        assert all(type(n) is int and n >= 0 for n in stored.shape)
        if np.prod([float(n) for n in stored.shape]) <= LARGEST:
            try:
                read = stored.read()
            except Exception as error:
                raise WeightsError(f"{file} cannot be read: {type(error).__name__}.", "Download it again.") from error
            assert tuple(read.shape) == stored.shape
            float(read.double().nan_to_num().abs().sum()) if not read.is_complex() else None


def _all(value: Any, depth: int = 0) -> list[StoredTensor]:
    if isinstance(value, StoredTensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [found for item in items for found in _all(item, depth + 1)] if depth < 20 else []


def spiece() -> bytes:
    """A vocabulary of SentencePiece: words with scores, and a table of characters."""

    def field(number: int, content: bytes) -> bytes:
        return bytes((number << 3 | 2, len(content))) + content

    words = [
        field(1, field(1, w.encode()) + b"\x15" + struct.pack("<f", -i)) for i, w in enumerate(("<pad>", "▁a", "ß"))
    ]
    return b"".join(words) + field(3, field(2, b"table"))


def make_spiece(rng: Random) -> Files:
    return {"spiece.model": mutate_bytes(rng, spiece())}


def read_spiece(folder: Path) -> None:
    words, characters = read_sentence_pieces(folder / "spiece.model")
    assert words and all(isinstance(word, str) and isinstance(score, float) for word, score in words)
    assert characters is None or isinstance(characters, bytes)


def read_one_subject(folder: Path) -> None:
    subject = read_subject(folder / "a.safetensors")
    assert subject.word.isfinite().all() and all(t.isfinite().all() for t in subject.changes.values())
    assert isinstance(subject.name, str) and isinstance(subject.kind, str)


def make_marker(rng: Random) -> Files:
    known = {"files": {"a.bin": {"size": 4, "sha256": "0" * 64}, "b/c.bin": {"size": 2, "sha256": "1" * 64}}}
    return {"complete.json": dump(rng, mutate_json(rng, known))}


def read_marker(folder: Path) -> None:
    for record in (store.read_marker(folder), store.read_record(folder)):
        assert all(type(v["size"]) is int and isinstance(v["sha256"], str) for v in record.values())


def prepare_marker(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "a.bin").write_bytes(b"1234")
    (folder / "b" / "c.bin").write_bytes(b"12")


def reads(name: str) -> Callable[[Path], None]:
    return lambda folder: read_tensors(folder / name)


CHECKPOINTS = (
    Format("safetensors", make_safetensors, reads("a.safetensors"), (WeightsError,)),
    Format("checkpoint", make_checkpoint, reads("a.ckpt"), (WeightsError,)),
    Format("subject", make_safetensors, read_one_subject, (WeightsError,)),
    Format("vocabulary", make_spiece, read_spiece, (ValueError,), is_shown=False),
    Format("marker", make_marker, read_marker, (), prepare_marker),
)
