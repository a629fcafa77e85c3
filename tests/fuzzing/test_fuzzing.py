# SPDX-License-Identifier: GPL-3.0-or-later
"""A few damaged inputs of every format, always the same; `python -m benchmarks.fuzz` tries as many as one likes."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing.format import Finding, Format, check, fresh_folder
from tests.fuzzing.formats import FORMATS
from tests.fuzzing.walls import Walls

SLOW = {"stable diffusion", "deep floyd", "tokenizer", "zero123", "lrm"}  # networks are built for each input
MANY, FEW = 60, 10
WALLS = Walls()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("fuzzing") / "in"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chosen", FORMATS, ids=lambda chosen: chosen.name)
def test_a_damaged_input_is_read_or_refused_with_a_sentence(chosen: Format, folder: Path):
    fresh_folder(chosen, folder)

    @settings(max_examples=FEW if chosen.name in SLOW else MANY, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def one(rng: Random) -> None:
        check(chosen, chosen.make(rng), folder, WALLS)

    one()


def reader(read, **more) -> Format:
    return Format("a", lambda rng: {"a": b"x"}, read, (ValueError,), **more)


def touch_outside(folder: Path) -> None:
    (folder.parent / "trace").write_bytes(b"")


def start_program(folder: Path) -> None:
    import subprocess

    subprocess.run(["true"])


def ask_network(folder: Path) -> None:
    import socket

    socket.getaddrinfo("127.0.0.1", 1)


def fill_memory(folder: Path) -> None:
    assert bytearray(b"x") * (200 << 20)


def take_long(folder: Path) -> None:
    while True:
        pass


def say_nothing(folder: Path) -> None:
    raise ValueError("two\nlines")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda folder: 1 / 0, "ZeroDivisionError"),
        (lambda folder: (folder / "a" / "b").read_bytes(), "NotADirectoryError"),
        (lambda folder: Path("/etc/passwd").read_bytes(), "opens /etc/passwd"),
        (touch_outside, "writes"),
        (start_program, "subprocess.Popen"),
        (ask_network, "socket.getaddrinfo"),
        (say_nothing, "internal"),
    ],
)
def test_what_no_reader_may_do_is_found(read, words, tmp_path):
    with pytest.raises(Finding, match=words):
        check(reader(read), {"a": b"x"}, fresh_folder(reader(read), tmp_path / "in"), WALLS)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell the memory's peak")
def test_memory_out_of_bounds_is_found(tmp_path):
    one = reader(fill_memory, memory=100 << 20)
    with pytest.raises(Finding, match="MB more memory"):
        check(one, {"a": b"x"}, fresh_folder(one, tmp_path / "in"), WALLS)
    assert check(reader(fill_memory, memory=400 << 20), {"a": b"x"}, tmp_path / "in", WALLS) == "read"


def test_an_endless_input_is_found(monkeypatch, tmp_path):
    if not WALLS.has_timer:
        pytest.skip("the system has no timer for computing time")
    monkeypatch.setattr("tests.fuzzing.walls.CPU_S", 0.2)
    with pytest.raises(Finding, match="of computing"):
        check(reader(take_long), {"a": b"x"}, fresh_folder(reader(take_long), tmp_path / "in"), WALLS)
