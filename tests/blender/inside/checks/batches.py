# SPDX-License-Identifier: GPL-3.0-or-later
"""Many images at once, from the file browser or dropped on a viewport."""

import tempfile
from pathlib import Path

import bpy
import numpy as np
from stage import RESOURCES, extension, overlaps, settings

COUNT = 40


def check_forty_images_are_all_made_or_named_as_failed_in_order():
    folder = Path(tempfile.mkdtemp(dir=RESOURCES))
    names = [f"{number:02}.png" for number in range(COUNT)]
    for number, name in enumerate(names):
        (folder / name).write_text("refuse" if number % 10 == 3 else "views")
    (folder / names[7]).unlink()
    settings().engine = "ONE2345"
    bpy.ops.image_to_mesh.generate_files(directory=str(folder), files=[{"name": name} for name in names], wait=True)
    lost = [names[i] for i in (3, 7, 13, 23, 33)]
    assert [text.split(":")[0] + ".png" for text in extension.failures()] == lost, extension.failures()
    good = [name for name in names if name not in lost]
    made = sorted(extension.made(), key=lambda ob: ob.name)
    assert [version.name + ".png" for version in extension.versions()] == good
    assert [ob.name + ".png" for ob in made] == good
    rows = [1.25 * (int(name[:2]) // 7) for name in good]  # 40 stand in 7 columns
    assert np.allclose([ob.location.y for ob in made], rows) and not overlaps([*made, bpy.data.objects["Cube"]])
    ended = extension.ended_jobs()
    assert ended and all(not job.attachments() and job.mesh is None for job in ended), "memory stays flat"
    bpy.ops.image_to_mesh.dismiss()
    assert not extension.failures()


def check_images_can_be_dropped_on_a_viewport():
    handler = bpy.types.IMAGE_TO_MESH_FH_images
    assert handler.bl_import_operator == "image_to_mesh.generate_files" and ".png" in handler.bl_file_extensions
    settings().engine = "DREAMFUSION"
    assert not bpy.ops.image_to_mesh.generate_files.poll()
    settings().engine = "ONE2345"
    assert bpy.ops.image_to_mesh.generate_files.poll()
