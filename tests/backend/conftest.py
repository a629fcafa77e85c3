# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.interface import catalog
from backend.interface.catalog import File, Weights
from backend.interface.installer import cutouts
from backend.weights.store import download, store
from tests.support.backend_client import Client, double
from tests.support.published import Server

DATA = bytes(range(251)) * 4001  # a megabyte that has no period of a power of two
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def without_cutout_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut-outs in this process are the same whether Set Up Backend could fetch the network for them or not."""
    monkeypatch.setattr(store, "in_environment", lambda weights: None)


@pytest.fixture
def cutout_network(without_cutout_network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the network that Set Up Backend brings, the only one that is found. Skips where it is not here."""
    folder = cutouts.folder_in(Path(sys.prefix))
    if not cutouts.is_here(Path(sys.prefix)):
        pytest.skip("The set-up could not fetch the network for cut-outs.")
    for name in ("U2NET_HOME", "REMBG_HOME", "IMAGE_TO_MESH_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(store, "in_environment", lambda weights: folder if weights.id == cutouts.SET else None)
    return folder / "u2netp.onnx"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """The only server that is known, nothing on disk, nobody logged in, and no patience between attempts."""
    server = Server()
    monkeypatch.setenv("HF_ENDPOINT", server.address + "/")
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IMAGE_TO_MESH_OFFLINE", "0")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    yield server
    server.close()


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch):
    """publish(content by path, known=...) -> a set of weights that the catalog knows and the server has.

    known: "all" gives the catalog sizes and checksums, "size" sizes, "" nothing.
    """

    def publish(files: dict[str, bytes], known: str = "all", repository: str = "someone/some-model") -> Weights:
        server.files |= files
        listed = tuple(
            File(path, len(data) if known else None, hashlib.sha256(data).hexdigest() if known == "all" else None)
            for path, data in files.items()
        )
        weights = Weights("test", "Test model", "For tests", "views", repository, listed, "MIT", "yes")
        monkeypatch.setattr(catalog, "WEIGHTS", (*catalog.WEIGHTS, weights))
        return weights

    return publish


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """start(*options) -> Client of a backend with the double engine, jobs in tmp_path/jobs. Killed at the end."""
    clients: list[Client] = []

    def make(*options: str, command: list[str] | None = None, jobs: Path | None = None) -> Client:
        log = tmp_path / f"log{len(clients)}.txt"
        clients.append(Client(command or double(jobs or tmp_path / "jobs", *options), log))
        return clients[-1]

    yield make
    for client in clients:
        client.kill()
        client.stdin.close()
        client.stdout.close()
