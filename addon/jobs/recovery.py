# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs from their folders: finished ones to import, and interrupted ones to resume."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ...backend.interface import tasks
from ..base import arrays
from ..base.trouble import Trouble
from ..setup import job_folders
from .job import Delivery, Job, Outcome, Request, State, inputs_of
from .process import Attachments

if TYPE_CHECKING:
    from ..setup.disk_scan import Seen

IMAGE = "input.image"  # the image file as the artist chose it
PNG = "input.png"  # of an image that came as an array
INPUTS = {IMAGE: "image_file", "input.npz": "image", "start.npz": "mesh"}  # the backend's files, attachments


def finished(folder: Path, delivery: Delivery) -> Job:
    """A job whose mesh was not imported, as if it had just ended. A thread reads the mesh."""
    stored = job_folders.read(folder / job_folders.REQUEST)
    image = next((folder / name for name in (IMAGE, PNG) if (folder / name).is_file()), None)
    request = Request(
        engine=str(stored.get("engine", "")),
        parameters=stored.get("parameters", {}),
        seed=stored.get("seed", 0),
        attachments=dict,
        name=job_folders.name_of(stored),
        inputs=inputs_of(stored),
        origin={"stored": str(image)} if image else {},
    )
    outcome = Outcome(facts=job_folders.read(folder / job_folders.REPORT), folder=str(folder))
    threads = ThreadPoolExecutor(1)
    outcome.reading = threads.submit(read_mesh, folder)
    threads.shutdown(wait=False)
    return Job(request, delivery, folder.name, State.FINISHED, outcome=outcome)


def waiting(seen: Seen, jobs: list[Job]) -> int:
    """How many finished meshes wait for Import Finished Job, without a look at the disk. jobs: those of the queue."""
    return len(set(seen.waiting) - {job.id for job in jobs})


def read_mesh(folder: Path) -> arrays.MeshArrays:
    """The mesh in a job's folder. Raises Trouble."""
    try:
        return arrays.decode_mesh((folder / job_folders.RESULT).read_bytes())
    except (OSError, ValueError) as error:
        raise Trouble(f"The finished job {folder.name} cannot be read: {error}", "Run it again", "disk") from error


def resumed(folder: Path, mesh: Delivery, images: Delivery) -> Job:
    """A new job with the request and inputs of an interrupted one, which goes on from its checkpoint. mesh, images: the
    deliveries for either kind of result. Raises Trouble."""
    stored = job_folders.read(folder / job_folders.REQUEST)
    try:
        task = tasks.task(stored["engine"])
        request = Request(
            engine=task.name,
            parameters=vars(task.check(stored["parameters"])),
            seed=int(stored.get("seed", 0)),
            attachments=stored_inputs(folder),
            name=job_folders.name_of(stored),
            inputs=inputs_of(stored),
            resume=folder.name,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Trouble(f"The job {folder.name} cannot be resumed: {error}", "Start it again", "input") from error
    return Job(request, mesh if task.produces == "mesh" else images)


def stored_inputs(folder: Path) -> Attachments:
    """The inputs that the backend has kept in a job's folder, read in a thread."""
    views = {path.name: path.name.removesuffix(".image") for path in folder.glob("view_*.image")}
    names = {name: attachment for name, attachment in (INPUTS | views).items() if (folder / name).is_file()}
    return lambda: {attachment: (folder / name).read_bytes() for name, attachment in names.items()}
