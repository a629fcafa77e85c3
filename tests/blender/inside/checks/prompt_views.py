# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of a prompt, as cameras with images behind them; and the photos of a subject to learn."""

import tempfile
from pathlib import Path

import bpy
import numpy as np
from objects import png
from stage import RESOURCES, cases, extension, raises_trouble, settings

NOWHERE = np.full((1, 4, 4), np.nan).tolist()


def check_views_of_a_prompt_stand_behind_cameras_where_they_were_seen():
    poses = [extension.cameras.orbit(azimuth, 15, 1.5) for azimuth in (0, 90, 180, 270)]
    cube = np.diag([2.0, 2, 2, 1])
    cube[:3, 3] = 1, 2, 3
    before = set(bpy.data.objects)
    extension.deliver_prompt_views(
        [png(i / 4) for i in range(4)], {"poses": [pose.tolist() for pose in poses], "fov_deg": 40.0}, cube
    )
    made = sorted(set(bpy.data.objects) - before, key=lambda ob: ob.name)
    assert [ob.type for ob in made] == ["CAMERA"] * 4 and settings().views.source == "IMAGES"
    bpy.context.view_layer.update()
    for ob, pose in zip(made, poses, strict=True):
        assert np.allclose(np.array(ob.matrix_world), cube @ pose, atol=1e-5)
        assert abs(np.degrees(ob.data.angle_x) - 40) < 1e-3
        assert ob.data.background_images[0].image.packed_file and ob.data.show_background_images
    assert set(made) <= set(extension.views_to_mesh.cameras_with_images(bpy.context))


@cases(
    none=({},),
    no_matrix=({"poses": [[1]], "fov_deg": 40},),
    not_finite=({"poses": NOWHERE, "fov_deg": 40},),
)
def check_views_without_cameras_are_refused(report):
    raises_trouble(extension.deliver_prompt_views, [png(1)], report, np.eye(4))


def check_photos_of_a_subject_are_sent_in_their_order():
    folder = Path(tempfile.mkdtemp(dir=RESOURCES))
    assert not bpy.ops.image_to_mesh.learn_subject.poll()
    settings().dreambooth.subject = "gnome"
    for i in range(3):
        (folder / f"{i}.png").write_bytes(png(i / 3))
    paths = [folder / f"{i}.png" for i in (2, 0, 1)]
    job = extension.learning_job(paths)
    assert job.name == "<gnome>" and job.parameters["subject"] == "gnome" and job.engine == "dreambooth"
    assert list(job.attachments().values()) == [path.read_bytes() for path in paths]


@cases(none=([],), gone=(["none.png"],))
def check_a_subject_without_photos_is_refused(names):
    settings().dreambooth.subject = "gnome"
    raises_trouble(extension.learning_job, [RESOURCES / name for name in names])
