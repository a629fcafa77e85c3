# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on as the checks inside Blender and the window's scripts look into it. Renames in the add-on end here.

`extension.frame` is the module that MODULES names so. The functions hide where the add-on keeps its state.
"""

import importlib
import sys
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from types import SimpleNamespace
from unittest.mock import patch

import bpy

NAME = "bl_ext.user_default.image_to_mesh"
MODULES = {
    "arrays": "addon.base.arrays",
    "cameras": "addon.base.cameras",
    "compat": "addon.base.compat",
    "exif": "addon.base.exif",
    "stored_paths": "addon.base.stored_paths",
    "thumbnail": "addon.base.thumbnail",
    "trouble": "addon.base.trouble",
    "i18n": "addon.i18n",
    "job": "addon.jobs.job",
    "process_module": "addon.jobs.process",
    "recovery": "addon.jobs.recovery",
    "job_buttons": "addon.operators.jobs",
    "crop": "addon.operators.crop",
    "bake": "addon.operators.bake",
    "bug_report": "addon.operators.upkeep.bug_report",
    "match_camera": "addon.operators.match_camera",
    "presets": "addon.operators.presets",
    "views_to_mesh": "addon.operators.views_to_mesh",
    "panel_parts": "addon.panels.base",
    "main_panel": "addon.panels.main",
    "input_panel": "addon.panels.input",
    "notes_panel": "addon.panels.notes",
    "result_panel": "addon.panels.result",
    "preferences_panel": "addon.panels.preferences",
    "presets_panel": "addon.panels.presets",
    "trial_panel": "addon.panels.trial",
    "bundle_rows": "addon.panels.bundles",
    "better_weights": "addon.scene.better_weights",
    "baking": "addon.scene.baking",
    "delivery": "addon.scene.delivery",
    "frame": "addon.scene.frame",
    "free_place": "addon.scene.free_place",
    "image_editor": "addon.scene.images.image_editor",
    "input_preview": "addon.scene.images.input_preview",
    "input_image": "addon.scene.images.input_image",
    "mesh_export": "addon.scene.mesh_export",
    "mesh_import": "addon.scene.mesh_import",
    "mesh_use": "addon.scene.mesh_use",
    "render_view": "addon.scene.render_view",
    "history": "addon.scene.versions",
    "view_cameras": "addon.scene.view_cameras",
    "viewport": "addon.scene.viewport",
    "viewport_preview": "addon.scene.viewport_preview",
    "session_module": "addon.session",
    "choices": "addon.settings.choices",
    "engine_settings": "addon.settings.engines",
    "environment": "addon.setup.environment",
    "expected_time": "addon.setup.expected_time",
    "folders": "addon.setup.folders",
    "job_folders": "addon.setup.job_folders",
    "weights": "addon.setup.weights",
    "bundles": "backend.interface.bundles",
    "catalog": "backend.interface.catalog",
    "cutouts": "backend.interface.installer.cutouts",
    "installer": "backend.interface.installer.environment",
    "engine_presets": "backend.interface.presets",
    "print_report": "backend.interface.print_report",
    "protocol": "backend.interface.protocol",
    "stage_times": "backend.interface.stage_times",
    "tasks": "backend.interface.tasks",
    "view_set": "backend.interface.view_set",
}
FIELDS = {  # of a job
    "attachments": "request.attachments",
    "engine": "request.engine",
    "facts": "outcome.facts",
    "folder": "outcome.folder",
    "id": "id",
    "inputs": "request.inputs",
    "lower": "outcome.lower",
    "mesh": "outcome.mesh",
    "message": "outcome.message",
    "name": "name",
    "note": "progress.note",
    "parameters": "request.parameters",
    "preview": "progress.preview",
    "remedy": "outcome.remedy",
    "sheet": "progress.sheet",
    "stage": "progress.stage",
    "stage_text": "progress.stage_text",
    "state": "state",
    "step": "progress.step",
}


class Job:
    """A job of the add-on, whose fields have the names of FIELDS."""

    def __init__(self, record):
        self.record = record

    def __getattr__(self, field):
        return attrgetter(FIELDS[field])(self.record)


def module(path):
    """A module of the extension as it is now; an upgrade replaces them all."""
    return importlib.import_module(f"{NAME}.{path}")


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
    return module("addon.session").current()


def setup():
    return session().setup


def disk_scan():
    return session().disk_scan


def let_disk_be_scanned(allowed):
    """A scan starts a Python of its own, which takes longer than most checks do."""
    scan = disk_scan()
    vars(scan).pop("seen", None)
    if not allowed:
        scan.seen = lambda: scan.known


@contextmanager
def speaking(translate):
    """Meanwhile panels translate by this function. bpy alone has no languages."""
    names = [name for name in sys.modules if name.startswith(f"{NAME}.addon.panels.")]
    with ExitStack() as stack:
        for found in (sys.modules[name] for name in names):
            if hasattr(found, "translated"):
                stack.enter_context(patch.object(found, "translated", translate))
        yield


def tick():
    """Move everything on, as the timer does where there is one."""
    session().tick()


def is_ticking():
    return session().timer.running


def queue():
    return session().queue


def shown_input():
    """The picture of the input that the panel shows, with its words."""
    return session().input


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
    """The job that ended last, or None."""
    return Job(queue().last) if queue().last else None


def ended_jobs():
    return [Job(record) for record in queue().ended]


def expected_words(task):
    """How long a job with the panel's settings would take, after what is remembered of earlier jobs was read."""
    expected, parameters = session().expected, module("addon.settings.engines").parameters_of(settings(), task)
    expected.seconds(task, parameters)
    expected.close()
    return expected.words(task, parameters)


def forget_ended_jobs():
    """Take them off the panel, whose height they change."""
    queue().ended.clear()


def failures():
    """A line for each job that failed, until they are dismissed."""
    return queue().failures


def new_job(engine="one2345", name="x", to=None, **outcome):
    """A job's record, as operators make it; its mesh goes to the 3D cursor, or `to` another delivery."""
    job, to = module("addon.jobs.job"), to or module("addon.scene.delivery").mesh_delivery(bpy.context)
    return job.Job(job.Request(engine, {}, 0, dict, name), to, outcome=job.Outcome(**outcome))


def submit(record):
    queue().submit(record)
    return Job(record)


def finish(record):
    """Hand the queue a job as if the backend had just sent its result."""
    record.state = module("addon.jobs.job").State.FINISHED
    return submit(record)


def deliver_prompt_views(images, facts, cube):
    """Put images, PNG files' bytes, behind cameras of the scene, as a job with these facts would."""
    to = module("addon.scene.delivery").PromptViews(bpy.context.scene.session_uid, cube)
    record = new_job("views_from_text", "a red car", to, images=images, facts=facts)
    record.delivery.deliver(record, bpy.context.scene)


def repeated_job(version, seed=None):
    """The job that would make a version again."""
    request, jobs = module("addon.scene.versions").request_again(bpy.context, version, seed), module("addon.jobs.job")
    return Job(jobs.Job(request, None))


def learning_job(paths):
    """The job that would learn the subject of these photos."""
    return Job(module("addon.operators.prompt_views").learning_job(bpy.context, paths))


def jobs_folder(data_folder):
    return data_folder / "jobs"


def log_path(data_folder):
    return data_folder / "logs" / "backend.log"


def background_task():
    """The task that runs in a thread, or ran last; None before the first."""
    return setup().task


def longest_holds_ms():
    """(longest tick without imports, longest import)."""
    return session().longest_ms, session().longest_import_ms


def forget_holds():
    session().longest_ms = session().longest_import_ms = 0.0


@contextmanager
def clock(read, announce):
    """While this context is open, the session reads this clock, and calls this to announce a job's end."""
    time = SimpleNamespace(perf_counter=read, monotonic=read)
    with patch.object(module("addon.session"), "time", time), patch.object(session(), "announce", announce):
        yield


def shown_preview():
    """(mesh, cube to world) that the viewport draws; the mesh is None where there is none."""
    return session().preview.mesh, session().preview.matrix


def why_unavailable(name):
    """Why the button of an operator, such as "refine", is grey."""
    return getattr(bpy.types, f"IMAGE_TO_MESH_OT_{name}").why_unavailable(bpy.context)
