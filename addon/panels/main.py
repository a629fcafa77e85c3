# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab in the 3D View's sidebar. Drawing reads what is in memory, and nothing else."""

import textwrap

import bpy

from ...backend.interface import parameters, tasks
from .. import session
from ..base import compat
from ..jobs.job import Job, State
from ..scene import mesh_export
from ..settings import scene
from ..setup import environment
from . import icons, presets
from .preferences import megabytes

CHARACTER_PX = 7.0  # of Blender's interface font at scale 1, roughly
SHOWN = 5  # jobs, and failures
UNIT_PX = 20  # of Blender's interface at scale 1


class Main(bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_main"
    bl_label = "Image to Mesh"
    bl_category = "Image to Mesh"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        if not environment.is_ready():
            draw_setup(layout, context)
        draw_input(layout, settings)
        row = layout.row()
        row.scale_y = 1.5
        busy = session.queue.busy
        row.operator("image_to_mesh.generate", text="Add to Queue" if busy else "Image to Mesh", icon="MESH_MONKEY")
        jobs = session.queue.jobs()
        for job in jobs[:SHOWN]:
            draw_job(layout, context, job)
        if len(jobs) > SHOWN:
            row = layout.row()
            row.label(text=f"and {len(jobs) - SHOWN} more")
            row.operator("image_to_mesh.cancel", text="Cancel All", icon="CANCEL")
        draw_outcome(layout, context)


class Settings(bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_settings"
    bl_parent_id = Main.bl_idname
    bl_label = "Settings"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, _context):
        self.layout.emboss = "NONE"
        self.layout.popover(panel=presets.Presets.bl_idname, icon="PRESET", text="")

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "seed")
        draw_settings(layout, context, scene.chosen_engine(settings))


class PictureSettings(bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_picture"
    bl_parent_id = Settings.bl_idname
    bl_label = tasks.PICTURE.title
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return "prompt" not in scene.chosen_engine(context.scene.image_to_mesh).inputs

    def draw(self, context):
        self.layout.use_property_split, self.layout.use_property_decorate = True, False
        draw_settings(self.layout, context, tasks.PICTURE)


class Results(bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_results"
    bl_parent_id = Main.bl_idname
    bl_label = "Results"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.operator_menu_enum("image_to_mesh.import_finished", "job", icon="IMPORT")
        layout.operator("image_to_mesh.free_memory", icon="MEMORY")
        layout.operator("image_to_mesh.show_log", icon="TEXT")
        layout.operator("image_to_mesh.copy_report", icon="COPYDOWN")
        layout.operator("image_to_mesh.open_preferences", icon="PREFERENCES")


def draw_settings(layout, context, engine: parameters.Engine, left_out: frozenset[str] = frozenset()) -> None:
    """The parameters of an engine, with what goes with them."""
    settings = context.scene.image_to_mesh
    group = getattr(settings, engine.name)
    for parameter in (p for p in scene.shown(engine) if p.name not in left_out):
        layout.prop(group, parameter.name)
        if parameter.name == scene.WEIGHTS:
            draw_weights(layout, group)
        if parameter.name == mesh_export.START and mesh_export.is_wanted(settings):
            draw_start(layout, context)


def draw_reason(layout, context, reason: str) -> None:
    """Why a button is grey, where there is a reason."""
    if reason:
        wrapped(layout, context, reason, icon="INFO")


def draw_start(layout, context) -> None:
    """Which mesh the job will start from, or that one has to be made active."""
    reason = mesh_export.missing(context)
    wrapped(layout, context, reason or context.active_object.name, icon="ERROR" if reason else "MESH_DATA")


def draw_weights(layout, group) -> None:
    """What goes with the choice of weights: a path, or what has to be downloaded first."""
    if group.weights == scene.OWN:
        layout.prop(group, "weights_path")
    for weights in scene.lacking_weights(group):
        layout.label(text=f"{weights.title}: not downloaded, {megabytes(weights.size)}", icon="INFO")
        layout.operator("image_to_mesh.download_model", text="Download", icon="IMPORT").model = weights.id


def draw_setup(layout, context) -> None:
    box = layout.box()
    task = environment.task()
    if task and environment.running():
        box.progress(factor=task.overall, text=task.stage)
    else:
        wrapped(box, context, "The backend, which does the work, is not set up yet", icon="INFO")
    box.operator("image_to_mesh.open_preferences", text="Set Up Backend", icon="PREFERENCES")


def draw_input(layout, settings) -> None:
    engine = scene.chosen_engine(settings)
    if len(tasks.ENGINES) > 1:
        layout.prop(settings, "engine", text="")
    if "image" in engine.inputs:
        sources = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)  # a row cuts them off
        for identifier, *_ in scene.SOURCES:
            sources.prop_enum(settings, "source", identifier)
        row = layout.row(align=True)
        if settings.source == "PROMPT":
            row.label(text="What is made of the prompt", icon="TEXT")
        elif settings.source == "FILE":
            row.prop(settings, "filepath", text="")
        elif settings.source == "IMAGE":
            row.template_ID(settings, "image", open="image.open")
        else:
            row.label(text="What was last rendered", icon="RENDER_STILL")
        if compat.can_paste_images():
            row.operator("image_to_mesh.paste_image", text="", icon="PASTEDOWN")
    row = layout.row(align=True)
    row.prop(settings, "prompt", text="", icon="TEXT")
    if "prompt" not in engine.inputs:  # of which an image can be made
        row.operator("image_to_mesh.make_image", text="", icon="IMAGE_DATA")
        row.operator("image_to_mesh.make_image", text="", icon="FILE_REFRESH").again = True


def draw_job(layout, context, job: Job) -> None:
    box = layout.box()
    row = box.row()
    row.label(text=job.name, icon="TIME" if job.state is State.QUEUED else "MESH_MONKEY")
    row.operator("image_to_mesh.cancel", text="Cancel", icon="CANCEL").job = job.id
    if job.state is State.QUEUED:
        return
    box.progress(factor=job.overall, text=job.stage_text())
    if words := job.note or job.time_left():
        box.label(text=words.capitalize())
    if job is session.queue.active and icons.icon_id():
        units = context.region.width / (UNIT_PX * context.preferences.system.ui_scale)
        box.template_icon(icon_value=icons.icon_id(), scale=max(4.0, units - 3.5))


def draw_outcome(layout, context) -> None:
    """What became of the last job, if the artist has to know or to do something."""
    job = session.queue.last
    if job and job.state is State.DONE and (told := findings(job.report)):
        row = layout.box().row()
        column = row.column()
        for text in told:
            wrapped(column, context, text, icon="INFO", beside=UNIT_PX)
        row.operator("image_to_mesh.dismiss", text="", icon="X", emboss=False)
    draw_failures(layout, context)
    if not job or job.state is not State.FAILED:
        return
    box = layout.box()
    box.alert = True
    wrapped(box, context, job.message, icon="ERROR")
    if job.remedy:
        wrapped(box, context, job.remedy)
    for name, value in job.lower.items():
        row = box.row()
        row.alert = False
        title = tasks.asked(job.engine).parameter(name).title
        button = row.operator("image_to_mesh.lower", text=f"Set {title} to {str(value).upper()}")
        button.job, button.parameter = job.id, name
    row = box.row()
    row.alert = False
    if job.kind in {"environment", "weights"}:
        row.operator("image_to_mesh.open_preferences", text="Preferences")
    row.operator("image_to_mesh.show_log", text="Log")
    row.operator("image_to_mesh.dismiss", text="Dismiss")


def draw_failures(layout, context) -> None:
    """The jobs of a longer queue that came to nothing, the newest first; the last one of all has a box of its own."""
    job = session.queue.last
    failures = session.queue.failures[: -1 if job and job.state is State.FAILED else None]
    if not failures:
        return
    box = layout.box()
    for text in failures[: -SHOWN - 1 : -1]:
        wrapped(box, context, text, icon="ERROR")
    if len(failures) > SHOWN:
        box.label(text=f"and {len(failures) - SHOWN} more")
    box.operator("image_to_mesh.dismiss", text="Dismiss")


def findings(report: dict) -> list[str]:
    """What a finished job has to say: a warning, the elevation it went by, the depth of the mesh, how the
    background was removed."""
    elevation = report.get("elevation_deg")
    if isinstance(elevation, (int, float)):
        elevation = f"Elevation {elevation:g}\N{DEGREE SIGN}, {report.get('elevation') or 'given'}"
    depth = report.get("depth")
    if isinstance(depth, (int, float)):
        depth = f"Depth {depth:g} of the width"
    return [str(told) for told in (report.get("warning"), elevation, depth, report.get("background")) if told]


def wrapped(layout, context, text: str, icon: str = "NONE", beside: int = 0) -> None:
    """A text over as many lines as the sidebar's width needs, less the pixels that something beside it takes."""
    scale = context.preferences.system.ui_scale
    width = max(20, int((context.region.width - (60 + beside) * scale) / (CHARACTER_PX * scale)))
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, width)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


classes = (Main, Settings, PictureSettings, Results)
register, unregister = bpy.utils.register_classes_factory(classes)
