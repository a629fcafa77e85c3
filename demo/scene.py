# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of one click without a window: `PYTHON scene.py IMAGE OUTPUT BACKEND_PYTHON BACKEND_ROOT JOBS ENGINE`.

PYTHON is one that has bpy; or it is `blender --background --python scene.py -- IMAGE ...`. The extension's own code
starts the backend, sends the job, reads the frames and puts the mesh into the scene.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from demo import sheet  # noqa: E402

PACKAGE = "image_to_mesh"
SAMPLES = 24  # rays a pixel


def import_extension() -> None:
    """Import the checkout as the package that Blender would make of it."""
    spec = importlib.util.spec_from_file_location(PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec and spec.loader
    sys.modules[PACKAGE] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def main(image: Path, output: Path, python: str, root: str, jobs: Path, name: str) -> None:
    import_extension()
    from image_to_mesh.addon.jobs.job import Job, Request, State  # pyright: ignore[reportMissingImports]
    from image_to_mesh.addon.jobs.process import Launch  # pyright: ignore[reportMissingImports]
    from image_to_mesh.addon.jobs.queue import JobQueue  # pyright: ignore[reportMissingImports]
    from image_to_mesh.addon.scene.mesh_import import add_object  # pyright: ignore[reportMissingImports]
    from image_to_mesh.backend.interface import protocol, tasks  # pyright: ignore[reportMissingImports]

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    made: list[bpy.types.Object] = []

    def deliver(job: Job) -> str:
        began, mesh = time.perf_counter(), job.outcome.mesh
        made.append(add_object(mesh, job.name, job.provenance(), (0.0, 0.0, 0.0), scene))
        counts = f"{len(mesh.vertices)} vertices, {len(mesh.faces)} faces"
        say(f"{counts}, in Blender {bpy.app.version_string} after {time.perf_counter() - began:.2f} s")
        return ""

    command = protocol.command(python, root, "serve", "--jobs", str(jobs))
    launch = Launch(command, protocol.environment(os.environ), output, output / "backend.log")
    parameters = vars(tasks.task(name).check({}))
    request = Request(name, parameters, 0, lambda: {"image_file": image.read_bytes()}, image.stem)
    job = Job(request, delivery=None)
    queue = JobQueue(lambda: lambda: launch, deliver)
    queue.submit(job)
    seconds = wait_for(queue)
    if job.state is not State.DONE:
        sys.exit(f"{job.outcome.message} {job.outcome.remedy}\nThe log: {launch.log}")
    say(f"The job took {seconds:.1f} s{used_by_children()}")
    write_results(made[0], image, job.progress.sheet, output)


def wait_for(queue) -> float:
    """Run the queue until nothing is left, end the backend, and return the seconds that the job took."""
    began, stage = time.monotonic(), ""
    job = queue.waiting[0]
    while queue.busy:
        queue.poll()
        if job.progress.stage != stage:
            stage = job.progress.stage
            say(f"{time.monotonic() - began:6.1f} s  {100 * job.progress.overall:3.0f} %  {stage}")
        time.sleep(0.02)
    seconds = time.monotonic() - began
    queue.stop()
    return seconds


def used_by_children() -> str:
    """Processor time and peak memory of the backend, that has ended; nothing where the system does not say."""
    try:
        import resource
    except ImportError:
        return ""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss * 1024  # bytes there, kB elsewhere
    return f", {used.ru_utime + used.ru_stime:.1f} s of processor time, at most {peak / 1e9:.2f} GB of memory"


def write_results(made: bpy.types.Object, image: Path, views: np.ndarray | None, output: Path) -> None:
    """The mesh from four sides in a picture, beside the image and the generated views; the scene; the mesh files."""
    set_up_scene()
    cells = [read(image), *([] if views is None else [views / 255])]
    for name, azimuth in sheet.SIDES:
        aim_camera(azimuth)
        path = output / f"{name}.png"
        bpy.context.scene.render.filepath = str(path)
        with quiet():
            bpy.ops.render.render(write_still=True)
        cells.append(read(path))
        path.unlink()
    aim_camera(0)
    blend, ply, glb, picture = (output / name for name in ("mesh.blend", "mesh.ply", "mesh.glb", "picture.png"))
    save(np.concatenate([sheet.fit(cell) for cell in cells], 1), picture)
    with quiet():
        bpy.ops.wm.ply_export(filepath=str(ply), export_selected_objects=True, export_colors="SRGB")
        bpy.ops.export_scene.gltf(filepath=str(glb), use_selection=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(blend), compress=True)
    for path in (blend, ply, glb, picture):
        say(str(path.resolve()))


def set_up_scene() -> None:
    """Soft light from above, a camera, and Cycles on the processor, which needs neither display nor graphics card."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, False
    scene.render.resolution_x = scene.render.resolution_y = sheet.PIXELS
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.8
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.angle = 1.2, 0.5
    sun.rotation_euler = (math.radians(50), 0, math.radians(-30))
    scene.collection.objects.link(sun)
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.data.angle = math.radians(sheet.FOV_DEG)
    scene.collection.objects.link(scene.camera)


def aim_camera(azimuth_deg: float) -> None:
    a, e = math.radians(azimuth_deg), math.radians(sheet.ELEVATION_DEG)
    position = sheet.RADIUS * Vector((math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)))
    camera = bpy.context.scene.camera
    camera.location, camera.rotation_euler = position, (-position).to_track_quat("-Z", "Y").to_euler()


def read(path: Path) -> np.ndarray:
    """A picture as float32 (H, W, 4), straight alpha, first row on top."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def save(picture: np.ndarray, path: Path) -> None:
    """Write float32 (H, W, 4), first row on top, as PNG."""
    image = bpy.data.images.new("picture", picture.shape[1], picture.shape[0])
    image.pixels.foreach_set(np.ascontiguousarray(picture[::-1], np.float32).reshape(-1))
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Blender writes about every sample on C's standard output."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        if os.name != "nt":
            ctypes.CDLL(None).fflush(None)  # or C would write its lines later
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 if "--" in sys.argv else 1 :]  # Blender's own come before
    main(Path(words[0]), Path(words[1]), words[2], words[3], Path(words[4]), words[5])
