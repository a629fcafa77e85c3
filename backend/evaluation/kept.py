# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluated objects on disk, so that an interrupted evaluation goes on where it stopped."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..interface.files import read_json, write_whole
from ..interface.parameters import ParameterError
from ..runtime.images import to_bytes
from .scoring import Evaluated

SETTINGS = "settings.json"


def open_folder(folder: Path, settings: dict[str, Any], resume: bool) -> None:
    """Make a folder for objects evaluated with these settings, and empty it unless they are to be gone on with.

    Raises ParameterError where it holds objects that were evaluated with others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = read_json(folder / SETTINGS)
    if resume and found not in (None, settings):
        raise ParameterError(f"{folder} was made with other settings: {json.dumps(found)}.")
    if not resume:
        for path in folder.glob("*.npz"):
            path.unlink()
    write_whole(folder / SETTINGS, json.dumps(settings).encode())


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.npz"


def is_there(folder: Path, name: str) -> bool:
    """Whether the object has been evaluated."""
    return path_of(folder, name).is_file()


def save(folder: Path, one: Evaluated) -> None:
    """Write the object's scores, features and sheet, whole or not at all."""
    stream = io.BytesIO()
    features = {f"features {name}": values.astype(np.float32) for name, values in one.features.items()}
    arrays: dict[str, Any] = {"scores": np.array(json.dumps(one.scores)), "sheet": to_bytes(one.sheet), **features}
    np.savez_compressed(stream, **arrays)
    write_whole(path_of(folder, one.name), stream.getvalue())


def load(folder: Path, name: str) -> Evaluated:
    """Read what `save` wrote."""
    with np.load(path_of(folder, name), allow_pickle=False) as file:
        features = {key.removeprefix("features "): file[key] for key in file.files if key.startswith("features ")}
        return Evaluated(name, json.loads(str(file["scores"])), features, file["sheet"] / np.float32(255))
