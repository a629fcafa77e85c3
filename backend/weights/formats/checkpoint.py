# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of tensors without running anything they hold and without reading a tensor before it is asked for.

Checkpoints of PyTorch are zip files: a pickle that describes, and one entry for the numbers of each tensor. Only
tensors and plain containers are rebuilt from the pickle; objects of any other class become inert.
"""

from __future__ import annotations

import io
import math
import mmap
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from .stand_ins import PEEK, find_stand_in

REMEDY = "Download the file again, or choose other weights."
LARGEST_PICKLE = 1 << 28  # bytes; that of the published 15.5 GB checkpoints takes less than one in a thousand of it
STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
RUNNING = set(  # modules that no published checkpoint names; a pickle that does wants to run a program
    "builtins __builtin__ code commands ctypes importlib marshal nt os pickle posix pty runpy shutil socket subprocess "
    "sys webbrowser".split()
)
HARMLESS = set("bool bytearray bytes complex dict float frozenset int list object set slice str tuple".split())
SAFETENSORS_TYPES = {  # any other is of a kind that no network takes
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class StoredTensor(NamedTuple):
    """A tensor in a file; `read` copies nothing but its own numbers into memory."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None
    read: Callable[[], Tensor]


def read_file(path: Path, remedy: str = REMEDY) -> dict[Any, Any]:
    """The content of a checkpoint or safetensors file, with a StoredTensor in place of each tensor.

    Raises WeightsError with the remedy.
    """
    try:
        if path.exists() and not path.is_file():  # nobody writes into a pipe
            raise ValueError("it is not a file")
        with path.open("rb") as stream:
            start = stream.read(PEEK)
        if start[:2] == b"PK":
            content = _read_zip(path)
        elif start[8:9] == b"{":
            content = _read_safetensors(path)
        else:
            raise ValueError(_what_else(start))
    except Exception as error:  # a hostile pickle can raise anything
        raise WeightsError(f"{path} cannot be read as weights: {_reason(error)}.", remedy) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds {type(content).__name__} and no weights.", remedy)
    return content


def tensors_in(content: dict[Any, Any], *keys: str) -> dict[str, StoredTensor]:
    """The tensors of a checkpoint: in the dictionary under the first of `keys` that it has, else beside each other."""
    state = next((content[key] for key in keys if isinstance(content.get(key), dict)), content)
    return {str(name): tensor for name, tensor in state.items() if isinstance(tensor, StoredTensor)}


def _what_else(start: bytes) -> str:
    if other := find_stand_in(start):
        return other
    if start[:1] == b"\x80" or b"\0\0" in start:
        return "it is in PyTorch's format from before 2020, which is not supported. Save it anew with a later PyTorch"
    return "it is neither a checkpoint of PyTorch nor a safetensors file"


def _reason(error: Exception) -> str:
    if isinstance(error, (zipfile.BadZipFile, SafetensorError, EOFError)):
        return "it is incomplete or damaged"
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return one_line(error)


def _read_safetensors(path: Path) -> dict[str, StoredTensor]:
    def read(name: str) -> Tensor:
        with safe_open(path, framework="pt") as file:  # anew for each, so that what was read leaves the memory
            return file.get_tensor(name)

    with safe_open(path, framework="pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}
        return {
            name: StoredTensor(tuple(part.get_shape()), SAFETENSORS_TYPES.get(part.get_dtype()), partial(read, name))
            for name, part in parts.items()
        }


def _read_zip(path: Path) -> Any:
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1 or entries[pickles[0]].file_size > LARGEST_PICKLE:
            raise ValueError("it is no checkpoint of PyTorch")
        root = pickles[0].removesuffix("data.pkl")
        if root + "byteorder" in entries and archive.read(root + "byteorder") != b"little":
            raise ValueError("it was written by a computer of another kind (big-endian)")
        numbers = {n.removeprefix(root + "data/"): info for n, info in entries.items() if n.startswith(root + "data/")}
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return _Reader(archive.read(pickles[0]), path, mapped, numbers).load()


class _Inert:
    """Stands for an object of a class that is not rebuilt."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def _take(self, *_: Any) -> None: ...

    append = extend = add = __setitem__ = _take


class _Storage(NamedTuple):
    dtype: torch.dtype
    start: int  # of its first byte in the file
    count: int


class _Reader(pickle._Unpickler):  # the one in Python: the one in C can be made to take any amount of memory
    def __init__(self, pickled: bytes, path: Path, mapped: mmap.mmap, numbers: dict[str, zipfile.ZipInfo]) -> None:
        super().__init__(io.BytesIO(pickled), encoding="utf-8")
        self.path, self.mapped, self.numbers = path, mapped, numbers

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] in RUNNING and name not in HARMLESS:
            raise ValueError(f"it tries to run a program ({module}.{name}), which was not done")
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _first
        return STORAGES.get(name, _Inert) if module == "torch" else _Inert

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(count, int) or count < 0:
            raise ValueError("it holds tensors of an unknown kind")
        info = self.numbers.get(str(key))
        if info is None or info.compress_type != zipfile.ZIP_STORED or count * dtype.itemsize > info.file_size:
            raise ValueError("the numbers of a tensor are missing")
        name, extra = struct.unpack_from("<HH", self.mapped, info.header_offset + 26)
        start = info.header_offset + 30 + name + extra
        if start + info.file_size > len(self.mapped):
            raise EOFError
        return _Storage(dtype, start, count)

    def rebuild(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> StoredTensor:
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(type(n) is int and 0 <= n < 1 << 48 for n in numbers):
            raise ValueError("it holds an invalid tensor")
        if len(shape) != len(strides):
            raise ValueError("a tensor's shape and strides do not match")
        path = self.path
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if math.prod(shape) and (last >= storage.count or math.prod(shape) > storage.count):  # strides may be 0
            raise ValueError("a tensor is larger than its numbers")

        def read() -> Tensor:
            values = _view(path, storage)
            return values.as_strided(shape, strides, offset) if math.prod(shape) else values.new_empty(shape)

        return StoredTensor(tuple(shape), storage.dtype, read)

    def ignore_state(self) -> None:
        self.stack.pop()  # type: ignore[attr-defined]

    dispatch = pickle._Unpickler.dispatch | {pickle.BUILD[0]: ignore_state}  # type: ignore[attr-defined]


def _first(value: Any, *_: Any) -> Any:
    return value


def _view(path: Path, storage: _Storage) -> Tensor:
    """The numbers on disk; only they are mapped, and only as long as the tensor lives."""
    size = storage.count * storage.dtype.itemsize
    if not size:
        return torch.empty(0, dtype=storage.dtype)
    before = storage.start % mmap.ALLOCATIONGRANULARITY
    with path.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), before + size, access=mmap.ACCESS_READ, offset=storage.start - before)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given buffer is not writable")
        values = torch.frombuffer(mapped, dtype=torch.uint8, count=size, offset=before)
    if values.data_ptr() % storage.dtype.itemsize:
        values = values.clone()
    return values.view(storage.dtype)
