# SPDX-License-Identifier: GPL-3.0-or-later
"""A small engine that does what the parameter `weights` says, and a server and a command line with it.

python double_engine.py ROOT serve JOBS [--torch] [--idle]
python double_engine.py ROOT command ARGUMENTS...
"""

import ctypes
import os
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np

FOREVER = 10**9
MODEL_BYTES = 300 << 20
MODELS = {}
VERTICES = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def run(request, progress):
    """The task's answer; every task of the command line that takes an image or views has one."""
    return TASKS[request.task](request, progress)


def make_mesh(request, progress):
    """A tetrahedron in the image's mean colour, with two views of it; or trouble."""
    from backend.engines import MeshResult
    from backend.rendering.mesh import Mesh

    parameters = request.parameters
    progress.plan({"views": 3, "mesh": 1})
    progress.update("views", 0, 2)
    colour = np.rint(request.inputs["image"].mean((0, 1)) * 255).astype(np.uint8)
    views = np.broadcast_to(colour, (2, 8, 8, 4)).copy()
    progress.preview(views)
    SCENARIOS[parameters.weights](progress)
    progress.remarks.append("The double says so.")
    if parameters.weights == "large":
        views = np.zeros((2, 256, 256, 4), np.uint8)
    progress.update("mesh", 1, 1)
    faces = FACES[:0] if parameters.weights == "empty" else FACES
    facts = {
        "mean": colour.tolist(),
        "numpy": np.float32(0.5),
        "nan": float("nan"),
        "steps": getattr(parameters, "num_inference_steps", None),
        "warning": "It has no back.",
        "background": "Background kept.",
    }
    return MeshResult(Mesh(VERTICES, faces, np.broadcast_to(colour, (4, 4)).copy()), views, facts)


def turn_image(request, progress):
    """The image itself, turned upside down, with the angles in its first pixel."""
    from backend.engines import ImageResult

    turned = np.rint(request.inputs["image"][::-1] * 255).astype(np.uint8)
    azimuth, elevation = request.inputs["angles"][0]
    turned[0, 0] = (azimuth, 255 if elevation is None else elevation, request.seed, 255)
    return ImageResult(turned[None])


def move_mesh(request, progress):
    """A tetrahedron in the mean colour of the views, moved to the first camera."""
    from backend.engines import MeshResult
    from backend.rendering.mesh import Mesh

    views = np.stack(request.inputs["views"])
    colour = np.rint(views.mean((0, 1, 2)) * 255).astype(np.uint8)
    vertices = VERTICES + request.inputs["cameras"][0].position.astype(np.float32)
    return MeshResult(Mesh(vertices, FACES, np.broadcast_to(colour, (4, 4)).copy()), views[..., :0])


TASKS = {"one2345": make_mesh, "zero123_sds": make_mesh, "novel_view": turn_image, "views_to_mesh": move_mesh}


def wait(progress):
    """Runs until it is cancelled, checking progress now and then."""
    say("working")
    for step in range(FOREVER):
        progress.update("views", step, FOREVER)
        time.sleep(0.005)


def go_on(progress):
    """Counts until it is told to stop and keep, from the job's checkpoint on, and writes one."""
    checkpoint = progress.folder / "state.pt"
    say(f"from {checkpoint.read_text() if checkpoint.exists() else 'nothing'}")
    checkpoint.write_text(progress.folder.name)
    while not progress.ending:
        progress.check()
        time.sleep(0.005)


def keep_model(progress):
    """Keeps a model of MODEL_BYTES between jobs; the log says when it is dropped."""
    from backend.runtime.model_cache import ModelCache

    MODELS.setdefault("cache", ModelCache(Model))()


class Model:
    """Takes a network's memory."""

    def __init__(self):
        self.parameters = np.ones(MODEL_BYTES, np.uint8)
        weakref.finalize(self, say, "unloaded")


def run_out_of_memory(progress):
    keep_model(progress)
    raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")


def never_enough(progress):
    """Optimising until it is cancelled; leaves a checkpoint."""
    (progress.folder / "state.pt").write_text(progress.folder.name)
    say("from nothing")
    while True:
        progress.check()
        time.sleep(0.005)


def forward(progress):
    """Runs for ever in a torch module, without checking progress."""
    import torch

    layer = torch.nn.Linear(4, 4)
    say("working")
    while True:
        layer(torch.zeros(1, 4))


def hang(progress):
    """Ignores every cancel."""
    say("working")
    while True:
        time.sleep(0.1)


def chatter(progress):
    """Writes to standard output and reads standard input in every way that libraries do."""
    print("from Python")
    print("from Python's first stdout", file=sys.__stdout__, flush=True)
    os.write(1, b'{"type": "result", "job": "from the descriptor"}\n')
    libc = ctypes.CDLL(None)
    libc.printf(b"from C\n")
    libc.fflush(None)
    subprocess.run([sys.executable, "-c", "import sys; print('from a child', repr(sys.stdin.read()))"], check=True)
    assert sys.stdin.read() == ""


def die(progress):
    os.kill(os.getpid(), 9)


def fail(error):
    def scenario(progress):
        raise error

    return scenario


class Wordless(Exception):
    """Cannot even be described."""

    def __str__(self):
        raise ValueError


def write_log(progress):
    """Prints, and finds the job's own log in the way of its next line."""
    (progress.folder / "log.txt").unlink()
    (progress.folder / "log.txt").mkdir()
    print("a library's words")


def import_half(progress):
    """Imports a library for which there is no memory."""
    (progress.folder / "heavy.py").write_text('raise ImportError("x.so: failed to map segment from shared object")')
    sys.path.append(str(progress.folder))
    import heavy  # noqa: F401  # pyright: ignore[reportMissingImports]


def lack_weights(progress):
    from backend.interface.catalog import WeightsError

    raise WeightsError("The file unet is missing.", "Choose another folder.")


SCENARIOS = {
    "starter": lambda progress: None,
    "large": lambda progress: None,
    "empty": lambda progress: None,
    "wait": wait,
    "go_on": go_on,
    "never_enough": never_enough,
    "forward": forward,
    "hang": hang,
    "chatter": chatter,
    "die": die,
    "model": keep_model,
    "memory": run_out_of_memory,
    "bug": fail(KeyError("a bug")),
    "exit": fail(SystemExit(3)),
    "wordless": fail(Wordless()),
    "log": write_log,
    "import": import_half,
    "weights": lack_weights,
}


def say(text):
    os.write(2, f"{text}\n".encode())


def main(root, what, *arguments):
    sys.path.insert(0, root)
    from backend import __main__, engines
    from backend.process import server

    def load(name):
        assert name in TASKS
        return sys.modules["__main__"]

    if what == "serve":
        if "--torch" in arguments:
            import torch  # noqa: F401
        if "--idle" in arguments:
            server.IDLE_S = 0.1
        server.main(Path(arguments[0]), load)  # pyright: ignore[reportArgumentType]
    engines.load = load
    sys.exit(__main__.main(list(arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
