# SPDX-License-Identifier: GPL-3.0-or-later
"""Single files out of a wheel and a source distribution, through the real pip, from a folder in place of an index."""

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from backend.interface.installer.package_files import PackageFiles, UnexpectedFile, fetch, read_member
from backend.interface.installer.packages import SetupError
from tests.support.wheel_index import make_wheel

NEVER = bool  # bool() is False: nobody wants to stop
BACKEND = """
import os
def prepare_metadata_for_build_wheel(folder, settings=None):
    os.makedirs(os.path.join(folder, "weighty-1.0.dist-info"))
    with open(os.path.join(folder, "weighty-1.0.dist-info", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: weighty\\nVersion: 1.0\\nRequires-Dist: not-on-this-earth\\n")
    return "weighty-1.0.dist-info"
def build_wheel(*_): raise SystemExit("it must not be built")
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the only index: the wheel `heavy` and the source distribution `weighty`."""
    folder = tmp_path / "index"
    folder.mkdir()
    make_wheel(folder, "heavy", "1.0")
    with tarfile.open(folder / "weighty-1.0.tar.gz", "w:gz") as archive:
        files = {"pyproject.toml": PROJECT, "backend.py": BACKEND, "PKG-INFO": "Name: weighty\n", "data/w.bin": "12345"}
        for name, text in files.items():
            info = tarfile.TarInfo(f"weighty-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def heavy(index: Path, content: bytes = b"\nversion = '1.0'\n") -> PackageFiles:
    return PackageFiles("heavy==1.0", {"heavy.py": sha256(content)})


def get(wanted: PackageFiles, folder: Path) -> list[str]:
    lines: list[str] = []
    fetch(Path(sys.executable), wanted, folder, lines.append, NEVER)
    return lines


def test_a_file_is_taken_from_a_wheel_once_and_nothing_else_stays(index: Path, tmp_path: Path):
    folder = tmp_path / "kept" / "here"
    assert get(heavy(index), folder)
    assert [path.name for path in folder.iterdir()] == ["heavy.py"]
    assert (folder / "heavy.py").read_text() == "\nversion = '1.0'\n"
    assert get(heavy(index), folder) == []  # it is there
    (folder / "heavy.py").write_text("damaged")
    assert get(heavy(index), folder) and (folder / "heavy.py").read_text() != "damaged"


def test_a_file_is_taken_from_a_source_distribution_that_is_not_built(index: Path, tmp_path: Path):
    archive = (index / "weighty-1.0.tar.gz").read_bytes()
    wanted = PackageFiles("weighty==1.0", {"weighty-1.0/data/w.bin": sha256(b"12345")}, sha256(archive))
    get(wanted, tmp_path / "kept")
    assert [(path.name, path.read_text()) for path in (tmp_path / "kept").iterdir()] == [("w.bin", "12345")]


def test_another_file_than_the_published_one_is_refused(index: Path, tmp_path: Path):
    with pytest.raises(UnexpectedFile, match="not the published file"):
        get(heavy(index, b"something else"), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_another_source_distribution_than_the_published_one_does_not_run(index: Path, tmp_path: Path):
    wanted = PackageFiles("weighty==1.0", {"weighty-1.0/data/w.bin": sha256(b"12345")}, sha256(b"another"))
    with pytest.raises(SetupError) as caught:
        get(wanted, tmp_path / "kept")
    assert not isinstance(caught.value, UnexpectedFile) and not (tmp_path / "kept").exists()


def test_a_package_that_is_not_there_ends_in_a_sentence(index: Path, tmp_path: Path):
    with pytest.raises(SetupError, match="does not exist") as caught:
        get(PackageFiles("absent==1.0", {"a": sha256(b"")}), tmp_path / "kept")
    assert caught.value.remedy


def test_an_archive_without_the_file_or_a_broken_one_ends_in_a_sentence(index: Path, tmp_path: Path):
    (tmp_path / "broken.tar.gz").write_bytes(b"nothing")
    (tmp_path / "broken.whl").write_bytes(b"nothing")
    with zipfile.ZipFile(index / "heavy-1.0-py3-none-any.whl") as archive:
        assert "other.py" not in archive.namelist()
    for name, member in (
        ("index/heavy-1.0-py3-none-any.whl", "other.py"),
        ("index/weighty-1.0.tar.gz", "weighty-1.0/other"),
        ("broken.tar.gz", "a"),
        ("broken.whl", "a"),
    ):
        with pytest.raises(UnexpectedFile, match="has no usable"):
            read_member(tmp_path / name, member)
