# SPDX-License-Identifier: GPL-3.0-or-later
"""A download that is cut: its connection, its process or its disk, at a random byte. Another one has to finish it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

from backend.interface import protocol
from backend.interface.files import PART
from backend.weights.store.store import MARKER, read_marker
from tests.support import ROOT
from tests.support.published import Handler, Server

from .disk import NEVER
from .stand import RUNNER

FILES = {"unet/model.ckpt": 3_000_000, "vae/model.ckpt": 500_000, "config.ckpt": 300}  # bytes
KNOWN = ("all", "size", "")  # what the catalog knows of the files: size and sha256, size, nothing
WAYS = ("connection", "connections", "process", "disk", "altered")


class Sending(Handler):
    """Calls the server's `enough` once it has sent `most` bytes of files."""

    def send(self, data: bytes) -> None:
        server = cast(Slow, self.server)
        if server.most is None:
            super().send(data)
            return
        self.wfile.write(data[: max(server.most, 0)])
        server.most -= len(data)
        if server.most < 0:
            server.enough.set()
            server.go_on.wait()
            self.close_connection = True


class Slow(Server):
    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Sending
        self.most: int | None = None  # no limit
        self.enough = threading.Event()


class Downloads:
    """A set of three files from a server on this machine."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.server = scratch, Slow()
        self.control = scratch / "control.json"

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        way = WAYS[number % len(WAYS)]
        known = "all" if way == "altered" else dice.choice(KNOWN)  # else it cannot be told
        weights = self.scratch / f"weights{number}"
        folder, fields = weights / "test", self.scratch / f"{number}.json"
        content = {path: dice.randbytes(size) for path, size in FILES.items()}
        fields.write_text(json.dumps(self.describe(content, known)))
        self.server.files = dict(content)
        self.broken: list[str] = []
        cut = dice.randrange(sum(FILES.values()))
        first = self.cut(way, cut, dice, fields, weights)
        self.look(folder, content, first)
        self.server.files, self.server.break_after = dict(content), []
        self.server.asked.clear()
        self.arm(NEVER)
        before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
        second = self.download(fields, weights)
        self.look(folder, content, second)
        if not second.get("ok"):
            self.broken.append(f"the next download: {second}")
        ranges = [asked for _, _, asked in self.server.asked if asked]
        left = [path.name for path in weights.rglob("*") if path.name.endswith(PART)]
        if left:
            self.broken.append(f"left over: {left}")
        what = {"way": way, "known": known, "cut": cut, "kept": before, "ranges": ranges}
        return what | {"first": first.get("message", first)}, self.broken

    def describe(self, content: dict[str, bytes], known: str) -> dict[str, Any]:
        files = [
            {
                "path": path,
                "size": len(data) if known else None,
                "sha256": hashlib.sha256(data).hexdigest() if known == "all" else None,
            }
            for path, data in content.items()
        ]
        told = {"id": "test", "title": "Test", "purpose": "For tests", "part": "views", "repository": "a/b"}
        return told | {"files": files, "licence": "MIT", "commercial_use": "yes"}

    def cut(self, way: str, at: int, dice: random.Random, fields: Path, weights: Path) -> dict[str, Any]:
        """The download that goes wrong; its answer."""
        self.arm(NEVER)
        if way in ("connection", "connections"):
            again = [dice.randrange(200_000) for _ in range(3)] if way == "connections" else []
            self.server.break_after = [at, *again, *([0] * 12 if dice.random() < 0.5 else [])]
        if way == "disk":
            self.arm(dice.randint(1, 12))
        if way == "altered":
            path = dice.choice(list(FILES))
            self.server.files[path] = self.server.files[path][:-1] + b"?"
        if way == "process":
            return self.kill(fields, weights, at)
        return self.download(fields, weights)

    def arm(self, at: int) -> None:
        self.control.write_text(json.dumps({"at": at, "error": "ENOSPC", "once": False}))

    def start(self, fields: Path, weights: Path) -> subprocess.Popen[str]:
        told = {"IMAGE_TO_MESH_WEIGHTS": str(weights), "IMAGE_TO_MESH_OFFLINE": "0", "HF_ENDPOINT": self.server.address}
        told |= {"HF_HUB_CACHE": str(self.scratch / "cache"), "HF_HUB_OFFLINE": "0"}
        environment = protocol.environment(os.environ) | told
        command = [sys.executable, "-I", str(RUNNER), str(ROOT), "disk", str(weights), str(self.control)]
        return subprocess.Popen([*command, "download", str(fields)], stdout=subprocess.PIPE, env=environment, text=True)

    def download(self, fields: Path, weights: Path) -> dict[str, Any]:
        process = self.start(fields, weights)
        try:
            return json.loads(process.communicate(timeout=120)[0])
        except ValueError:
            self.broken.append("a download ended without an answer")
        except subprocess.TimeoutExpired:
            process.kill()
            self.broken.append("a download hangs")
        return {}

    def kill(self, fields: Path, weights: Path, at: int) -> dict[str, Any]:
        self.server.most = at
        process = self.start(fields, weights)
        if not self.server.enough.wait(60):
            self.broken.append("a download hangs")
        process.kill()
        process.communicate()
        self.server.most = None
        self.server.enough.clear()
        self.server.go_on.set()
        self.server.go_on = threading.Event()
        return {"message": "killed"}

    def look(self, folder: Path, content: dict[str, bytes], answer: dict[str, Any]) -> None:
        """Nothing half or foreign may pass for the set, and what is done has to be whole."""
        is_done = (folder / MARKER).exists() and bool(read_marker(folder))
        if is_done and any((folder / path).read_bytes() != data for path, data in content.items()):
            self.broken.append("a wrong file passes for the set")
        if answer.get("ok") and not is_done:
            self.broken.append("it was called done, and is not")
        if not answer.get("ok") and "message" in answer and answer["message"] != "killed" and not answer.get("remedy"):
            self.broken.append(f"failed without a remedy: {answer}")

    def close(self) -> None:
        self.server.close()
