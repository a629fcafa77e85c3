# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Several images at once: chosen in the file browser, or dropped on a viewport. One job each, in their order."""

from pathlib import Path

import bpy

from .. import session
from ..jobs.job import Job, State
from ..scene import input_image
from ..settings import scene as properties
from ..setup import environment
from . import generate

SUFFIXES = ".png;.jpg;.jpeg;.webp;.bmp;.tga;.tif;.tiff"
APART = 1.25  # metres from mesh to mesh; they are at most one wide


class GenerateFiles(bpy.types.Operator):
    """Make a coloured mesh from each of these images, side by side from the 3D cursor on"""

    bl_idname = "image_to_mesh.generate_files"
    bl_label = "Images to Meshes"

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    wait: bpy.props.BoolProperty(name="Wait", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or missing(context)
        cls.poll_message_set(reason)
        return not reason

    def invoke(self, context, event):
        if self.files:  # dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        paths = [Path(bpy.path.abspath(self.directory)) / file.name for file in self.files if file.name]
        if not paths:
            self.report({"ERROR"}, "Choose one image or more")
            return {"CANCELLED"}
        jobs = [make_job(context, path, number) for number, path in enumerate(paths)]
        for job in jobs:
            session.queue.submit(job)
        session.start()
        if not self.wait:
            return {"FINISHED"}
        generate.wait_for(jobs)
        failed = [job.name for job in jobs if job.state is not State.DONE]
        if failed:
            self.report({"WARNING"}, f"Not made: {', '.join(failed)}")
        return {"FINISHED"}


class DropImages(bpy.types.FileHandler):
    bl_idname = "IMAGE_TO_MESH_FH_images"
    bl_label = "Image to Mesh"
    bl_import_operator = GenerateFiles.bl_idname
    bl_file_extensions = SUFFIXES

    @classmethod
    def poll_drop(cls, context):
        return bool(context.area and context.area.type == "VIEW_3D")


def missing(context) -> str:
    """Why images alone do not do, or an empty string."""
    engine = properties.chosen_engine(context.scene.image_to_mesh)
    return "" if "image" in engine.inputs else f"{engine.title} starts from a prompt. Choose an engine for images"


def make_job(context, path: Path, number: int) -> Job:
    """One image's, with the settings that the panel shows. The file is read when its turn has come."""
    scene = context.scene
    x, y, z = scene.cursor.location
    return generate.new_job(
        context,
        name=input_image.printable(path.stem),
        picture=lambda: {"image_file": input_image.read_bytes(path)},
        location=(x + APART * number, y, z),
        origin={"filepath": str(path)},
    )


classes = (GenerateFiles, DropImages)
register, unregister = bpy.utils.register_classes_factory(classes)
