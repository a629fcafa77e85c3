# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames between Blender and the backend, and the requests in them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.interface.protocol import MAX_ATTACHMENTS, FrameError, read_frame, write_frame
from backend.interface.tasks import TASKS
from backend.meshing.files import MeshFileError
from backend.preprocess.views.poses import ViewsError
from backend.process.codec import pack
from backend.process.inputs import read_inputs
from backend.process.server import check_request
from tests.fuzzing.format import Files, Format
from tests.fuzzing.meshes import packed
from tests.fuzzing.mutations import dump, mutate_bytes, mutate_json

ATTACHED = ("image_file", "image", "mesh", "view_000", "view_001")


def image_file() -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (16, 16), (10, 200, 30, 255)).save(stream, "PNG")
    return stream.getvalue()


def request(rng: Random) -> dict:
    """A sound request for any task."""
    task = rng.choice(TASKS)
    camera = {"fov_deg": 40.0, "cam_to_world": np.eye(4).tolist()}
    inputs = {"prompt": "a red car", "picture": {}, "cameras": [camera, camera], "angles": [[0, 10], [90, -10]]}
    inputs["selection"] = {"box": [0.1, 0, 1, 0.9], "object": 0}
    values = {parameter.name: parameter.default for parameter in task.parameters}
    return {"type": "request", "job": "a-1", "engine": task.name, "parameters": values, "seed": 1, "inputs": inputs}


def attachments(rng: Random) -> dict[str, bytes]:
    pixels = pack({"image": np.full((16, 16, 4), 0.5, np.float32)})
    data = {"image_file": image_file(), "image": pixels, "mesh": packed(rng)}
    data |= dict.fromkeys(("view_000", "view_001"), image_file())
    return {name: data[name] for name in ATTACHED if rng.random() < 0.6}


def make_frames(rng: Random) -> Files:
    """A stream of two frames, of which the line, the bytes or the cut between them are damaged."""
    stream = io.BytesIO()
    write_frame(stream, {"type": "progress", "job": "a", "step": 3}, {"views": b"123", "mesh": b"4567"})
    write_frame(stream, {"type": "heartbeat"})
    data = stream.getvalue()
    if rng.random() < 0.4:
        return {"a": mutate_bytes(rng, data)}
    line, _, rest = data.partition(b"\n")
    return {"a": dump(rng, mutate_json(rng, json.loads(line))) + b"\n" + rest}


def read_frames(folder: Path) -> None:
    with (folder / "a").open("rb") as stream:
        while (frame := read_frame(stream)) is not None:
            message, attached = frame
            assert isinstance(message["type"], str) and len(attached) <= MAX_ATTACHMENTS
            assert all(isinstance(name, str) and isinstance(data, bytes) for name, data in attached.items())


def make_request(rng: Random) -> Files:
    """A frame that is sound, with a request that is not."""
    stream = io.BytesIO()
    message = request(rng)
    if rng.random() < 0.2:
        message["inputs"]["image"] = rng.choice(("a.png", "b", "", "\0", "x" * 5000))
    message = {str(key): value for key, value in finite(mutate_json(rng, message)).items()}
    write_frame(stream, message | {"type": "request"}, attachments(rng))
    return {"a": stream.getvalue()}


def finite(value: object) -> dict:
    """Without what no frame can hold."""
    text = json.dumps(value if isinstance(value, dict) else {})
    return json.loads(text, parse_constant=lambda name: None)


def read_request(folder: Path) -> None:
    with (folder / "a").open("rb") as stream:
        frame = read_frame(stream)
    assert frame is not None
    queued = check_request(*frame)
    kept = {}
    inputs = read_inputs(queued.task, queued.message.get("inputs"), queued.attachments, kept.__setitem__)
    assert all(name == Path(name).name and not name.startswith(".") for name in kept)
    if "image" in inputs:
        assert inputs["image"].dtype == np.float32 and np.isfinite(inputs["image"]).all()


REFUSALS = (ParameterError, ImageError, ViewsError, MeshFileError)
MESSAGES = (
    Format("frames", make_frames, read_frames, (FrameError,), is_shown=False),
    Format("request", make_request, read_request, REFUSALS),
)
