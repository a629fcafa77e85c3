# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the input before any job, and the choice of a part of the image."""

import json
import os

import bpy
import numpy as np
from stage import DATA, RESOURCES, cases, choose, extension, raises, request_of, run, settings

GREEN, GREYS = (10, 200, 30), {76, 102}


def look():
    """Show the chosen image, as the panel does, and wait for the picture."""
    shown = extension.shown_input()
    shown.want(bpy.context.scene)
    extension.tick()
    run(lambda: not shown.waiting)
    return shown


def asked():
    """The last question that the double got."""
    return json.loads((DATA / "look.json").read_text())


def check_the_chosen_image_is_shown_before_any_job():
    """On grey squares where it is transparent; half transparent on the right is the mean of green and grey."""
    choose("views")
    shown = look()
    picture = shown.picture.astype(int)
    assert picture.shape == (256, 256, 4) and (picture[..., 3] == 255).all() and shown.words == "Background removed."
    assert (picture[:, :128, :3] == GREEN).all()
    red = {round((GREEN[0] * 128 + grey * 127) / 255) for grey in GREYS}
    assert set(np.unique(picture[:, 128:, 0])) == red
    assert not extension.jobs() and asked()["remove_background"] == "auto" and asked()["framed"] == 256


def check_it_is_looked_at_again_when_it_changes():
    choose("views")
    look()
    number = asked()["look"]
    look()
    assert asked()["look"] == number, "nothing has changed"
    settings().one2345.remove_background = "NEVER"
    look()
    assert asked()["look"] > number and asked()["remove_background"] == "never"
    number = asked()["look"]
    path = RESOURCES / "later.png"
    path.write_text("views")
    settings().filepath = str(path)
    look()
    path.write_text("refuse")
    os.utime(path, (1, 1))
    shown = look()
    assert shown.words == "No object" and shown.picture is None


def check_an_image_that_cannot_be_used_makes_the_button_grey():
    choose("refuse")
    assert bpy.ops.image_to_mesh.generate.poll(), "nothing is known yet"
    look()
    assert not bpy.ops.image_to_mesh.generate.poll()
    settings().filepath = str(RESOURCES / "gone.png")
    shown = look()
    assert "gone.png cannot be opened" in shown.words and not bpy.ops.image_to_mesh.generate.poll()
    choose("views")
    assert bpy.ops.image_to_mesh.generate.poll(), "another image was chosen"


def check_the_chosen_part_goes_with_the_job():
    """Crop and object travel with the request and are forgotten with the image."""
    choose("three views")
    assert bpy.ops.image_to_mesh.crop(box=(0.1, 0.2, 0.6, 0.7)) == {"FINISHED"}
    look()
    assert bpy.ops.image_to_mesh.pick_object() == {"FINISHED"} and settings().object_number == 1
    bpy.ops.image_to_mesh.pick_object()
    wanted = {"box": [np.float32(v) for v in (0.1, 0.2, 0.6, 0.7)], "object": 2}
    look()
    assert asked()["inputs"]["selection"] == wanted
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    assert request_of(extension.last_job())["inputs"]["selection"] == wanted
    version = extension.versions()[-1]
    assert extension.repeated_job(version).inputs["selection"] == wanted
    choose("views")
    assert tuple(settings().crop) == (0, 0, 1, 1) and settings().object_number == 0
    raises(bpy.ops.image_to_mesh.crop, "empty", box=(0.5, 0, 0.5, 1))


def check_after_the_last_object_come_all_of_them():
    choose("three")
    look()
    numbers = []
    for _ in range(4):
        bpy.ops.image_to_mesh.pick_object()
        numbers.append(settings().object_number)
    assert numbers == [1, 2, 3, 0]


def check_the_cut_out_becomes_an_image_to_paint_on():
    """With the transparency that the backend found; a stroke shows in the panel, and the job gets it."""
    choose("views")
    assert bpy.ops.image_to_mesh.paint_mask(wait=True) == {"FINISHED"}
    image = settings().image
    assert settings().source == "IMAGE" and image.name == "Apple Mask" and tuple(image.size) == (8, 8)
    pixels = np.empty(8 * 8 * 4, np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(8, 8, 4)
    assert np.allclose(pixels[0, 0], (10 / 255, 200 / 255, 30 / 255, 1), atol=0.003)
    assert np.allclose(pixels[:, 4:, 3], 128 / 255, atol=0.003) and (pixels[:, :4, 3] == 1).all()
    pixels[:4] = 0
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    sent = extension.input_image.read(settings(), bpy.context.scene)[1]()
    assert "image" in sent, "what was painted is sent, not the packed file"
    choose("refuse")
    raises(bpy.ops.image_to_mesh.paint_mask, "No object", wait=True)


@cases(
    dragged=((100, 60), (200, 110), (0.25, 0.2, 0.75, 0.7)),
    backwards=((200, 110), (100, 60), (0.25, 0.2, 0.75, 0.7)),
    over_the_edge=((0, 0), (150, 500), (0.0, 0.0, 0.5, 1.0)),
    click=((100, 60), (102, 61), (0, 0, 1, 1)),
    beside=((0, 40), (20, 90), (0, 0, 1, 1)),
)
def check_the_box_is_counted_from_the_left_upper_corner(start, end, expected):
    """The image's left lower corner is at (50, 30); it is 200 wide and 100 high."""
    found = extension.crop.box_of(start, end, (50, 30, 200, 100))
    assert np.allclose(found, expected), found


def check_a_file_that_is_dropped_on_the_tab_is_chosen():
    path = RESOURCES / "Pear.png"
    path.write_text("views")
    assert bpy.ops.image_to_mesh.choose_image(directory=str(RESOURCES), files=[{"name": "Pear.png"}]) == {"FINISHED"}
    assert (settings().source, settings().filepath) == ("FILE", str(path)) and not extension.jobs()


def check_an_answer_that_nobody_waits_for_any_more_is_ignored():
    """Crop was cancelled; the picture of the input is asked for again."""
    choose("views")
    shown, came = extension.shown_input(), []
    shown.want(bpy.context.scene)
    shown.ask_whole(bpy.context.scene, "never", came.append, {})
    shown.forget_whole()
    extension.tick()
    run(lambda: not shown.waiting)
    extension.tick()
    run(lambda: not shown.waiting and shown.picture is not None)
    assert not came and asked()["framed"] == 256


def check_a_backend_that_dies_is_no_fault_of_the_image():
    """The panel says so, and the button stays live: the job starts another backend."""
    choose("deadly")
    shown = look()
    assert "killed" in shown.words and shown.picture is None
    assert bpy.ops.image_to_mesh.generate.poll()


def check_a_backend_that_is_killed_by_a_cancel_leaves_no_picture_waiting():
    choose("deaf")
    bpy.ops.image_to_mesh.generate()
    run(lambda: (job := extension.active_job()) and job.stage == "deaf")
    shown = extension.shown_input()
    settings().object_number = 1  # another question, which the killed process does not answer any more
    shown.want(bpy.context.scene)
    extension.process().send = lambda *_: None
    extension.tick()
    assert shown.waiting
    bpy.ops.image_to_mesh.cancel()
    run(lambda: not extension.is_busy())
    assert not shown.waiting and bpy.ops.image_to_mesh.generate.poll()
