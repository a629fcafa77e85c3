# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that publishes weights like the Hugging Face hub, with faults that a test can set."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Server(ThreadingHTTPServer):
    """files: content by path; comments explain the other fields."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str]] = []  # method, path, range
        self.tokens: list[str | None] = []
        self.refuse = 0  # the status of all answers, 0: none is refused
        self.break_after: list[int] = []  # bytes after which the next connections break, in order
        self.ranges = True  # whether parts of a file can be requested
        self.linked = True  # whether the hub's own headers are sent
        self.elsewhere = ""  # the address of another server that downloads are redirected to
        self.stall = threading.Event()  # set: sends nothing after the first half
        self.stalled, self.go_on = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.go_on.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        server, path = self.server, unquote(self.path).rpartition("/resolve/main/")[2].lstrip("/")
        server.asked.append((self.command, path, self.headers.get("Range", "")))
        server.tokens.append(self.headers.get("Authorization"))
        if server.refuse or path not in server.files:
            self.begin(server.refuse or 404, 0, {})
            return
        data = server.files[path]
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"'}
        headers = {"ETag": f'"{hashlib.md5(data).hexdigest()}"'} | (linked if server.linked else {})
        if server.elsewhere:
            self.begin(302, 0, headers | {"Location": f"{server.elsewhere}/{self.path.lstrip('/')}"})
            return
        first = int(self.headers.get("Range", "bytes=0-")[6:-1]) if server.ranges else 0
        if first and first >= len(data):
            self.begin(416, 0, {"Content-Range": f"bytes */{len(data)}"})
            return
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self.begin(206 if first else 200, len(data) - first, headers)
        if body:
            self.send(data[first:])

    def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, data: bytes) -> None:
        server = self.server
        if server.stall.is_set():
            self.wfile.write(data[: len(data) // 2])
            server.stalled.set()
            server.go_on.wait()
            self.close_connection = True
        elif server.break_after:
            self.wfile.write(data[: server.break_after.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(data)
