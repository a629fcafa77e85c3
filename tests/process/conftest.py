# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backend_client import Client, double


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
