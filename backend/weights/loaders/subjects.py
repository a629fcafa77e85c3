# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects learnt from photos, one safetensors file each; prompts name them like <gnome>."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save

from ...diffusion.stable_diffusion import TextToImage
from ...diffusion.subject import NAME, Subject
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...interface.files import write_whole
from ...interface.parameters import ParameterError, nearest
from ...runtime.devices import choose_dtype
from ...runtime.model_cache import ModelCache
from ..store import store

Painter = TypeVar("Painter", bound=TextToImage)
WORD = "word"
REMEDY = "Learn the subject again, or take its name out of the prompt."
LARGEST = 4 << 30  # bytes: a full change of Stable Diffusion in half precision takes 1.7 billion


def subjects_folder() -> Path:
    """The folder of all subjects, beside the sets of weights."""
    return store.weights_folder() / "subjects"


def file_of(name: str) -> Path:
    """The file of a subject, by its name such as "<gnome>". ParameterError for an invalid name."""
    if not NAME.fullmatch(name):
        remedy = "Use small letters, digits, - and _, such as <gnome>."
        raise ParameterError(f"{name[:60]!r} is not a subject's name.", remedy)
    return subjects_folder() / f"{name[1:-1]}.safetensors"


def check_new(name: str) -> Path:
    """The file for a new subject. ParameterError if it exists: nothing is overwritten. DiskError where its folder
    cannot be written."""
    file = file_of(name)
    if file.exists():
        raise ParameterError(f"There is a subject {name} already.", f"Choose another name, or delete {file}.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=file.parent).close()
    except OSError as error:
        raise store.DiskError(f"{file.parent} cannot be written: {error.strerror or error}.", error) from error
    return file


def find_subjects(prompt: str) -> list[Path]:
    """The files of all subjects that a prompt names. ParameterError for an unknown one."""
    files = [file_of(name) for name in dict.fromkeys(NAME.findall(prompt))]
    if not files:
        return []
    known = [f"<{file.stem}>" for file in sorted(subjects_folder().glob("*.safetensors"))]
    for file in files:
        if not file.is_file():
            name = f"<{file.stem}>"
            others = f" Known: {', '.join(known)}." if known else " None has been learnt yet."
            text = f"There is no subject {name}{nearest(name, known)}.{others}"
            raise ParameterError(text, "Take the name out of the prompt, or learn it from photos.")
    return files


def save_subject(subject: Subject, file: Path, weights: str) -> None:
    """Write a subject in half precision. weights: the id of the weights that it changes. OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {WORD: subject.word, **subject.changes}
    metadata = {"format": "pt", "name": subject.name, "kind": subject.kind, "weights": weights}
    stored = {k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}
    write_whole(file, save(stored, metadata))  # save_file raises no OSError, and leaves a file of its own if killed


def keep_subject(subject: Subject, file: Path, weights: str, job: Path | None) -> tuple[Path, str]:
    """Write a subject to its file, or where that fails to the job's folder, so that hours of learning are not lost.
    Returns where it is, and a warning or an empty text. OSError."""
    try:
        save_subject(subject, file, weights)
        return file, ""
    except OSError as error:
        if job is None:
            raise
        kept = job / file.name
        save_subject(subject, kept, weights)
        reason = error.strerror or error
        return kept, f"{file} cannot be written: {reason}. Copy the subject there from {kept}."


def read_subject(file: Path) -> Subject:
    """A subject from its file. Raises WeightsError."""
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}
        for name, tensor in tensors.items():
            if not tensor.is_floating_point() or not tensor.isfinite().all():
                raise ValueError(f"{name[:200]} holds values that are not numbers")
        if metadata.get("name") != f"<{file.stem}>":
            raise ValueError(f"it is {str(metadata.get('name'))[:60]}; give the file that name")
        return Subject(metadata.get("name", ""), metadata.get("kind", ""), tensors.pop(WORD).float(), tensors)
    except KeyError as error:
        raise WeightsError(f"{file} holds no subject: its word is missing.", REMEDY) from error
    except Exception as error:  # safetensors has an exception of its own
        raise WeightsError(f"{file} cannot be read as a subject: {one_line(error)}.", REMEDY) from error


def give_subjects(model: TextToImage, files: list[Path]) -> None:
    """Add subjects to a model. WeightsError for one that was learnt by another model."""
    for file in files:
        try:
            with torch.no_grad():
                read_subject(file).give(model)
        except ValueError as error:
            text = f"<{file.stem}> was learnt with other weights: {error}."
            raise WeightsError(text, "Choose the weights that it was learnt with, or learn it again.") from error


def keep_with_subjects(
    load: Callable[[str, torch.device, torch.dtype], Painter],
) -> ModelCache[[str, torch.device, tuple[Path, ...]], Painter]:
    """A cache of `load` whose models also know the subjects in some files: call it with weights, device and files."""
    return ModelCache(partial(load_with_subjects, load))


def load_with_subjects(
    load: Callable[[str, torch.device, torch.dtype], Painter], weights: str, device: torch.device, files: Iterable[Path]
) -> Painter:
    """A model that also knows the subjects in some files. WeightsError."""
    model = load(weights, device, choose_dtype(device))
    give_subjects(model, list(files))
    return model
