# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's menus, and the report for a bug."""

from pathlib import Path

import bpy
from stage import cases, extension


@cases(add_mesh=("VIEW3D_MT_mesh_add",), image=("IMAGE_MT_image",), import_file=("TOPBAR_MT_file_import",))
def check_people_find_it_where_they_look(menu):
    drawn = [draw.__module__ for draw in getattr(bpy.types, menu)._dyn_ui_initialize()]
    assert sum("image_to_mesh" in name for name in drawn) == 1


def check_the_report_names_versions_and_log_and_hides_the_home_folder():
    text = extension.bug_report.report()
    assert bpy.app.version_string in text and "Log:" in text and str(Path.home()) not in text
    bpy.ops.image_to_mesh.show_log()
    assert "Image to Mesh Log" in bpy.data.texts
