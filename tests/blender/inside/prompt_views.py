# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of a prompt, as cameras with pictures behind them; and the photos of a subject to learn."""

import tempfile
from pathlib import Path

import bpy
import numpy as np
from stage import make_job, module, settings


def picture(red):
    """A PNG's bytes, one pixel."""
    image = bpy.data.images.new("pixel", 1, 1)
    image.pixels = (red, 0, 0, 1)
    image.pack()
    data = bytes(image.packed_file.data)
    bpy.data.images.remove(image)
    return data


def deliver_views(images, facts, cube):
    """Deliver these images as the views of a prompt."""
    delivery, scene = module("addon.scene.delivery"), bpy.context.scene
    job = make_job(delivery.PromptViews(scene.session_uid, cube), engine="views_from_text", name="a red car")
    job.outcome.images, job.outcome.facts = images, facts
    job.delivery.deliver(job, scene)


def check_views_of_a_prompt_stand_behind_cameras_where_they_were_seen():
    cameras = module("addon.base.cameras")
    poses = [cameras.orbit(azimuth, 15, 1.5) for azimuth in (0, 90, 180, 270)]
    report = {"poses": [pose.tolist() for pose in poses], "fov_deg": 40.0}
    cube = np.diag([2.0, 2, 2, 1])
    cube[:3, 3] = 1, 2, 3
    before = set(bpy.data.objects)
    deliver_views([picture(i / 4) for i in range(4)], report, cube)
    made = sorted(set(bpy.data.objects) - before, key=lambda ob: ob.name)
    assert [ob.type for ob in made] == ["CAMERA"] * 4 and settings().views.source == "IMAGES"
    bpy.context.view_layer.update()
    for ob, pose in zip(made, poses, strict=True):
        assert np.allclose(np.array(ob.matrix_world), cube @ pose, atol=1e-5)
        assert abs(np.degrees(ob.data.angle_x) - 40) < 1e-3
        assert ob.data.background_images[0].image.packed_file and ob.data.show_background_images
    assert set(made) <= set(module("addon.operators.views_to_mesh").cameras_with_images(bpy.context))
    for ob in made:
        bpy.data.cameras.remove(ob.data)


def check_views_without_cameras_are_refused():
    trouble = module("addon.base.trouble").Trouble
    for report in ({}, {"poses": [[1]], "fov_deg": 40}, {"poses": np.full((1, 4, 4), np.nan).tolist(), "fov_deg": 40}):
        try:
            deliver_views([picture(1)], report, np.eye(4))
        except trouble as told:
            assert told.remedy
        else:
            raise AssertionError(report)


def check_photos_are_sent_in_their_order():
    views, folder = module("addon.operators.prompt_views"), Path(tempfile.mkdtemp())
    assert not bpy.ops.image_to_mesh.learn_subject.poll()
    settings().dreambooth.subject = "gnome"
    for i in range(3):
        (folder / f"{i}.png").write_bytes(picture(i / 3))
    paths = [folder / f"{i}.png" for i in (2, 0, 1)]
    job = views.learning_job(bpy.context, paths)
    assert job.name == "<gnome>" and job.request.parameters["subject"] == "gnome" and job.request.engine == "dreambooth"
    assert list(job.request.attachments().values()) == [path.read_bytes() for path in paths]
    for wrong in ([], [folder / "none.png"]):
        try:
            views.learning_job(bpy.context, wrong)
        except module("addon.base.trouble").Trouble as told:
            assert told.remedy
        else:
            raise AssertionError(wrong)
    settings().dreambooth.property_unset("subject")
