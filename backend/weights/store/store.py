# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds sets of weights on this machine and checks that they are complete. Never uses a network.

FOLDER/<id>/              a download; complete.json in it is written last, with the size and sha256 of every file
FOLDER/<id>/converted/    the same set as half precision safetensors, preferred over the download
FOLDER/<repository>/...   a copy that the user made of the published repository; a set of one file also as FOLDER/<file>
ENVIRONMENT/weights/<id>/ what Set Up Backend brought, in the environment of the interpreter that runs
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ...interface import catalog
from ...interface.catalog import Weights, WeightsError
from ...interface.errors import FULL, remedy_for
from ...interface.files import expand, parse_json, read_json, write_whole
from ...interface.installer import cutouts
from ...interface.installer.environment import NoHome, default_data_folder
from ...interface.parameters import nearest
from ...runtime.memory import is_memory

WEIGHTS = Path(__file__).resolve().parents[1]
STARTER, STARTER_TEXT = WEIGHTS / "starter", WEIGHTS / "starter_text"
MARKER, CONVERTED = "complete.json", "converted"
CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]  # (stage, bytes so far, total bytes); may raise to stop
Sum = dict[str, Any]  # {"size": bytes, "sha256": hex}
Sums = dict[str, Sum]  # by the path in the folder


class DiskError(Exception):
    """The disk has no room for weights, or cannot be written. error: the system's, which decides the remedy."""

    kind = "disk"

    def __init__(self, message: str, error: OSError | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy_for(error) if error else FULL


def weights_folder() -> Path:
    """Where sets of weights are kept: the environment variable IMAGE_TO_MESH_WEIGHTS, else in the data folder.

    Raises NoHome, and WeightsError where the variable names the home of nobody.
    """
    chosen = os.environ.get("IMAGE_TO_MESH_WEIGHTS", "").strip()
    if not chosen:
        return default_data_folder() / "weights"
    folder = expand(chosen)
    if folder.parts[0].startswith("~"):
        raise WeightsError(f"IMAGE_TO_MESH_WEIGHTS is {chosen[:200]}: there is no such user.", "Name another folder.")
    return folder


def has_folder() -> bool:
    """Whether weights can be kept at all: without a home folder, only those that ship are here. WeightsError."""
    try:
        return bool(weights_folder())
    except NoHome:
        return False


def folder_of(weights: Weights) -> Path:
    """The folder that a set is downloaded to."""
    return weights_folder() / weights.id


def locate(identity: str) -> Path | None:
    """The folder of a complete set of weights, None if there is none. ParameterError if the id is unknown.

    Files lie at their published paths in it, except in a converted folder.
    """
    place = next(places(catalog.weights(identity)), None)
    return place[0] if place else None


def find(weights: str, known: Collection[str], remedy: str) -> Path:
    """The file or folder of the weights that a user named: one of the `known` ids, or a path.

    The file itself for a set of one file. Raises WeightsError with `remedy`.
    """
    if weights in known:
        chosen, found = catalog.weights(weights), locate(weights)
        if found is None:
            raise WeightsError(f"{chosen.title} is not downloaded yet.", get(chosen))
        files = [found / file.path for file in chosen.files]
        return files[0] if len(files) == 1 and files[0].is_file() else found
    if not weights.strip():
        raise WeightsError("No weights are named.", remedy)
    path = expand(weights)
    with reading_weights():
        if not is_there(path):
            raise WeightsError(f"There are no weights {weights[:200]}{nearest(weights, list(known))}.", remedy)
        os.listdir(path) if path.is_dir() else path.open("rb").close()
    return path


def is_there(path: Path) -> bool:
    """Whether a file or folder exists; False for a name that none can have. OSError."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


@contextmanager
def reading_weights() -> Iterator[None]:
    """Turns the system's refusal to read a file, also deep in a folder, into a WeightsError. Decorates loaders too."""
    try:
        yield
    except OSError as error:
        if error.errno is None or is_memory(error):
            raise
        name = f" {error.filename}" if error.filename else ""
        text = f"The weights{name} cannot be read: {error.strerror}."
        raise WeightsError(text, remedy_for(error, "Check the permissions of the file and of its folder.")) from error


def places(weights: Weights) -> Iterator[tuple[Path, str]]:
    """(folder, origin) of every complete copy of a set, best first; origin: such as "downloaded"."""
    if not weights.repository:
        built_in = STARTER_TEXT if weights.part == "text" else STARTER
        if any(built_in.rglob("*.safetensors")):
            yield built_in, "built in"
        return
    if has_folder():
        folder = folder_of(weights)
        if read_marker(folder / CONVERTED):
            yield folder / CONVERTED, "converted"
        if {file.path for file in weights.files} <= read_marker(folder).keys():
            yield folder, "downloaded"
        for own in own_folders(weights):
            if all(is_published(own / file.path, file) for file in weights.files):
                yield own, "own folder"
    if (brought := in_environment(weights)) is not None:
        yield brought, "set up"
    if (cached := in_hugging_face_cache(weights)) is not None:
        yield cached, "Hugging Face cache"


def own_folders(weights: Weights) -> list[Path]:
    """Folders where a user may have put a copy. Only a set of one file is recognised outside a folder of its own."""
    folder = weights_folder()
    return [folder / PurePosixPath(weights.repository).name, *([folder] if len(weights.files) == 1 else [])]


def in_environment(weights: Weights) -> Path | None:
    """The folder of a set that Set Up Backend put into the environment that runs, None without one."""
    folder = cutouts.folder_in(Path(sys.prefix)).with_name(weights.id)
    return folder if weights.files and all(is_published(folder / file.path, file) for file in weights.files) else None


def in_hugging_face_cache(weights: Weights) -> Path | None:
    """The snapshot in the Hugging Face cache that has the whole set; half downloads have no name there."""
    if "://" in weights.repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    for file in weights.files:
        found = try_to_load_from_cache(weights.repository, file.path)
        if not isinstance(found, str) or (file.size and os.path.getsize(found) != file.size):
            return None
    first = weights.files[0].path
    return Path(str(try_to_load_from_cache(weights.repository, first))).parents[first.count("/")]


def is_published(path: Path, file: catalog.File) -> bool:
    """Whether a file without a marker is complete, by its published size, else by its own structure."""
    try:
        if not path.is_file():
            return False
    except OSError:  # a folder that may not be read holds nothing for us
        return False
    return path.stat().st_size == file.size if file.size else is_whole(path)


def is_whole(path: Path) -> bool:
    """Whether a safetensors, zip (PyTorch) or JSON file has the length that its structure implies; else False."""
    try:
        if path.suffix == ".json":
            return read_json(path) is not None
        if path.suffix != ".safetensors":
            return zipfile.is_zipfile(path)
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = parse_json(stream.read(min(length, path.stat().st_size)))
        if header is None:
            return False
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return path.stat().st_size == 8 + length + max(ends, default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error):
        return False


def read_marker(folder: Path) -> Sums:
    """The files in a folder's marker, empty unless all of them exist with their sizes."""
    sums = read_record(folder)
    try:
        return sums if all((folder / path).stat().st_size == known["size"] for path, known in sums.items()) else {}
    except OSError:
        return {}


def read_record(folder: Path) -> Sums:
    """The files in a folder's marker, unchecked; empty if there is no marker."""
    sums = (read_json(folder / MARKER) or {}).get("files") or {}
    try:
        return {str(path): {"size": int(known["size"]), "sha256": str(known["sha256"])} for path, known in sums.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_marker(folder: Path, sums: Sums) -> None:
    """Mark a folder as complete."""
    write_whole(folder / MARKER, json.dumps({"files": sums}, indent=1).encode())


def sum_files(folder: Path, paths: list[str], progress: Progress) -> Sums:
    """Size and sha256 of files in a folder. Raises OSError."""
    total, done, sums = sum((folder / path).stat().st_size for path in paths), 0, {}
    for path in paths:
        digest, before = hashlib.sha256(), done
        with (folder / path).open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                done += len(chunk)
                progress(f"Checking {path}", done, total)
        sums[path] = {"size": done - before, "sha256": digest.hexdigest()}
    return sums


def verify(weights: Weights, progress: Progress) -> Path:
    """Read every file of a set and compare it with the published sha256, or with the one it had when it was downloaded.

    Files that somebody put into the set's folder become the set if they pass; a damaged file of a download is deleted.
    Returns the folder. Raises WeightsError, OSError.
    """
    folder = locate(weights.id) or folder_of(weights)
    if folder == STARTER:
        return folder
    recorded = read_record(folder)
    published = {} if folder.name == CONVERTED else {file.path: file for file in weights.files}
    paths = list(published or recorded)
    if lacking := [path for path in paths if not (folder / path).is_file()]:
        raise WeightsError(f"{weights.title} is incomplete: {lacking[0]} is missing in {folder}.", get(weights))
    sums = sum_files(folder, paths, progress)
    for path, found in sums.items():
        check_sum(weights, folder / path, found, published.get(path), recorded.get(path))
    if folder == folder_of(weights) and not recorded:
        write_marker(folder, sums)
    return folder


def check_sum(weights: Weights, path: Path, found: Sum, published: catalog.File | None, recorded: Sum | None) -> None:
    """Raise WeightsError if a file's size or sha256 is wrong, or if none is known for it."""
    known = [recorded] if recorded else []
    known += [{"size": published.size, "sha256": published.sha256}] if published else []
    if any(wanted[key] not in (None, found[key]) for wanted in known for key in ("size", "sha256")):
        if folder_of(weights) in path.parents:  # ours: the next download brings this file anew
            path.unlink()
        raise WeightsError(f"{weights.title} is damaged: {path} is not what was published.", get(weights))
    if not recorded and not (published and (published.size or published.sha256)) and not is_whole(path):
        raise WeightsError(f"No checksum is known for {path}.", get(weights))


def get(weights: Weights) -> str:
    """The remedy for a missing set of weights."""
    return f"Download it in the preferences, or with: models download {weights.id}"


def partial(weights: Weights) -> int:
    """Bytes of an unfinished download."""
    if not has_folder() or read_marker(folder := folder_of(weights)):
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and CONVERTED not in path.parts)


def remove(weights: Weights) -> int:
    """Delete the download of a set, finished or not, and its conversion; returns the bytes freed.

    A copy in the user's own folder or in the Hugging Face cache belongs to others and stays. Raises WeightsError.
    """
    if not weights.repository:
        raise WeightsError("The starter weights belong to the extension.", "Remove the extension to remove them.")
    folder = folder_of(weights)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    for marker in (folder / MARKER, folder / CONVERTED / MARKER):
        marker.unlink(missing_ok=True)  # first: half a folder must not look whole
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        place = locate(weights.id)
        reason = f"{place} is not ours to delete" if place else "it is not here"
        remedy = "Delete the folder yourself if nothing else needs it." if place else ""
        raise WeightsError(f"{weights.title} cannot be removed: {reason}.", remedy) from None
    except OSError as error:
        remedy = remedy_for(error, "Close other Blender windows and try again.")
        raise WeightsError(f"{folder} cannot be deleted: {error.strerror or error}.", remedy) from error
    return size
