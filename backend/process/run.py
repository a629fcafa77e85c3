# SPDX-License-Identifier: GPL-3.0-or-later
"""One job, run the same way for Blender and for the command line, and the folder that keeps it."""

from __future__ import annotations

import gc
import io
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines import EngineModule, ImageResult, MeshResult, Request
from ..interface.tasks import TEXT_TO_IMAGE, task
from ..runtime.progress import Progress

if TYPE_CHECKING:
    from ..rendering.mesh import Mesh

Load = Callable[[str], EngineModule]


class EmptyResult(ValueError):
    """An engine found no surface."""

    remedy = "Try another image of the object, another seed, or set Remove Background to always."


def run(request: Request[Any], progress: Progress, load: Load) -> MeshResult | ImageResult:
    """Load the engine and run it; cancelling reaches every torch module's forward. Raises what the engine raises."""
    started = time.monotonic()
    if getattr(request.parameters, "texture", "off") != "off":
        from ..meshing.texture import check_xatlas

        check_xatlas()
    progress.update("Loading the engine", 0, 1)
    engine = load(request.task)
    progress.check()
    with cancelling(progress):
        request = with_image(request, progress, load)
        result = engine.run(request, progress)
    if isinstance(result, MeshResult) and not len(result.mesh.faces):
        raise EmptyResult("No object was found in the image.")
    facts = {"engine": request.task, "seed": request.seed, "seconds": round(time.monotonic() - started, 2)}
    return replace(result, facts=plain(facts | result.facts))


def with_image(request: Request[Any], progress: Progress, load: Load) -> Request[Any]:
    """The request with an image made from its prompt, where its task takes an image and only a prompt was given.

    inputs["picture"] has the parameters of the task that makes the image. Raises what that task's engine raises.
    """
    inputs, takes = request.inputs, task(request.task).inputs
    if "image" in inputs or "prompt" not in inputs or "prompt" in takes or "image" not in takes:
        return request
    within = Progress(
        lambda p: progress.update(TEXT_TO_IMAGE.title, round(100 * p.overall), 100),
        is_cancelled=lambda: progress.check() is not None,
    )
    engine = load(TEXT_TO_IMAGE.name)
    parameters = inputs.get("picture") or TEXT_TO_IMAGE.check({})
    made = engine.run(Request(TEXT_TO_IMAGE.name, {"prompt": inputs["prompt"]}, parameters, request.seed), within)
    assert isinstance(made, ImageResult)
    drop_models([engine])
    progress.preview(made.images)
    return replace(request, inputs=inputs | {"image": made.images[0].astype(np.float32) / 255})


@contextmanager
def cancelling(progress: Progress) -> Iterator[None]:
    """While this lasts, every torch module asks the report before it runs: a cancel need not wait for a step."""
    torch = sys.modules.get("torch")
    if torch is None:  # nothing that could take long
        yield
        return
    handle = torch.nn.modules.module.register_module_forward_pre_hook(lambda module, inputs: progress.check())
    try:
        yield
    finally:
        handle.remove()


def drop_models(engines: Iterable[EngineModule]) -> None:
    """Let the engines forget their models, and give memory back to the system."""
    for engine in engines:
        getattr(engine, "unload", lambda: None)()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An npz file's bytes, not compressed: speed matters more than size between two processes."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]
    return stream.getvalue()


def pack_mesh(mesh: Mesh) -> bytes:
    """npz of vertices float32 (N, 3), faces int32 (M, 3), vertex_colors uint8 (N, 4); with a texture also of uv float32
    (M, 3, 2) and texture, the bytes of a PNG."""
    arrays = {"vertices": mesh.vertices, "faces": mesh.faces, "vertex_colors": mesh.vertex_colors}
    if mesh.uv is not None and mesh.texture is not None:
        from ..meshing.textured_files import encode_texture

        arrays |= {"uv": mesh.uv, "texture": np.frombuffer(encode_texture(mesh.texture), np.uint8)}
    return pack(arrays)


class FolderError(Exception):
    """The folder of a job cannot be written."""

    kind = "disk"
    remedy = "Free some space, or choose another data folder in the preferences."


class Folder:
    """The folder of one job: request.json, the input, log.txt, views.npz, report.json, and result.npz last.

    A result.npz is always whole: whoever finds one can import it. All but `log` raise FolderError.
    """

    def __init__(self, root: Path, job: str) -> None:
        self.path = root / job
        self._started = time.monotonic()
        with disk_errors(self.path):
            self.path.mkdir(parents=True)

    def write(self, name: str, data: bytes) -> None:
        """Write a file under a temporary name and rename it, so that nobody finds half of it."""
        temporary = self.path / f"{name}.part"
        with disk_errors(self.path):
            try:
                temporary.write_bytes(data)
                os.replace(temporary, self.path / name)
            finally:
                temporary.unlink(missing_ok=True)

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=1).encode())

    def write_result(self, result: MeshResult) -> None:
        self.write("views.npz", pack({"views": result.views}))
        self.write_json("report.json", result.facts)
        self.write("result.npz", pack_mesh(result.mesh))

    def write_pictures(self, result: ImageResult) -> dict[str, bytes]:
        """Keep the images, and return them as PNGs: `image_file`, and numbered ones where there are more."""
        from ..preprocess.image import encode_png

        pictures = {}
        for number, view in enumerate(result.images):
            ending = f"_{number:03}" if number else ""
            pictures["image_file" + ending] = encode_png(view.astype(np.float32) / 255)
            self.write(f"picture{ending}.png", pictures["image_file" + ending])
        return pictures

    def log(self, text: str) -> None:
        """Add a line to log.txt. A full disk must not end the job for a line in a log."""
        try:
            with open(self.path / "log.txt", "a", encoding="utf-8") as file:
                file.write(f"{time.monotonic() - self._started:8.1f} s  {text}\n")
        except OSError:
            print(text, file=sys.stderr)

    def log_error(self, error: BaseException) -> None:
        self.log("".join(traceback.format_exception(error)))


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a FolderError that says where and why."""
    try:
        yield
    except OSError as error:
        raise FolderError(f"The job's folder {path} cannot be written: {error.strerror or error}.") from error


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numpy's numbers become Python's, what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)
