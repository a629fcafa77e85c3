# SPDX-License-Identifier: GPL-3.0-or-later
"""The log, and the report for a bug report. Nothing leaves the computer by itself."""

import json
import os
import platform
from pathlib import Path

import bpy

from ... import session
from ...base.trouble import sentences
from ...setup import folders

LOG = "Image to Mesh Log"
TAIL_BYTES = 200_000
REPORT_LINES = 40


def log_tail(path: Path, size: int = TAIL_BYTES) -> str:
    """The end of the backend's log, or a sentence if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return "There is no log: the backend has not been started yet."


def report() -> str:
    """Versions, devices, the last job and the end of the log, with ~ for the home folder."""
    chosen, now = folders.chosen(), session.current()
    hello, job = now.queue.hello, now.queue.last
    lines = [
        f"Image to Mesh {version()}, Blender {bpy.app.version_string}, {platform.platform()}",
        f"Backend: {'own interpreter' if chosen.python else chosen.variant}, ready: {now.setup.is_ready()}",
        f"Python {hello.get('python', 'not started')}, devices {json.dumps(hello.get('devices', []))}",
        f"Blender was blocked for at most {now.longest_ms:.1f} ms, by imports {now.longest_import_ms:.0f} ms",
    ]
    if job:
        request, outcome = job.request, job.outcome
        ended = f"Last job: {job.state.value} in stage {job.progress.stage!r}"
        lines.append(sentences(ended, outcome.message, outcome.remedy))
        lines.append(f"{request.engine} {json.dumps(request.parameters)}, seed {request.seed}")
    lines.append("Log:")
    lines += log_tail(chosen.log).splitlines()[-REPORT_LINES:]
    return "\n".join(lines).replace(os.path.expanduser("~"), "~")


def version() -> str:
    """The extension's version, from its manifest."""
    text = (folders.EXTENSION / "blender_manifest.toml").read_text("utf-8")
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("version"))


class IMAGE_TO_MESH_OT_show_log(bpy.types.Operator):
    """Show the backend's log in a text editor"""

    bl_idname = "image_to_mesh.show_log"
    bl_label = "Show Log"

    def execute(self, context):
        text = bpy.data.texts.get(LOG) or bpy.data.texts.new(LOG)
        text.from_string(log_tail(folders.chosen().log))
        if not bpy.app.background:
            show_text(context, text)
        return {"FINISHED"}


def show_text(context, text: bpy.types.Text) -> None:
    """Show a text in an open text editor, else in a new window."""
    editor = next((area for area in context.screen.areas if area.type == "TEXT_EDITOR"), None)
    if editor is None:
        bpy.ops.wm.window_new()
        editor = context.window_manager.windows[-1].screen.areas[0]
        editor.type = "TEXT_EDITOR"
    space = editor.spaces.active
    space.text, space.show_syntax_highlight, space.show_word_wrap = text, False, True
    space.top = max(0, len(text.lines) - 20)


class IMAGE_TO_MESH_OT_copy_report(bpy.types.Operator):
    """Copy versions, the last failure and the end of the log, for a bug report"""

    bl_idname = "image_to_mesh.copy_report"
    bl_label = "Copy Report"

    def execute(self, context):
        context.window_manager.clipboard = report()
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


classes = (IMAGE_TO_MESH_OT_show_log, IMAGE_TO_MESH_OT_copy_report)
register, unregister = bpy.utils.register_classes_factory(classes)
