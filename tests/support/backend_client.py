# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a backend process for a test and talks to it through its pipes."""

import io
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import Image

from backend.interface import protocol
from tests.support import ROOT

DOUBLE = Path(__file__).parent / "double_engine.py"
PATIENCE_S = 180  # a limit for busy machines, never a measurement


def double(jobs: Path, *options: str) -> list[str]:
    return [sys.executable, "-u", str(DOUBLE), str(ROOT), "serve", str(jobs), *options]


class Client:
    """A backend process; `said`: all its (message, attachments) so far, in order."""

    def __init__(self, command: list[str], log: Path):
        self.said: list[tuple[dict, dict[str, bytes]]] = []
        self.error: Exception | None = None
        self._inbox: queue.SimpleQueue = queue.SimpleQueue()
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=protocol.environment(os.environ),
            )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = cast(BinaryIO, self.process.stdin), cast(BinaryIO, self.process.stdout)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while (frame := protocol.read_frame(self.stdout)) is not None:
                self._inbox.put(frame)
        except protocol.FrameError as error:
            self.error = error
        self._inbox.put(None)

    def expect(self, *kinds: str, job: str | None = None) -> tuple[dict, dict[str, bytes]]:
        """The next message of one of these types (about that job). AssertionError if the backend ends before."""
        while True:
            frame = self._inbox.get(timeout=PATIENCE_S)
            assert frame is not None, f"the backend ended: {self.error} {self.log.read_text()[-2000:]}"
            self.said.append(frame)
            if frame[0]["type"] in kinds and (job is None or frame[0].get("job") == job):
                return frame

    def send(self, message: dict, **attachments: bytes) -> None:
        protocol.write_frame(self.stdin, message, attachments)

    def request(self, job: str, /, scenario: str = "starter", image: bytes | None = None, **changes) -> None:
        message = {"type": "request", "job": job, "engine": "one2345", "parameters": {"weights": scenario}, "seed": 1}
        self.send(message | changes, image_file=PICTURE if image is None else image)

    def wait_for_log(self, text: str) -> None:
        """Wait until the backend has written the text to its standard error."""
        waiting = threading.Event()
        for _ in range(PATIENCE_S * 50):
            if text in self.log.read_text():
                return
            waiting.wait(0.02)
        raise AssertionError(f"no {text!r} in {self.log.read_text()[-2000:]}")

    def end(self) -> int:
        """Close its standard input and wait for its end."""
        self.stdin.close()
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self.stdout.close()
        return status

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


def picture(colour: tuple[int, ...] = (10, 200, 30, 255), size: tuple[int, int] = (32, 32)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", size, colour).save(stream, "PNG")
    return stream.getvalue()


PICTURE = picture()


def arrays(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return dict(file)
