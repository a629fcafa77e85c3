# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults around a backend: it is killed, its owner dies, its disk is full, its input is garbage."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.backend_client import PATIENCE_S, arrays, double, picture
from tests.support.double_engine import VERTICES

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def is_gone(pid: int) -> bool:
    """No such process, or one that has ended and that nobody has asked for its status yet."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def wait_until_gone(pid: int) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE_S * 50):
        if is_gone(pid):
            return
        waiting.wait(0.02)
    raise AssertionError(f"process {pid} is still there")


@pytest.mark.parametrize("scenario", ["wait", "hang", None])
def test_the_process_ends_when_its_input_closes(start, scenario: str | None):
    client = start()
    client.expect("hello")
    if scenario:
        client.request("a", scenario)
        client.wait_for_log("working")
    assert client.end() == 0
    assert is_gone(client.process.pid)


@LINUX
def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path):
    """We hold the other end of its standard input, so that only the kernel's signal can end it."""
    ours, theirs = os.pipe()
    middle = (
        "import subprocess, sys\n"
        f"process = subprocess.Popen({double(tmp_path / 'jobs')!r}, stdin={ours}, stdout=subprocess.PIPE)\n"
        "process.stdout.readline()\n"
        "print(process.pid, flush=True)\n"
        "process.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", middle], pass_fds=[ours], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    wait_until_gone(pid)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("scenario", ["die", "wait", "hang"])
def test_a_killed_backend_leaves_its_folders_and_the_next_one_works(start, tmp_path: Path, scenario: str):
    first = start()
    first.request("done", image=picture((7, 8, 9, 255)))
    folder = Path(first.expect("result")[0]["folder"])
    first.request("lost", scenario)
    if scenario == "die":
        assert first.process.wait(PATIENCE_S) == -signal.SIGKILL
    else:
        first.wait_for_log("working")
        first.kill()
    second = start()
    second.request("next")
    assert second.expect("result", "failure")[0]["job"] == "next"
    kept = arrays((folder / "result.npz").read_bytes())
    assert kept["vertices"].tolist() == VERTICES.tolist()
    assert (kept["vertex_colors"] == (7, 8, 9, 255)).all()
    lost = tmp_path / "jobs" / "lost"
    assert (lost / "request.json").exists()
    assert not (lost / "result.npz").exists()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0" * 5000 + b"\n",
        b'{"type": "request", "attachments": [{"name": "image", "size": 99999999999}]}\n',
        b"x" * (2 << 20),
    ],
    ids=["http", "zeros", "huge", "long"],
)
def test_garbage_on_its_input_ends_the_process_with_a_message(start, garbage: bytes):
    client = start()
    client.expect("hello")
    try:
        client.stdin.write(garbage)
        client.stdin.flush()
    except BrokenPipeError:  # it need not read on once it has seen enough
        pass
    failure, _ = client.expect("failure")
    assert failure["job"] is None
    assert "something else than a message" in failure["message"]
    assert client.process.wait(PATIENCE_S) == 1


def test_a_truncated_frame_ends_the_process(start):
    client = start()
    client.expect("hello")
    client.stdin.write(b'{"type": "request", "attachments": [{"name": "image", "size": 100}]}\nshort')
    client.stdin.flush()
    assert client.end() == 1


def test_a_thread_that_fails_ends_the_process(start):
    """Else the job would never end: heartbeats go on without the thread that runs jobs."""
    client = start()
    client.expect("hello")
    client.request("a", "wordless")
    assert client.process.wait(PATIENCE_S) == 1


def test_after_an_import_that_failed_the_next_job_gets_a_new_process(start):
    """Libraries that are loaded by half cannot be loaded again: torch and numpy refuse that."""
    client = start()
    client.request("a", "import")
    assert client.expect("result", "failure")[0]["kind"] == "memory"
    assert client.process.wait(PATIENCE_S) == 1


def test_a_backend_whose_files_are_gone_makes_room_for_another(start, tmp_path: Path):
    """The data folder was moved or deleted: all that it has not loaded yet would fail in every later job."""
    unneeded = shutil.ignore_patterns("starter", "starter_text", "__pycache__")
    shutil.copytree(ROOT / "backend", tmp_path / "data" / "backend", ignore=unneeded)
    shutil.copy(ROOT / "blender_manifest.toml", tmp_path / "data")
    command = [str(tmp_path / "data") if part == str(ROOT) else part for part in double(tmp_path / "jobs")]
    client = start(command=command)
    client.request("a")
    assert client.expect("result", "failure")[0]["type"] == "result"
    shutil.rmtree(tmp_path / "data")
    client.request("b", "weights")
    assert client.expect("result", "failure")[0]["type"] == "failure"
    assert client.process.wait(PATIENCE_S) == 1


@LINUX
def test_a_full_log_ends_no_job(start, tmp_path: Path):
    """/dev/full takes nothing, as a full disk: neither the job's log nor the backend's."""
    client = start(command=["sh", "-c", 'exec "$@" 2> /dev/full', "sh", *double(tmp_path / "jobs")])
    client.request("a", "log")
    assert client.expect("result", "failure")[0]["type"] == "result"
    client.request("b", "bug")
    assert client.expect("result", "failure")[0]["kind"] == "internal"


def test_two_blenders_with_jobs_of_one_name(start, tmp_path: Path):
    """The second one fails, and what the first one has made stays as it is."""
    first, second = start(), start()
    first.request("b", image=picture((7, 8, 9, 255)))
    folder = Path(first.expect("result")[0]["folder"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second.request("b", image=picture((70, 80, 90, 255)))
    failure, _ = second.expect("result", "failure")
    assert (failure["kind"], failure["remedy"]) == ("disk", "Try again.")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_unwritable_folder_is_reported(start, tmp_path: Path):
    (tmp_path / "file").touch()
    client = start(jobs=tmp_path / "file" / "jobs")
    for job in ("a", "b"):
        client.request(job)
        failure, _ = client.expect("result", "failure")
        assert (failure["type"], failure["kind"]) == ("failure", "disk")
        assert str(tmp_path / "file") in failure["message"]
        assert "another folder" in failure["remedy"]


@pytest.fixture(params=["small disk", "limit"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path):
    """A jobs folder where files of 256 kB find no room: a tiny file system, or the system's limit for one file.

    Gives the folder and a function that limits a running process.
    """
    if sys.platform != "linux":
        pytest.skip("needs Linux")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    if request.param == "limit":
        import resource

        yield jobs, lambda pid: resource.prlimit(pid, resource.RLIMIT_FSIZE, (150_000, 150_000))
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(jobs)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("only root can mount a small disk")
    yield jobs, lambda pid: None
    subprocess.run(["umount", "-l", str(jobs)], check=True)


def test_a_full_disk_fails_a_request_but_not_a_result(start, small_disk):
    """A request that does not fit fails; a result that does not fit is delivered all the same, with a warning."""
    jobs, limit = small_disk
    client = start(jobs=jobs)
    client.expect("hello")
    limit(client.process.pid)
    client.request("big", image=picture() + bytes(300_000))
    failure, _ = client.expect("result", "failure")
    assert (failure["type"], failure["kind"]) == ("failure", "disk")
    assert "on another disk" in failure["remedy"] or "Free some space" in failure["remedy"]
    client.request("large", "large")  # its views have 512 kB
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result"
    assert result["folder"] == ""
    assert "not kept" in result["report"]["warning"]
    assert arrays(attached["mesh"])["vertices"].tolist() == VERTICES.tolist()
    assert not [path for path in jobs.rglob("*") if path.suffix == ".part" or path.name == "result.npz"]
    client.request("small")
    result, _ = client.expect("result", "failure")
    assert Path(result["folder"], "result.npz").exists()
