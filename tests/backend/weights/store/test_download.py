# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from a server that breaks, lies and refuses. Whatever happens, half a file is never taken for a model."""

import hashlib
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from backend.interface.catalog import WeightsError
from backend.interface.installer import environment
from backend.process.failure import describe
from backend.runtime.progress import Cancelled
from backend.weights.store import download as module
from backend.weights.store import store
from backend.weights.store.download import download
from tests.support.published import Server

DATA = bytes(range(251)) * 4001  # a megabyte that has no period of a power of two
HEADER = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + b"1234"
FOLDER = {"unet/config.json": b'{"width": 8}', "unet/model.safetensors": TENSORS, "vae/model.safetensors": DATA}


def quiet(stage: str, done: int, total: int) -> None:
    pass


def nothing_found(weights) -> None:
    assert store.locate(weights.id) is None
    assert not (store.folder_of(weights) / store.MARKER).exists()


def parts(weights) -> list[int]:
    """Sizes of unfinished files."""
    return sorted(path.stat().st_size for path in store.folder_of(weights).rglob("*.part"))


def test_a_file_arrives_whole_and_is_found(server: Server, publish):
    weights, seen = publish({"deep/model.ckpt": DATA}), []
    folder = download(weights, lambda *told: seen.append(told))
    assert folder == store.locate("test") == store.folder_of(weights)
    assert (folder / "deep" / "model.ckpt").read_bytes() == DATA
    assert parts(weights) == []
    recorded = json.loads((folder / store.MARKER).read_text())["files"]
    assert recorded == {"deep/model.ckpt": {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}}
    assert seen[-1][1:] == (len(DATA), len(DATA))
    assert server.asked == [("GET", "deep/model.ckpt", "")]
    assert download(weights, quiet) == folder  # and again: nobody is asked
    assert len(server.asked) == 1


def test_a_file_is_on_the_disk_before_it_gets_its_name(publish, monkeypatch):
    """Else a power cut may leave the name and not the bytes."""
    weights, done = publish({"model.ckpt": DATA}), []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(os.fstat(file).st_size), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append(Path(new).name), replace(old, new)))
    download(weights, quiet)
    assert done[:2] == [len(DATA), "model.ckpt"] and done[-1] == store.MARKER


@pytest.mark.parametrize("known", ["all", "size", ""])
def test_a_folder_of_files(publish, known: str):
    weights = publish(FOLDER, known)
    folder = download(weights, quiet)
    for path, data in FOLDER.items():
        assert (folder / path).read_bytes() == data
    assert store.locate("test") == folder


def test_a_broken_connection_is_resumed(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.break_after = [300_000, 400_000]
    folder = download(weights, quiet)
    assert (folder / "model.ckpt").read_bytes() == DATA
    assert [asked[2] for asked in server.asked] == ["", "bytes=300000-", "bytes=700000-"]


def test_a_second_attempt_resumes_the_first(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.break_after = [300_000] + [0] * module.ATTEMPTS
    with pytest.raises(WeightsError) as caught:
        download(weights, quiet)
    assert "continues where it stopped" in caught.value.remedy
    assert parts(weights) == [300_000]
    assert store.partial(weights) == 300_000
    nothing_found(weights)
    server.asked.clear()
    download(weights, quiet)
    assert [asked[2] for asked in server.asked] == ["bytes=300000-"]
    assert (store.folder_of(weights) / "model.ckpt").read_bytes() == DATA


def test_a_server_without_ranges_is_supported(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.ranges, server.break_after = False, [300_000]
    assert (download(weights, quiet) / "model.ckpt").read_bytes() == DATA


def test_parts_of_different_versions_are_not_joined(server: Server, publish):
    """Half of the old version lies here when a new one is published; no checksum is known but the server's."""
    weights = publish({"model.ckpt": DATA}, known="")
    server.break_after = [300_000] + [0] * module.ATTEMPTS
    with pytest.raises(WeightsError):
        download(weights, quiet)
    server.files["model.ckpt"] = DATA[::-1]
    folder = download(weights, quiet)
    assert (folder / "model.ckpt").read_bytes() == DATA[::-1]
    assert parts(weights) == []


def test_a_wrong_checksum_is_refused(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.files["model.ckpt"] = DATA[:-1] + b"?"
    with pytest.raises(WeightsError, match="checksum"):
        download(weights, quiet)
    assert parts(weights) == []
    nothing_found(weights)


def test_the_hubs_own_checksum_counts_where_the_catalog_knows_none(server: Server, publish, monkeypatch):
    weights = publish({"model.ckpt": DATA}, known="size")
    facts = module.find_facts
    monkeypatch.setattr(module, "find_facts", lambda *args: swap(server, facts(*args)))
    with pytest.raises(WeightsError, match="checksum"):
        download(weights, quiet)
    nothing_found(weights)


def swap(server: Server, facts):
    """The file changes between the question and the download."""
    server.files["model.ckpt"] = DATA[::-1]
    return facts


@pytest.mark.parametrize("content", [DATA[:-5], DATA + b"12345"])
def test_a_wrong_size_is_refused(server: Server, publish, content: bytes):
    weights = publish({"model.ckpt": DATA}, known="size")
    server.files["model.ckpt"] = content
    with pytest.raises(WeightsError, match=f"{len(content)} bytes"):
        download(weights, quiet)
    nothing_found(weights)


def test_too_short_a_file_is_refused(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.files["model.ckpt"] = DATA[:-5]
    with pytest.raises(WeightsError, match=f"{len(DATA) - 5} bytes there"):
        download(weights, quiet)
    nothing_found(weights)


@pytest.mark.parametrize(
    ("status", "words", "todo"),
    [
        (401, "agreed to its licence", "/someone/some-model in a browser"),
        (403, "agreed to its licence", "hf auth login"),
        (404, "no longer published", "choose its folder"),
        (500, "500", "Check the connection"),
    ],
)
def test_refusals_say_what_to_do(server: Server, publish, status: int, words: str, todo: str):
    weights = publish({"model.ckpt": DATA})
    server.refuse = status
    with pytest.raises(WeightsError, match=words) as caught:
        download(weights, quiet)
    assert todo in caught.value.remedy
    assert len(server.asked) == (module.ATTEMPTS if status == 500 else 1)
    nothing_found(weights)


def test_an_unreachable_server_is_reported(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.close()
    with pytest.raises(WeightsError, match="cannot be downloaded") as caught:
        download(weights, quiet)
    assert "proxy" in caught.value.remedy


def test_the_token_is_sent_to_the_hub_alone(server: Server, publish):
    weights, other = publish({"model.ckpt": DATA}, known="size"), Server()
    other.files, server.elsewhere = server.files, other.address
    try:
        assert (download(weights, quiet) / "model.ckpt").read_bytes() == DATA
    finally:
        other.close()
    assert set(server.tokens) == {"Bearer hf_secret"}
    assert set(other.tokens) == {None}
    assert len(other.tokens) == 2  # the question and the download


def test_another_site_gets_no_token(server: Server, publish):
    weights = publish({"model.ckpt": DATA}, repository=server.address)
    assert (download(weights, quiet) / "model.ckpt").read_bytes() == DATA
    assert server.tokens == [None]


def test_a_proxy_of_the_environment_is_used(server: Server, publish, monkeypatch):
    """The proxy is the server itself, which then is asked for a whole address."""
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")
    assert (download(publish({"model.ckpt": DATA}), quiet) / "model.ckpt").read_bytes() == DATA


def test_too_little_disk_space_is_noticed_before_downloading(server: Server, publish, monkeypatch):
    weights = publish({"model.ckpt": DATA})
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, module.MARGIN + len(DATA) - 1))
    with pytest.raises(store.DiskError) as caught:
        download(weights, quiet)
    assert describe(caught.value).kind == "disk"
    assert server.asked == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, module.MARGIN + len(DATA)))
    download(weights, quiet)


def test_a_finished_part_needs_no_disk_space(server: Server, publish, monkeypatch):
    weights = publish({"model.ckpt": DATA})
    server.break_after = [300_000] + [0] * module.ATTEMPTS
    with pytest.raises(WeightsError):
        download(weights, quiet)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, module.MARGIN + len(DATA) - 300_000))
    download(weights, quiet)


def test_an_unwritable_disk_is_reported(server: Server, publish, tmp_path: Path):
    weights = publish({"model.ckpt": DATA})
    (tmp_path / "weights").write_text("a file where the folder should be")
    with pytest.raises(store.DiskError, match="cannot be written"):
        download(weights, quiet)


def test_a_cancel_works_while_the_server_stalls(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    server.stall.set()

    def progress(stage: str, done: int, total: int) -> None:
        if server.stalled.is_set() and done == len(DATA) // 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        download(weights, progress)
    assert not server.go_on.is_set()
    assert parts(weights) == [len(DATA) // 2]
    nothing_found(weights)
    server.stall.clear()
    server.asked.clear()
    server.go_on.set()
    assert (download(weights, quiet) / "model.ckpt").read_bytes() == DATA
    assert server.asked == [("GET", "model.ckpt", f"bytes={len(DATA) // 2}-")]


@pytest.mark.parametrize(
    ("ours", "theirs", "offline"),
    [("1", "", True), ("", "1", True), ("", "", False), ("0", "1", False), ("true", "0", True), ("", "YES", True)],
)
def test_nothing_is_downloaded_offline(server: Server, publish, monkeypatch, ours: str, theirs: str, offline: bool):
    """HF_HUB_OFFLINE is the user's own word where Blender has not spoken."""
    monkeypatch.setenv("IMAGE_TO_MESH_OFFLINE", ours)
    monkeypatch.setenv("HF_HUB_OFFLINE", theirs)
    weights = publish({"model.ckpt": DATA})
    if not offline:
        download(weights, quiet)
        return
    with pytest.raises(WeightsError, match="switched off") as caught:
        download(weights, quiet)
    assert "online access" in caught.value.remedy
    assert server.asked == []


def test_only_one_download_runs_at_a_time(server: Server, publish):
    weights = publish({"model.ckpt": DATA})
    with environment.alone(store.folder_of(weights)), pytest.raises(WeightsError, match="Another program"):
        download(weights, quiet)
    assert server.asked == []


def test_a_damaged_file_of_a_folder_is_fetched_again_and_the_others_are_kept(server: Server, publish):
    weights = publish(FOLDER, known="")
    folder = download(weights, quiet)
    damaged = folder / "vae" / "model.safetensors"
    damaged.write_bytes(DATA[::-1])
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(weights, quiet)
    assert store.locate("test") is None
    server.asked.clear()
    download(weights, quiet)
    assert damaged.read_bytes() == DATA
    assert [path for method, path, _ in server.asked if method == "GET"] == ["vae/model.safetensors"]
