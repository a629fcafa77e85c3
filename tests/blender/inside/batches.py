# SPDX-License-Identifier: GPL-3.0-or-later
"""Forty images at once; presets; where people find the buttons."""

import tempfile
from pathlib import Path
from unittest.mock import Mock

import bpy
from stage import RESOURCES, choose, made, module, settings, the_session, use_double

COUNT = 40


def check_forty_images_are_all_made_or_named_as_failed_in_order():
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    folder, queue = Path(tempfile.mkdtemp(dir=RESOURCES)), the_session().queue
    names = [f"{number:02}.png" for number in range(COUNT)]
    for number, name in enumerate(names):
        (folder / name).write_text("refuse" if number % 10 == 3 else "views")
    (folder / names[7]).unlink()
    queue.failures.clear()
    before = bpy.context.scene.cursor.location.x
    bpy.ops.image_to_mesh.generate_files(directory=str(folder), files=[{"name": name} for name in names], wait=True)
    lost = [names[i] for i in (3, 7, 13, 23, 33)]
    assert [text.split(":")[0] + ".png" for text in queue.failures] == lost, queue.failures
    good = [name for name in names if name not in lost]
    order = [version.name + ".png" for version in bpy.context.scene.image_to_mesh_versions]
    assert order == good and sorted(ob.name + ".png" for ob in made()) == good
    places = [ob.location.x - before for ob in sorted(made(), key=lambda ob: ob.name)]
    assert all(abs(x - 1.25 * int(name[:2])) < 1e-4 for x, name in zip(places, good, strict=True))
    assert all(not job.request.attachments() and job.outcome.mesh is None for job in queue.ended), "memory stays flat"
    bpy.ops.image_to_mesh.dismiss()
    assert not queue.failures


def check_images_can_be_dropped_on_a_viewport():
    handler = bpy.types.IMAGE_TO_MESH_FH_images
    assert handler.bl_import_operator == "image_to_mesh.generate_files" and ".png" in handler.bl_file_extensions
    settings().engine = "DREAMFUSION"
    assert not bpy.ops.image_to_mesh.generate_files.poll()
    settings().engine = "ONE2345"
    assert bpy.ops.image_to_mesh.generate_files.poll()


def check_presets_set_the_chosen_engine_alone():
    group, other = settings().one2345, settings().lrm
    before = other.mesh_resolution
    bpy.ops.image_to_mesh.use_preset(name="BEST")
    assert (group.mesh_resolution, group.max_faces, group.quality) == (256, 1_000_000, "PAPER")
    bpy.ops.image_to_mesh.use_preset(name="FAST")
    assert (group.mesh_resolution, group.max_faces, group.quality) == (64, 50_000, "FAST")
    bpy.ops.image_to_mesh.use_preset(name="BALANCED")
    assert (group.mesh_resolution, group.max_faces) == (128, 200_000) and other.mesh_resolution == before


def check_the_first_preset_is_asked_for_its_name_alone():
    """Blender says "* Missing Paths *" to whoever has no preset yet."""
    panel, settings().engine = Mock(), "LRM"
    assert not bpy.utils.preset_paths("image_to_mesh/lrm")
    module("addon.panels.presets").IMAGE_TO_MESH_PT_presets.draw(panel, bpy.context)
    row = panel.layout.row.return_value
    assert panel.layout.operator_context == "EXEC_DEFAULT"
    assert [call.args[1] for call in row.prop.mock_calls] == ["preset_name"] and not panel.layout.label.called
    assert row.operator.mock_calls[0].args == ("image_to_mesh.add_preset",)
    settings().engine = "ONE2345"


def check_presets_of_the_artist_come_back():
    settings().one2345.mesh_resolution, settings().one2345.elevation_deg = 77, 0.5
    bpy.ops.image_to_mesh.add_preset(name="My Own")
    settings().one2345.mesh_resolution, settings().one2345.elevation_deg = 99, 0.1
    [path] = bpy.utils.preset_paths("image_to_mesh/one2345")
    [file] = Path(path).glob("*.py")
    bpy.ops.script.execute_preset(filepath=str(file), menu_idname="IMAGE_TO_MESH_PT_presets")
    assert settings().one2345.mesh_resolution == 77 and abs(settings().one2345.elevation_deg - 0.5) < 1e-6
    bpy.ops.image_to_mesh.use_preset(name="BALANCED")


def check_a_preset_is_written_without_names_that_python_3_13_forgets():
    values = [
        eval(path, {"bpy": bpy})
        for path in module("addon.operators.presets").IMAGE_TO_MESH_OT_add_preset.preset_values.fget(None)
    ]
    assert settings().one2345.mesh_resolution in values and len(values) > 5


def check_people_find_it_where_they_look():
    for menu in ("VIEW3D_MT_mesh_add", "IMAGE_MT_image", "TOPBAR_MT_file_import"):
        drawn = [draw.__module__ for draw in getattr(bpy.types, menu)._dyn_ui_initialize()]
        assert sum("image_to_mesh" in name for name in drawn) == 1, menu
