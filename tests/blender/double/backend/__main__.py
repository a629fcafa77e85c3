# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what the image file's text says: one word a line, each a stage that is reported, or a way to misbehave."""

import io
import json
import os
import queue
import struct
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np

CUBE = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
OUT, SAYING = sys.stdout.buffer, threading.Lock()
CHECKPOINT = "state.pt"
KEPT = {"image_file": "input.image", "image": "input.npz", "mesh": "start.npz"}  # the others are views


def say(message, **attachments):
    listed = [{"name": name, "size": len(data)} for name, data in attachments.items()]
    with SAYING:
        OUT.write(json.dumps({**message, "attachments": listed}).encode() + b"\n" + b"".join(attachments.values()))
        OUT.flush()


def listen(inbox, jobs):
    """Answer questions, and put each other frame into the queue; the end of stdin ends the process."""
    while line := sys.stdin.buffer.readline():
        message = json.loads(line)
        data = {item["name"]: sys.stdin.buffer.read(item["size"]) for item in message.pop("attachments")}
        if message["type"] == "look":
            look(message, data, jobs)
        else:
            inbox.put((message, data))
    os._exit(0)


def look(message, data, jobs):
    """The picture of a look is green, half transparent on the right; a text that says "refuse" has none."""
    jobs.mkdir(parents=True, exist_ok=True)
    (jobs.parent / "look.json").write_text(json.dumps(message))
    answer = {"type": "look", "look": message["look"]}
    if data.get("image_file", b"").startswith(b"deadly"):
        os.kill(os.getpid(), 9)
    if data.get("image_file", b"").startswith(b"refuse"):
        return say(answer | {"kind": "input", "message": "No object"})
    side = message["framed"] or 8
    picture = np.full((1, side, side, 4), (10, 200, 30, 255), np.uint8)
    picture[:, :, side // 2 :, 3] = 128
    objects = 3 if data.get("image_file", b"").startswith(b"three") else 1
    say(answer | {"objects": objects, "note": "Background removed."}, views=npz(views=picture))


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def cube():
    """Eight corners; red grows with x, green with y, blue with z."""
    vertices = np.array(CUBE, np.float32)
    faces = [tri for a, b, c, d in SIDES for tri in ((a, b, c), (a, c, d))]
    colors = np.concatenate([(vertices > 0) * 200 + 20, np.full((8, 1), 255)], 1).astype(np.uint8)
    return npz(vertices=vertices, faces=np.array(faces, np.int32), vertex_colors=colors)


def png(red):
    """A file of one opaque pixel."""
    return png_file(np.array([[[red, 20, 30]]], np.uint8))


def png_file(pixels):
    """A file of pixels uint8 (H, W, 3)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def grid(count):
    """About `count` vertices of a wavy sheet, for measuring."""
    n = int(count**0.5) + 1
    axis = np.linspace(-0.5, 0.5, n, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x, y, np.sin(x * 9) * 0.2], -1).reshape(-1, 3).astype(np.float32)
    i = np.arange(n * n, dtype=np.int32).reshape(n, n)
    a, b, c, d = i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    colors = np.full((n * n, 4), 255, np.uint8)
    return npz(vertices=vertices, faces=faces, vertex_colors=colors)


def sheet(side=65, size=64):
    """A flat sheet seen from above, whose vertex colours and texture show the same waves."""

    def waves(x, y):
        return np.stack([0.5 + 0.4 * np.sin(6 * x), 0.5 + 0.4 * np.cos(5 * y), 0.5 + x * y], -1) * 255

    with np.load(io.BytesIO(grid((side - 1) ** 2))) as file:
        vertices, faces, colors = file["vertices"] * [1, 1, 0], file["faces"], file["vertex_colors"].copy()
    colors[:, :3] = np.rint(waves(*vertices[:, :2].T))
    middles = (np.arange(size) + 0.5) / size - 0.5
    texture = np.rint(waves(*np.meshgrid(middles, -middles))).astype(np.uint8)
    data = np.frombuffer(png_file(texture), np.uint8)
    uv = (vertices[faces][..., :2] + 0.5).astype(np.float32)
    return npz(vertices=vertices.astype(np.float32), faces=faces, vertex_colors=colors, uv=uv, texture=data)


def cancelled(inbox, seconds=0.0):
    """Whether a cancel came; waits up to `seconds` for one."""
    try:
        return inbox.get(timeout=max(seconds, 0.001))[0]["type"] == "cancel"
    except queue.Empty:
        return False


def optimise(message, inbox, folder):
    """Until a cancel or `enough` comes; returns which. The checkpoint names the jobs that had a part in it."""
    earlier = folder.parent / str(message.get("resume")) / CHECKPOINT
    done = earlier.read_text().split() if earlier.is_file() else []
    (folder / CHECKPOINT).write_text(" ".join([*done, message["job"]]))
    say({"type": "progress", "job": message["job"], "stage": "optimising", "step": 2, "total": 9, "overall": 0.2})
    while (word := inbox.get()[0]["type"]) not in ("cancel", "enough"):
        pass
    return word


def work(message, script, inbox, folder):
    job, mesh, facts = message["job"], cube(), {"seconds": 1}
    for number, word in enumerate(script):
        word, _, argument = word.partition(":")
        say(
            {
                "type": "progress",
                "job": job,
                "stage": word,
                "step": 1,
                "total": 2,
                "overall": number / len(script),
                "eta_s": 1.0,
            }
        )
        if word == "die":
            os.kill(os.getpid(), int(argument or 9))
        if word == "exit":
            os._exit(int(argument or 3))
        if word == "garbage":
            OUT.write(b"Traceback (most recent call last):\n")
            OUT.flush()
            time.sleep(60)
        if word == "half":
            OUT.write(b'{"type": "result", "attachments": [{"name": "mesh", "size": 1000}]}\n' + b"0" * 10)
            OUT.flush()
            os.kill(os.getpid(), 9)
        if word == "malformed":
            say({"type": "progress", "job": job})
        if word == "refuse":
            return say({"type": "failure", "job": job, "kind": "input", "message": "No object", "remedy": "Crop it"})
        if word == "memory":
            lower = {"mesh_resolution": 64, "device": "cpu", "no such": 1} if argument else {"mesh_resolution": 64}
            return say(
                {"type": "failure", "job": job, "kind": "memory", "message": "Full", "remedy": "", "lower": lower}
            )
        if word == "views":
            count, size = (int(n) for n in (argument or "8x16").split("x"))
            views = np.zeros((count, size, size, 4), np.uint8)
            views[..., 0], views[..., 3] = 255, 255
            say({"type": "preview", "job": job}, views=npz(views=views))
        if word == "preview":
            say({"type": "preview", "job": job}, mesh=mesh)
        if word == "deaf":
            time.sleep(60)
        if word == "wait" and cancelled(inbox, float(argument or 60)):
            return say({"type": "failure", "job": job, "kind": "cancelled", "message": "Cancelled", "remedy": ""})
        if word == "optimise" and optimise(message, inbox, folder) == "cancel":
            return say({"type": "failure", "job": job, "kind": "cancelled", "message": "Cancelled", "remedy": ""})
        if word == "optimise":
            facts = {"stopped": True, "jobs": (folder / CHECKPOINT).read_text()}
        if word == "grid":
            mesh = grid(int(argument))
        if word == "sheet":
            mesh = sheet()
        if word == "outside":
            mesh = npz(
                vertices=np.zeros((3, 3), np.float32),
                faces=np.array([[0, 1, 9]], np.int32),
                vertex_colors=np.zeros((3, 4), np.uint8),
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(facts))
    (folder / "result.npz").write_bytes(mesh)
    say({"type": "result", "job": job, "folder": str(folder), "report": facts}, mesh=mesh)


def keep(message, data, folder):
    """Write the request with a list of what came, and what came, as the backend does."""
    message["attached"] = sorted(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "request.json").write_text(json.dumps(message))
    for name in data:
        (folder / KEPT.get(name, f"{name}.image")).write_bytes(data[name])


def main():
    jobs = Path(sys.argv[sys.argv.index("--jobs") + 1])
    if os.environ.get("DOUBLE_MUTE"):
        time.sleep(60)
    protocol = int(os.environ.get("DOUBLE_PROTOCOL", "1"))
    can_run = not os.environ.get("DOUBLE_MISSING")
    say(
        {
            "type": "hello",
            "protocol": protocol,
            "version": "0",
            "python": sys.version.split()[0],
            "devices": [],
            "engines": [{"name": "one2345", "can_run": can_run, "missing": ["starter"], "remedy": "Get them"}],
        }
    )
    inbox = queue.Queue()
    threading.Thread(target=listen, args=(inbox, jobs), daemon=True).start()
    while True:
        message, data = inbox.get()
        if message["type"] == "request" and message["engine"] in ("text_to_image", "novel_view"):
            count = len(message["inputs"].get("angles", [0]))
            pictures = {f"image_file_{i}" if i else "image_file": png(message["seed"] + i) for i in range(count)}
            say({"type": "picture", "job": message["job"], "folder": "", "report": {"elevation_deg": 30.0}}, **pictures)
        elif message["type"] == "request":
            script = data.get("image_file", b"views").decode().split()
            keep(message, data, jobs / message["job"])
            work(message, script, inbox, jobs / message["job"])
        elif message["type"] == "unload":
            (jobs.parent / "unloaded").touch()


main()
