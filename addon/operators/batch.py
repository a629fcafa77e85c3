# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Several images at once, chosen in the file browser or dropped on a viewport: one job each, in their order.

The meshes stand in a square, row behind row from the 3D cursor on."""

import math
from dataclasses import replace
from pathlib import Path

import bpy

from .. import session
from ..base import stored_paths
from ..jobs.job import Job, State
from ..scene import delivery, together
from ..scene.images import input_image
from ..settings import engines
from .choose_image import SUFFIXES, is_over
from .generate import mesh_job
from .job_operator import FilesOperator, JobOperator

SPACING = 1.25  # metres from mesh to mesh; each is at most one metre wide


class IMAGE_TO_MESH_OT_generate_files(FilesOperator, JobOperator, bpy.types.Operator):
    """Make a colored mesh from each image, in rows from the 3D cursor on"""

    bl_idname = "image_to_mesh.generate_files"
    bl_label = "Images to Meshes"

    @classmethod
    def missing(cls, context) -> str:
        engine = engines.chosen_engine(context.scene.image_to_mesh)
        return "" if "image" in engine.inputs else f"{engine.title} starts from a prompt. Choose an engine for images"

    def invoke(self, context, event):
        dropped = bool(self.files)
        return self.execute(context) if dropped else super().invoke(context, event)

    def execute(self, context):
        folder = Path(bpy.path.abspath(self.directory))
        stored_paths.trust(str(folder))
        columns = math.ceil(math.sqrt(len(self.names())))
        shared = {together.BATCH: together.new_name()}
        jobs = [
            file_job(context, folder / name, divmod(number, columns), shared)
            for number, name in enumerate(self.names())
        ]
        if not jobs:
            self.report({"ERROR"}, "Choose at least one image")
            return {"CANCELLED"}
        for job in jobs:
            session.current().submit(job)
        if self.wait:
            session.current().wait_for(jobs)
            failed = [job.name for job in jobs if job.state is not State.DONE]
            if failed:
                self.report({"WARNING"}, f"Failed: {', '.join(failed)}")
        return {"FINISHED"}


class IMAGE_TO_MESH_FH_images(bpy.types.FileHandler):
    bl_idname = "IMAGE_TO_MESH_FH_images"
    bl_label = "Image to Mesh"
    bl_import_operator = IMAGE_TO_MESH_OT_generate_files.bl_idname
    bl_file_extensions = SUFFIXES

    @classmethod
    def poll_drop(cls, context):
        return is_over(context, "WINDOW")


def file_job(context, path: Path, spot: tuple[int, int], shared: dict) -> Job:
    """The job of one image for a row and column, with the settings that the panel shows. The file is read when its turn
    has come. shared: inputs that name the batch."""
    to = delivery.mesh_delivery(context)
    if isinstance(to, delivery.NewMesh):
        x, y, z = to.location
        to = replace(to, location=(x + SPACING * spot[1], y + SPACING * spot[0], z))
    name, origin = input_image.printable(path.stem), {"filepath": str(path)}
    return mesh_job(context, name, lambda: {"image_file": input_image.read_bytes(path)}, shared, origin, to)


classes = (IMAGE_TO_MESH_OT_generate_files, IMAGE_TO_MESH_FH_images)
register, unregister = bpy.utils.register_classes_factory(classes)
