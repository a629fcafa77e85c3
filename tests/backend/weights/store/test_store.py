# SPDX-License-Identifier: GPL-3.0-or-later
"""Where weights are found, and what is not taken for them."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from backend.interface import catalog
from backend.interface.catalog import File, Weights, WeightsError
from backend.interface.installer.environment import NoHome, default_data_folder
from backend.weights.store import conversion, store
from backend.weights.store.download import download
from backend.weights.store.store import in_environment  # before a fixture hides what is installed here
from tests.support.published import Server

HEADER = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + b"1234"
FILES = {"unet/config.json": b"{}", "unet/model.safetensors": TENSORS}


def quiet(stage: str, done: int, total: int) -> None:
    pass


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("archive/data.pkl", data)
    return stream.getvalue()


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """Where weights lie."""
    return tmp_path / "weights"


def test_the_weights_folder_is_the_configured_one(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    assert store.weights_folder() == tmp_path
    monkeypatch.delenv("IMAGE_TO_MESH_WEIGHTS")
    assert store.weights_folder() == default_data_folder() / "weights"


def test_the_starter_is_always_found(folder: Path):
    assert store.locate("starter") == store.STARTER
    with pytest.raises(WeightsError, match="belong to the extension"):
        store.remove(catalog.weights("starter"))


@pytest.mark.parametrize("identity", [w.id for w in catalog.WEIGHTS if w.repository])
def test_no_other_weights_are_found_at_first(folder: Path, identity: str):
    assert store.locate(identity) is None


def test_without_its_marker_a_downloads_folder_is_not_a_model(folder: Path, publish):
    weights = publish(FILES)
    write(folder / "test", FILES)
    assert store.locate("test") is None
    assert store.verify(weights, quiet) == folder / "test"  # whoever put them there has them adopted
    assert store.locate("test") == folder / "test"


@pytest.mark.parametrize("change", ["missing", "shorter", "longer", "no marker", "marker of another", "broken marker"])
def test_a_folder_that_is_not_whole_is_not_found(folder: Path, publish, change: str):
    weights = publish(FILES)
    download(weights, quiet)
    file, marker = folder / "test" / "unet" / "model.safetensors", folder / "test" / store.MARKER
    {
        "missing": lambda: file.unlink(),
        "shorter": lambda: file.write_bytes(TENSORS[:-1]),
        "longer": lambda: file.write_bytes(TENSORS + b"1"),
        "no marker": lambda: marker.unlink(),
        "marker of another": lambda: marker.write_text('{"files": {}}'),
        "broken marker": lambda: marker.write_text('{"files": {"unet/config.json": 3}}'),
    }[change]()
    assert store.locate("test") is None


@pytest.mark.parametrize(
    ("name", "data", "whole"),
    [
        ("a.safetensors", TENSORS, True),
        ("a.safetensors", TENSORS[:-1], False),
        ("a.safetensors", TENSORS[:20], False),
        ("a.safetensors", b"\xff" * 64, False),
        ("a.safetensors", b"", False),
        ("a.safetensors", (2).to_bytes(8, "little") + b"[]", False),
        ("a.json", b'{"a": 1}', True),
        ("a.json", b'{"a": ', False),
        ("a.ckpt", zipped(b"weights"), True),
        ("a.ckpt", zipped(b"weights")[:-30], False),
        ("a.onnx", b"anything", False),
        ("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", False),
    ],
)
def test_completeness_is_checked_by_the_files_own_structure(tmp_path: Path, name: str, data: bytes, whole: bool):
    (tmp_path / name).write_bytes(data)
    assert store.is_whole(tmp_path / name) is whole


def test_a_copy_of_the_users_own_is_found_by_the_repositorys_name(folder: Path, publish):
    publish(FILES, known="")
    own = write(folder / "some-model", FILES)
    assert store.locate("test") == own
    (own / "unet" / "model.safetensors").write_bytes(TENSORS[:-1])
    assert store.locate("test") is None


def test_a_single_file_is_found_by_its_size(folder: Path, publish):
    publish({"model.ckpt": b"12345"})
    write(folder, {"model.ckpt": b"1234"})
    assert store.locate("test") is None
    write(folder, {"model.ckpt": b"12345"})
    assert store.locate("test") == folder


def test_the_hugging_face_cache_is_searched(folder: Path, publish, tmp_path: Path):
    publish(FILES)
    cached = tmp_path / "cache" / "models--someone--some-model"
    snapshot = write(cached / "snapshots" / "abc", {"unet/config.json": b"{}"})
    write(cached, {"refs/main": b"abc", "blobs/123.incomplete": TENSORS[:5]})
    assert store.locate("test") is None
    write(snapshot, FILES)
    assert store.locate("test") == snapshot
    with pytest.raises(WeightsError, match="not ours to delete"):
        store.remove(catalog.weights("test"))
    write(snapshot, {"unet/model.safetensors": TENSORS[:-1]})
    assert store.locate("test") is None


def test_removing_frees_the_disk(folder: Path, publish):
    weights = publish(FILES)
    download(weights, quiet)
    on_disk = sum(path.stat().st_size for path in (folder / "test").rglob("*") if path.is_file())
    assert store.remove(weights) == on_disk >= len(TENSORS) + 2
    assert not (folder / "test").exists()
    with pytest.raises(WeightsError, match="not here"):
        store.remove(weights)


@pytest.mark.parametrize("known", ["all", "size", ""])
def test_damage_is_found_by_reading(folder: Path, publish, known: str):
    weights = publish(FILES, known)
    download(weights, quiet)
    read = []
    assert store.verify(weights, lambda *told: read.append(told)) == folder / "test"
    assert read[-1][1:] == (len(TENSORS) + 2, len(TENSORS) + 2)
    (folder / "test" / "unet" / "model.safetensors").write_bytes(TENSORS[:-1] + b"5")
    with pytest.raises(WeightsError, match=r"model\.safetensors is not what was published"):
        store.verify(weights, quiet)
    assert store.locate("test") is None


def test_the_users_own_files_are_never_deleted(folder: Path, publish):
    weights = publish({"model.ckpt": b"12345"})
    write(folder, {"model.ckpt": b"54321"})
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(weights, quiet)
    assert (folder / "model.ckpt").read_bytes() == b"54321"


def test_files_without_a_known_checksum_are_not_reported_as_verified(folder: Path, publish):
    weights = publish({"model.onnx": b"anything"}, known="")
    write(folder / "test", {"model.onnx": b"anything"})
    with pytest.raises(WeightsError, match="No checksum is known"):
        store.verify(weights, quiet)
    assert store.locate("test") is None


@pytest.fixture
def zero123(monkeypatch):
    """In place of the networks: writes a file half as large; "stop" in the checkpoint ends it half-way."""

    def convert(checkpoint: Path, folder: Path, progress: store.Progress) -> tuple[int, int]:
        data = checkpoint.read_bytes()
        (folder / "unet").mkdir()
        (folder / "unet" / "weights").write_bytes(data[: len(data) // 2])
        if data == b"stop":
            raise KeyboardInterrupt
        return len(data), len(data) // 2

    monkeypatch.setattr("backend.weights.loaders.zero123.convert", convert)


def test_a_conversion_is_preferred_and_the_original_may_go(folder: Path, publish, zero123):
    weights = publish({"model.ckpt": b"12345678"})
    checkpoint = download(weights, quiet) / "model.ckpt"
    converted = folder / "test" / store.CONVERTED
    assert conversion.convert(checkpoint, converted, quiet) == (8, 4)
    assert store.locate("test") == converted
    assert store.verify(weights, quiet) == converted
    with pytest.raises(WeightsError, match="exists already"):
        conversion.convert(checkpoint, converted, quiet)
    assert conversion.remove_original(weights) >= 8
    assert not checkpoint.exists()
    assert store.locate("test") == converted
    (converted / "unet" / "weights").write_bytes(b"4321")
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(weights, quiet)


def test_a_conversion_that_stops_leaves_nothing(folder: Path, publish, zero123):
    weights = publish({"model.ckpt": b"stop"})
    checkpoint = download(weights, quiet) / "model.ckpt"
    with pytest.raises(KeyboardInterrupt):
        conversion.convert(checkpoint, folder / "test" / store.CONVERTED, quiet)
    assert store.locate("test") == folder / "test"
    assert {path.name for path in (folder / "test").iterdir()} == {"model.ckpt", store.MARKER, "setup.lock"}


def test_sizes_are_rough_only_where_one_is_unknown():
    files = (File("a", 3), File("b", 4))
    made = Weights("x", "X", "X", "views", "a/b", files, "MIT", "yes", about=100)
    assert made.size == 7
    assert Weights("x", "X", "X", "views", "a/b", (*files, File("c")), "MIT", "yes", about=100).size == 100


def test_what_the_set_up_brought_is_found_in_the_environment_that_runs(folder: Path, publish, monkeypatch, tmp_path):
    monkeypatch.setattr(store, "in_environment", in_environment)
    monkeypatch.setattr(store.sys, "prefix", str(tmp_path / "environment"))
    weights = publish({"model.onnx": b"published"})
    assert store.locate("test") is None
    brought = write(tmp_path / "environment" / "weights" / "test", {"model.onnx": b"publish"})
    assert store.locate("test") is None  # cut off
    write(brought, {"model.onnx": b"published"})
    assert list(store.places(weights)) == [(brought, "set up")] and store.verify(weights, quiet) == brought
    write(brought, {"model.onnx": b"pablished"})
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(weights, quiet)
    assert (brought / "model.onnx").exists()  # the set-up replaces it, not we
    downloaded = download(weights, quiet)
    assert store.locate("test") == downloaded == folder / "test"


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_no_name_is_not_the_folder_that_one_stands_in(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="No weights are named"):
        store.find(name, ["starter"], "Choose others.")


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "~nosuchuser/zero123", "~nosuchuser", "nowhere/at/all"])
def test_names_that_nobody_has_are_no_weights(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=f"There are no weights {name[:9]}") as caught:
        store.find(name, ["starter"], "Choose others.")
    assert caught.value.remedy == "Choose others."


def test_relative_names_count_from_the_folder_that_one_stands_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert store.find("mine", [], "").resolve() == (tmp_path / "mine").resolve()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_weights_that_may_not_be_read_are_weights(tmp_path):
    (tmp_path / "a").mkdir(mode=0)
    with pytest.raises(WeightsError, match="cannot be read: Permission denied") as caught:
        store.find(str(tmp_path / "a"), [], "")
    assert "permissions" in caught.value.remedy


@pytest.fixture
def homeless(monkeypatch):
    """A user whom neither the environment nor the user database gives a home, as containers have them."""
    for name in (
        "HOME",
        "USERPROFILE",
        "HOMEPATH",
        "HOMEDRIVE",
        "LOCALAPPDATA",
        "XDG_DATA_HOME",
        "IMAGE_TO_MESH_WEIGHTS",
    ):
        monkeypatch.delenv(name, raising=False)
    if os.name != "nt":
        import pwd

        monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)


def test_without_a_home_the_starter_is_here_and_nothing_else(homeless):
    assert store.locate("starter") == store.STARTER and not store.has_folder()
    assert store.locate("zero123-xl") is None and store.partial(catalog.weights("zero123-xl")) == 0
    for call in (store.weights_folder, lambda: store.folder_of(catalog.weights("zero123-xl")), default_data_folder):
        with pytest.raises(NoHome, match="no home folder"):
            call()
    with pytest.raises(WeightsError, match="There are no weights ~/zero123"):
        store.find("~/zero123", [], "")


def test_a_folder_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", "~nosuchuser/x")
    with pytest.raises(WeightsError, match="there is no such user"):
        store.locate("zero123-xl")
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", "  ")
    assert store.weights_folder() == default_data_folder() / "weights"
