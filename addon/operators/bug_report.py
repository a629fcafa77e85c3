# SPDX-License-Identifier: GPL-3.0-or-later
"""The log, and the report that people paste into a bug report. Nothing leaves the computer by itself."""

import json
import os
import platform
from pathlib import Path

import bpy

from .. import session
from ..base.preferences import preferences
from ..base.trouble import sentences
from ..setup import environment

LOG = "Image to Mesh Log"
TAIL_BYTES = 200_000
REPORT_LINES = 40


def log_tail(path: Path, size: int = TAIL_BYTES) -> str:
    """The end of the backend's log, or a sentence."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return "There is no log yet: the backend has not been started."


def report() -> str:
    """Versions, device, the last failure and the log's end, with the home folder's name taken out."""
    wanted, job = environment.chosen(preferences()), session.queue.last
    hello = session.queue.hello
    lines = [
        f"Image to Mesh {version()}, Blender {bpy.app.version_string}, {platform.platform()}",
        f"Backend: {'own interpreter' if wanted.python else wanted.variant}, ready: {environment.is_ready()}",
        f"Python {hello.get('python', 'not started')}, devices {json.dumps(hello.get('devices', []))}",
        f"Longest hold of Blender: {session.longest_ms:.1f} ms, longest import: {session.longest_import_ms:.0f} ms",
    ]
    if job:
        lines.append(sentences(f"Last job: {job.state.value} in stage {job.stage!r}", job.message, job.remedy))
        lines.append(f"{job.engine} {json.dumps(job.parameters)}, seed {job.seed}")
    lines.append("Log:")
    lines += log_tail(session.log_path(wanted.data_folder)).splitlines()[-REPORT_LINES:]
    return "\n".join(lines).replace(os.path.expanduser("~"), "~")


def version() -> str:
    """The version in the manifest, which is the only place that has it."""
    text = (environment.EXTENSION / "blender_manifest.toml").read_text("utf-8")
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("version"))


class ShowLog(bpy.types.Operator):
    """Show what the backend has written, in a text editor"""

    bl_idname = "image_to_mesh.show_log"
    bl_label = "Show Log"

    def execute(self, context):
        text = bpy.data.texts.get(LOG) or bpy.data.texts.new(LOG)
        text.from_string(log_tail(session.log_path(environment.chosen(preferences()).data_folder)))
        if not bpy.app.background:
            show_text(context, text)
        return {"FINISHED"}


def show_text(context, text: bpy.types.Text) -> None:
    """In an open text editor, else in a window of its own."""
    editor = next((area for area in context.screen.areas if area.type == "TEXT_EDITOR"), None)
    if editor is None:
        bpy.ops.wm.window_new()
        editor = context.window_manager.windows[-1].screen.areas[0]
        editor.type = "TEXT_EDITOR"
    space = editor.spaces.active
    space.text, space.show_syntax_highlight, space.show_word_wrap = text, False, True
    space.top = max(0, len(text.lines) - 20)


class CopyReport(bpy.types.Operator):
    """Copy versions, the last failure and the end of the log, to be pasted into a bug report"""

    bl_idname = "image_to_mesh.copy_report"
    bl_label = "Copy Report"

    def execute(self, context):
        context.window_manager.clipboard = report()
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


classes = (ShowLog, CopyReport)
register, unregister = bpy.utils.register_classes_factory(classes)
