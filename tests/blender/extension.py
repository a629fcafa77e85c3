# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on as the checks inside Blender and the window's scripts look into it. Renames in the add-on end here.

`extension.frame` is the module that MODULES names so. The functions hide where the add-on keeps its state.
"""

import sys
from operator import attrgetter
from types import SimpleNamespace
from unittest.mock import patch

import bpy

NAME = "bl_ext.user_default.image_to_mesh"
MODULES = {
    "arrays": "addon.base.arrays",
    "cameras": "addon.base.cameras",
    "compat": "addon.base.compat",
    "thumbnail": "addon.base.thumbnail",
    "trouble": "addon.base.trouble",
    "labels": "addon.i18n.labels",
    "tooltips": "addon.i18n.tooltips",
    "job": "addon.jobs.job",
    "process_module": "addon.jobs.process",
    "recovery": "addon.jobs.recovery",
    "bug_report": "addon.operators.bug_report",
    "match_camera": "addon.operators.match_camera",
    "novel_view": "addon.operators.novel_view",
    "prompt_views": "addon.operators.prompt_views",
    "refine": "addon.operators.refine",
    "view_rig": "addon.operators.view_rig",
    "views_to_mesh": "addon.operators.views_to_mesh",
    "icons": "addon.panels.icons",
    "finish_panel": "addon.panels.finish",
    "main_panel": "addon.panels.main",
    "preferences_panel": "addon.panels.preferences",
    "presets": "addon.panels.presets",
    "frame": "addon.scene.frame",
    "input_image": "addon.scene.input_image",
    "mesh_export": "addon.scene.mesh_export",
    "mesh_import": "addon.scene.mesh_import",
    "render_view": "addon.scene.render_view",
    "history": "addon.scene.versions",
    "viewport_preview": "addon.scene.viewport_preview",
    "session_module": "addon.session",
    "engine_settings": "addon.settings.scene",
    "disk_scan": "addon.setup.disk_scan",
    "environment": "addon.setup.environment",
    "weights": "addon.setup.weights",
    "catalog": "backend.interface.catalog",
    "installer": "backend.interface.installer.environment",
    "engine_presets": "backend.interface.presets",
    "protocol": "backend.interface.protocol",
    "tasks": "backend.interface.tasks",
    "view_set": "backend.interface.view_set",
}
FIELDS = {  # of a job
    "attachments": "attachments",
    "engine": "engine",
    "folder": "folder",
    "id": "id",
    "inputs": "inputs",
    "lower": "lower",
    "mesh": "mesh",
    "message": "message",
    "name": "name",
    "note": "note",
    "parameters": "parameters",
    "preview": "preview",
    "remedy": "remedy",
    "sheet": "sheet",
    "stage": "stage",
    "state": "state",
}


class Job:
    """A job of the add-on, whose fields have the names of FIELDS."""

    def __init__(self, record):
        self.record = record

    def __getattr__(self, field):
        return attrgetter(FIELDS[field])(self.record)


def module(path):
    """A module of the extension as it is now; an upgrade replaces them all."""
    return sys.modules[f"{NAME}.{path}"]


def __getattr__(name):
    if name not in MODULES:
        raise AttributeError(name)
    return module(MODULES[name])


def settings():
    return bpy.context.scene.image_to_mesh


def preferences():
    return bpy.context.preferences.addons[NAME].preferences


def versions():
    return bpy.context.scene.image_to_mesh_versions


def made():
    """The objects that the add-on made, in all scenes."""
    return [ob for ob in bpy.data.objects if "image_to_mesh_recipe" in ob]


def session():
    return module("addon.session")


def tick():
    """Move everything on, as the timer does where there is one."""
    session().tick()


def is_ticking():
    return bpy.app.timers.is_registered(session().tick)


def queue():
    return session().queue


def is_busy():
    return queue().busy


def process():
    """The backend's process; None before the first job."""
    return queue().process


def start_as(launch):
    """Let the queue start this process in the backend's place; None: the backend, as the preferences name it."""
    queue().launch = (lambda: lambda: launch) if launch else session().launch


def jobs():
    """The jobs that have not ended, in their order."""
    return [Job(record) for record in queue().jobs()]


def active_job():
    return Job(queue().active) if queue().active else None


def last_job():
    """The job that ended last."""
    return Job(queue().last)


def ended_jobs():
    return [Job(record) for record in queue().ended]


def failures():
    """A line for each job that failed, until they are dismissed."""
    return queue().failures


def new_job(engine="one2345", **fields):
    """A job's record, as operators make it."""
    values = {"parameters": {}, "seed": 0, "attachments": dict, "name": "x"} | fields
    return module("addon.jobs.job").Job(engine=engine, **values)


def submit(record):
    queue().submit(record)
    return Job(record)


def finish(record):
    """Hand the queue a job as if the backend had just sent its result."""
    queue().arrived.append(record)
    return Job(record)


def repeated_job(version, seed=None):
    """The job that would make a version again."""
    return Job(module("addon.scene.versions").job_again(bpy.context, version, seed))


def learning_job(paths):
    """The job that would learn the subject of these photos."""
    return Job(module("addon.operators.prompt_views").make_learning_job(bpy.context, paths))


def jobs_folder(data_folder):
    return data_folder / "jobs"


def log_path(data_folder):
    return data_folder / "logs" / "backend.log"


def background_task():
    """What runs in a thread, or ran last; None before the first."""
    return module("addon.setup.environment").task()


def longest_holds_ms():
    """(longest tick without imports, longest import)."""
    return session().longest_ms, session().longest_import_ms


def forget_holds():
    session().longest_ms = session().longest_import_ms = 0.0


def clock(read, announce):
    """While this context is open, the session reads this clock, and calls this to announce a job's end."""
    time = SimpleNamespace(perf_counter=read, monotonic=read)
    return patch.multiple(session(), time=time, announce=announce)


def shown_preview():
    """(mesh, cube to world) that the viewport draws; the mesh is None where there is none."""
    preview = module("addon.scene.viewport_preview")
    return preview._shown, preview._matrix
