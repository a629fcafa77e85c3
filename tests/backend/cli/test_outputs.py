# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems with an output are said before the work; afterwards no mesh is lost, and nothing is left behind."""

import errno
import json
import os
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from backend.cli import outputs
from backend.cli.console import EXIT_CODES
from backend.cli.mesh import checkpoints, make_mesh
from backend.cli.outputs import check_mesh_file, check_output, is_reserved, write_or_keep
from backend.engines import ImageResult, MeshResult
from backend.interface import files as interface_files
from backend.interface.parameters import ParameterError
from backend.interface.tasks import ZERO123_SDS
from backend.meshing.files import MeshFileError, load, save
from backend.process import stdio
from backend.process.failure import describe
from backend.rendering.mesh import Mesh
from tests.support.backend_client import PICTURE
from tests.support.command_line import VIEWS, call

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
BYTES = 255  # of the longest name on the disks of all systems


@pytest.fixture(autouse=True)
def own_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process leave pytest's standard output alone, which later tests read."""
    monkeypatch.setattr(stdio, "claim_output", lambda: sys.__stdout__)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "image.png").write_bytes(PICTURE)
    return tmp_path / "image.png"


@pytest.fixture
def mesh() -> Mesh:
    """A triangle with a texture of one texel."""
    uv = np.array([[[0, 0], [1, 0], [0, 1]]], np.float32)
    return Mesh(np.eye(3), [[0, 1, 2]], uv=uv, texture=np.full((1, 1, 4), 255, np.uint8))


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(outputs, "default_data_folder", lambda: tmp_path / "data")
    return tmp_path / "data"


def named(length: int, ending: str) -> str:
    return "n" * (length - len(ending)) + ending


@pytest.mark.parametrize("ending", [".ply", ".obj", ".glb", ".stl"])
@pytest.mark.parametrize("letter", ["n", "ö", "漢"])
def test_a_name_of_255_bytes_is_written_and_a_longer_one_refused_before_the_work(letter, ending, mesh, tmp_path):
    count = (BYTES - len(ending)) // len(letter.encode())
    path = tmp_path / (letter * count + ending)
    check_mesh_file(path)
    assert not os.listdir(tmp_path)
    save(mesh, path)
    assert len(load(path).faces) == 1 and len(os.listdir(tmp_path)) == (3 if ending == ".obj" else 1)
    with pytest.raises(MeshFileError, match="File name too long") as caught:
        check_mesh_file(tmp_path / (letter * (count + 1) + ending))
    assert caught.value.kind == "input" and "shorter name" in caught.value.remedy and "space" not in caught.value.remedy


@posix
def test_a_path_may_be_as_long_as_the_system_allows(mesh, tmp_path):
    """No temporary name may be longer than the mesh's own then."""
    longest = os.pathconf(tmp_path, "PC_PATH_MAX") - 1  # without the final zero
    folder = tmp_path
    while longest - len(str(folder)) > 210:
        folder = folder / ("d" * 200)
    folder = folder / ("e" * (longest - len(str(folder)) - len("//abcdef.ply")))
    folder.mkdir(parents=True)
    path = folder / "abcdef.ply"
    assert len(str(path)) == longest
    check_mesh_file(path)
    save(mesh, path)
    assert os.listdir(folder) == ["abcdef.ply"]
    with pytest.raises(MeshFileError, match="too long"):
        check_mesh_file(folder / "abcdefg.ply")
    with pytest.raises(MeshFileError, match="too long"):  # its picture has a longer name
        check_mesh_file(folder / "abcdef.obj")


@posix
@pytest.mark.parametrize("name", ["caf\udce9.ply", "two\nlines 猫 🐈.obj"])
def test_any_name_is_written_told_and_its_materials_are_found(name, image, tmp_path):
    folder = tmp_path / "out"
    done = call("generate", *VIEWS, "--image", image, "--output", folder / name, errors="surrogateescape")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder / name}: 4 vertices")
    assert os.listdir(os.fsencode(folder)) == [os.fsencode(name)]
    answer = json.loads(call("generate", *VIEWS, "--image", image, "--output", folder / name, "--json").stdout)
    assert answer["ok"] and answer["output"] == str(folder / name)


@posix
@pytest.mark.parametrize(
    "name", ["caf\udce9.obj", "two\nlines.obj", " -o #a\\b'\".obj", "猫 🐈.obj", named(BYTES, ".obj")]
)
def test_a_textured_obj_of_any_name_names_files_that_are_there(name, mesh, tmp_path):
    save(mesh, tmp_path / name)
    first = (tmp_path / name).read_text("utf-8").splitlines()[0]
    material = tmp_path / first.removeprefix("mtllib ")
    image = tmp_path / material.read_text("utf-8").splitlines()[-1].removeprefix("map_Kd ")
    assert material.is_file() and image.is_file() and len(os.listdir(tmp_path)) == 3
    warnings: list[str] = []
    assert len(load(tmp_path / name, warnings.append).faces) == 1 and not warnings


@pytest.mark.parametrize(
    ("output", "texture", "refused"),
    [
        ("a.stl", "512", True),
        ("a.PLY", "1024", True),
        ("a.ply", "off", False),
        ("a.ply", None, False),
        ("a.glb", "512", False),
        ("a.obj", "512", False),
    ],
)
def test_a_texture_without_a_place_is_refused(output, texture, refused, tmp_path):
    if refused:
        with pytest.raises(ParameterError, match="holds no texture"):
            check_mesh_file(tmp_path / output, texture)
    else:
        check_mesh_file(tmp_path / output, texture)


def test_the_command_refuses_a_texture_before_the_work(image, tmp_path):
    done = call("generate", *VIEWS, "--image", image, "--output", tmp_path / "a.stl", "--set", "texture=512")
    assert done.returncode == 2 and "A .stl file holds no texture" in done.stderr
    assert os.listdir(tmp_path) == ["image.png"]


@posix
def test_links_are_followed_and_stay(mesh, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real.ply").write_bytes(b"old")
    for target in ("there/real.ply", "there/new.ply"):
        link = tmp_path / "link.ply"
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / target)
        check_mesh_file(link)
        save(mesh, link)
        assert link.is_symlink() and len(load(tmp_path / target).faces) == 1
    (tmp_path / "round.ply").symlink_to(tmp_path / "round.ply")
    with pytest.raises(MeshFileError, match="symbolic links") as caught:
        check_mesh_file(tmp_path / "round.ply")
    assert "hoose another name" in caught.value.remedy


@posix
def test_pipes_devices_folders_and_protected_files_are_refused_and_stay(mesh, tmp_path, monkeypatch):
    (tmp_path / "folder.ply").mkdir()
    os.mkfifo(tmp_path / "pipe.ply")
    (tmp_path / "null.ply").symlink_to("/dev/null")
    (tmp_path / "mine.ply").write_bytes(b"mine")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "mine.ply")  # root may write everywhere
    for name, words in {
        "folder": "folder",
        "pipe": "a pipe or a device",
        "null": "device",
        "mine": "protected",
    }.items():
        for write in (check_mesh_file, lambda path: save(mesh, path)):
            with pytest.raises(MeshFileError, match=words):
                write(tmp_path / f"{name}.ply")
    assert stat.S_ISFIFO((tmp_path / "pipe.ply").stat().st_mode) and (tmp_path / "mine.ply").read_bytes() == b"mine"
    assert len(os.listdir(tmp_path)) == 4


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/null", "-", ".ply", "ply"])
def test_streams_are_no_mesh_files(path):
    with pytest.raises(ParameterError, match="must end in"):
        check_mesh_file(Path(path))


def test_names_that_windows_takes_for_something_else():
    for name in ("CON.ply", "nul.obj", "com1.tar.glb", "a:b.ply", "a.ply ", "a.ply."):
        assert is_reserved(name), name
    assert not any(map(is_reserved, ("CONE.ply", "a.con.ply", "COM10.ply", "ä ö.obj")))


def test_a_check_leaves_no_folders_behind(tmp_path):
    check_output(tmp_path / "new" / "folder" / "a.png")
    assert not os.listdir(tmp_path)


def fill_up(monkeypatch: pytest.MonkeyPatch, writes: int, folder: Path) -> None:
    """From now on so many files can be written into the folder, and then no more, as on a full disk."""
    write_bytes, left = Path.write_bytes, [writes]

    def write(path: Path, data: bytes) -> int:
        if path.is_relative_to(folder):
            left[0] -= 1
            if left[0] < 0:
                write_bytes(path, bytes(data)[:10])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("writes", range(4))
def test_a_disk_that_fills_up_leaves_the_old_files_and_nothing_else(writes, mesh, tmp_path, data_folder, monkeypatch):
    """A textured OBJ is three files; wherever the disk fills up, the next attempt takes the same names."""
    path, old = tmp_path / "out" / "b.obj", b"old"
    path.parent.mkdir()
    path.write_bytes(old)
    with monkeypatch.context() as full:
        fill_up(full, writes, path.parent)
        failed = write_or_keep(lambda place: save(mesh, place), path)
    if writes == 3:
        assert failed is None
    else:
        assert path.read_bytes() == old and os.listdir(path.parent) == ["b.obj"]
        assert failed and failed.kind == "disk" and failed.remedy.startswith("Free some space")
        kept = Path(str(failed).partition("kept as ")[2].removesuffix("."))
        assert kept.parent == data_folder / "kept" and kept.suffix == ".obj"
        assert len(load(kept).faces) == 1 and len(os.listdir(kept.parent)) == 3
        save(mesh, path)
    assert sorted(os.listdir(path.parent)) == ["b.mtl", "b.obj", "b_texture.png"]


def test_a_full_disk_is_noticed_before_the_work(tmp_path, monkeypatch):
    fill_up(monkeypatch, 0, tmp_path)
    with pytest.raises(MeshFileError, match="No space left") as caught:
        check_mesh_file(tmp_path / "a.ply")
    assert caught.value.kind == "disk" and not os.listdir(tmp_path)


def test_where_the_data_folder_fails_too_the_temporary_folder_takes_the_mesh(mesh, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(outputs, "default_data_folder", lambda: tmp_path / "file")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(outputs.tempfile, "tempdir", str(tmp_path / "tmp"))
    failed = write_or_keep(lambda place: save(mesh, place), tmp_path / "file" / "a.ply")
    [kept] = (tmp_path / "tmp").iterdir()
    assert failed and str(kept) in str(failed) and len(load(kept).faces) == 1
    monkeypatch.setattr(outputs.tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(MeshFileError, match=r"file/a\.ply cannot be written"):
        write_or_keep(lambda place: save(mesh, place), tmp_path / "file" / "a.ply")


def test_a_folder_that_is_gone_is_made_again(mesh, tmp_path, data_folder):
    assert write_or_keep(lambda path: save(mesh, path), tmp_path / "gone" / "again" / "a.ply") is None
    assert (tmp_path / "gone" / "again" / "a.ply").is_file() and not data_folder.exists()


def test_a_mesh_that_is_kept_elsewhere_is_told_with_the_disks_status(mesh, tmp_path, data_folder, monkeypatch):
    """Also the checkpoint is gone then: there is nothing to go on with."""

    def work(_request, progress, _load):
        (progress.folder / "state.pt").write_text("state")
        (tmp_path / "a.ply").mkdir()  # which nobody could know before
        return MeshResult(mesh, np.zeros((0, 1, 1, 4), np.uint8))

    monkeypatch.setattr("backend.process.run.run", work)
    with pytest.raises(MeshFileError, match=r"It is a folder\. The result is kept as") as caught:
        make_mesh(ZERO123_SDS, {}, ZERO123_SDS.check({}), 0, tmp_path / "a.ply", True)
    failure = describe(caught.value)
    assert EXIT_CODES[failure.kind] == 5 and "hoose another name" in failure.remedy
    assert len(os.listdir(data_folder / "kept")) == 1 and sorted(os.listdir(tmp_path)) == ["a.ply", "data"]


def test_views_are_written_all_or_none(tmp_path, data_folder, monkeypatch):
    from backend.cli.images import deliver, write_folder

    poses = np.tile(np.eye(4), (3, 1, 1))
    made = ImageResult(np.zeros((3, 8, 8, 4), np.uint8), {"fov_deg": 40.0, "poses": poses.tolist()})
    with monkeypatch.context() as full:
        fill_up(full, 2, tmp_path / "views")
        with pytest.raises(MeshFileError, match="kept as") as caught:
            deliver(lambda path: write_folder(path, made), tmp_path / "views")
    assert not (tmp_path / "views").exists()
    kept = Path(str(caught.value).partition("kept as ")[2].removesuffix("."))
    assert len(os.listdir(kept)) == 4 and "frames" in json.loads((kept / "transforms.json").read_text())
    deliver(lambda path: write_folder(path, made), tmp_path / "views")
    assert len(os.listdir(tmp_path / "views")) == 4


def test_two_runs_do_not_share_a_checkpoint_folder(tmp_path):
    with checkpoints(tmp_path / "a.ply", None) as folder:
        with pytest.raises(ParameterError, match="Another run uses"), checkpoints(tmp_path / "a.ply", None):
            pass
        assert folder.is_dir()
    with checkpoints(tmp_path / named(BYTES, ".ply"), None) as long:
        assert len(long.name) == BYTES
    with checkpoints(tmp_path / ("m" + named(BYTES - 1, ".ply")), None) as other:
        assert other.name != long.name
    assert not os.listdir(tmp_path)


def test_two_runs_that_write_one_name_leave_one_whole_mesh(tmp_path):
    """Every OBJ names a material of its own, whoever comes last."""
    uv = np.array([[[0, 0], [1, 0], [0, 1]]], np.float32)
    meshes = [
        Mesh(np.eye(3), [[0, 1, 2]], uv=uv, texture=np.full((1, 1, 4), [i * 20, 0, 0, 255], np.uint8)) for i in range(8)
    ]
    writers = [threading.Thread(target=save, args=(mesh, tmp_path / "a.obj")) for mesh in meshes]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(os.listdir(tmp_path)) == 1 + 2 * len(meshes)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(interface_files.PART)]
    shade = load(tmp_path / "a.obj").vertex_colors[0, 0]
    assert shade in range(0, 160, 20)
