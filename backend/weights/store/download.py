# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads sets of weights on the user's request.

By urllib: huggingface_hub's downloader cannot be stopped within a second, checks no sha256, and knows one site.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import threading
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from ...interface.catalog import Weights, WeightsError
from ...interface.files import PART
from ...interface.installer import environment
from . import store
from .hub import Facts, changed, find_facts, open_url, unreachable
from .store import CHUNK, DiskError, Progress, Sum, Sums

MARGIN = 500_000_000  # bytes that stay free on the disk
ATTEMPTS = 5  # in a row without progress
PAUSE_S = 1.0  # before the second attempt; each further one waits twice as long
POLL_S = 0.2
OFFLINE = "Allow online access in Blender under Preferences > System, or set IMAGE_TO_MESH_OFFLINE to 0."


class Stopped(Exception):
    """Raised inside the thread when the download was cancelled."""


@dataclass
class Transfer:
    """State of a running download; `stop` ends it at the next chunk."""

    stage: str = "Asking for sizes"
    done: int = 0
    total: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


def is_offline() -> bool:
    """Whether downloads are forbidden, by Blender's online access or by the user's own environment variable."""
    setting = os.environ.get("IMAGE_TO_MESH_OFFLINE") or os.environ.get("HF_HUB_OFFLINE", "")
    return setting.upper() in {"1", "ON", "YES", "TRUE"}


def download(weights: Weights, progress: Progress) -> Path:
    """Download a set of weights, continuing an earlier attempt, and return its folder.

    progress(stage, bytes, total bytes) is called five times a second; an exception that it raises ends the download.
    Every file keeps the ending .part until its size and sha256 are verified, as far as they are known.
    Raises WeightsError, DiskError.
    """
    folder = store.folder_of(weights)
    if not weights.repository:
        return store.STARTER
    if {file.path for file in weights.files} <= store.read_marker(folder).keys():
        return folder
    if is_offline():
        raise WeightsError(f"{weights.title} cannot be downloaded: downloads are switched off.", OFFLINE)
    try:
        with environment.alone(folder):
            watch(weights, folder, progress)
    except environment.SetupError:
        raise WeightsError(f"Another program is downloading {weights.title}.", "Wait until it has finished.") from None
    except OSError as error:
        raise DiskError(f"{folder} cannot be written: {error.strerror or error}.", error) from error
    return folder


def watch(weights: Weights, folder: Path, progress: Progress) -> None:
    """Download in a thread and report its progress; a call that waits for a server could not be cancelled."""
    transfer = Transfer()
    thread = threading.Thread(target=work, args=(weights, folder, transfer), daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_S)
            progress(transfer.stage, transfer.done, transfer.total)
    finally:
        transfer.stop.set()
        thread.join(POLL_S)
    if transfer.error:
        raise transfer.error


def work(weights: Weights, folder: Path, transfer: Transfer) -> None:
    """Runs in the thread: downloads all files, then writes the marker."""
    try:
        known = {file.path: find_facts(weights, file) for file in weights.files}
        transfer.total = sum(facts.size or 0 for facts in known.values())
        rough = 0 if all(facts.size for facts in known.values()) else weights.size
        check_space(weights, folder, max(transfer.total, rough))
        sums: Sums = {path: fetch(weights, folder / path, facts, transfer) for path, facts in known.items()}
        store.write_marker(folder, sums)
    except BaseException as error:
        transfer.error = error


def check_space(weights: Weights, folder: Path, size: int) -> None:
    """Raise DiskError unless the missing bytes fit on the disk."""
    needed = size - store.partial(weights) + MARGIN
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskError(
            f"{weights.title} needs {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free in {folder}."
        )


def fetch(weights: Weights, path: Path, facts: Facts, transfer: Transfer) -> Sum:
    """Download one file unless a good one exists; returns its size and sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256((facts.sha256 or facts.content).encode()).hexdigest()[:8]
    found = path if path.is_file() else path.with_name(f"{path.name}.{name}{PART}")
    with Piece(found, transfer) as piece:
        if found != path:
            fill(weights, piece, facts, transfer)
            os.fsync(piece.file.fileno())  # before it gets its name: a power cut must not leave an empty file of it
        found_sum = {"size": piece.size, "sha256": piece.digest.hexdigest()}
    if facts.size not in (None, piece.size) or facts.sha256 not in (None, found_sum["sha256"]):
        found.unlink()
        transfer.done -= piece.size
        if found == path:  # damaged since an earlier attempt
            return fetch(weights, path, facts, transfer)
        raise WeightsError(
            f"{path.name} of {weights.title} arrived damaged: its checksum or size is not the published one.",
            "Download again. If it happens twice, a proxy or mirror alters the file.",
        )
    os.replace(found, path)
    for other in path.parent.glob(f"{escape(path.name)}.*{PART}"):  # of a version that is published no more
        other.unlink()
    return found_sum


class Piece:
    """The growing file of a download. Existing bytes count, and go through the checksum first."""

    def __init__(self, path: Path, transfer: Transfer) -> None:
        self.path, self.transfer = path, transfer
        self.size, self.digest = 0, hashlib.sha256()

    def __enter__(self) -> Piece:
        self.transfer.stage = f"Checking {self.path.name.split('.')[0]}"
        self.file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
        try:
            while chunk := self.file.read(CHUNK):
                self.count(chunk)
        except BaseException:
            self.file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def count(self, chunk: bytes) -> None:
        if self.transfer.stop.is_set():
            raise Stopped
        self.digest.update(chunk)
        self.size += len(chunk)
        self.transfer.done += len(chunk)

    def write(self, chunk: bytes) -> None:
        try:
            self.file.write(chunk)
        except OSError as error:
            raise DiskError(f"{self.path} cannot be written: {error.strerror or error}.", error) from error
        self.count(chunk)

    def restart(self) -> None:
        """Start from the first byte, because the server cannot continue in the middle."""
        self.transfer.done -= self.size
        self.file.seek(0)
        self.file.truncate()
        self.size, self.digest = 0, hashlib.sha256()


def fill(weights: Weights, piece: Piece, facts: Facts, transfer: Transfer) -> None:
    """Receive the rest of a file, reconnecting whenever a connection breaks. WeightsError, DiskError, Stopped."""
    transfer.stage = f"Downloading {facts.url.rpartition('/')[2]}"
    failures, best = 0, piece.size
    while True:
        error = None
        try:
            if receive(weights, piece, facts):
                return
        except (OSError, ValueError, http.client.HTTPException) as caught:
            error = caught
            if getattr(caught, "code", 0) == 416 and piece.size:  # nothing follows the bytes that we have
                piece.restart()
        failures, best = (0, piece.size) if piece.size > best else (failures + 1, best)
        if failures == ATTEMPTS:
            raise unreachable(weights, error)
        if transfer.stop.wait(PAUSE_S * 2**failures):
            raise Stopped


def receive(weights: Weights, piece: Piece, facts: Facts) -> bool:
    """Receive over one connection; returns whether the file is complete."""
    if facts.size and piece.size == facts.size:
        return True
    response, headers = open_url(weights, facts.url, offset=piece.size)
    with response:
        begins = headers.get("content-range", "").startswith(f"bytes {piece.size}-")
        if piece.size and not (response.status == 206 and begins):
            piece.restart()
        whole = piece.size + int(headers["content-length"]) if "content-length" in headers else facts.size
        if not whole:
            raise changed(weights, "the server does not say how large it is")
        if facts.size not in (None, whole):
            raise changed(weights, f"it has {whole} bytes there, not {facts.size}")
        while piece.size < whole and (chunk := response.read1(CHUNK)):
            piece.write(chunk)
    return piece.size >= whole
