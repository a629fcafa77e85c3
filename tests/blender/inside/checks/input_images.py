# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's image on its way to the backend."""

import io
import struct

import bpy
import numpy as np
from stage import RESOURCES, cases, extension, raises_trouble


def sent_pixels(image):
    """The pixels (H, W, 4) that are sent of an image that is no file."""
    return np.load(io.BytesIO(extension.input_image.read_image(image)()["image"]))["image"]


def check_a_painted_image_is_sent_as_its_pixels():
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.pixels[:] = (1, 0, 0, 1, 0, 0.5, 0, 0.25)
    np.testing.assert_allclose(sent_pixels(painted), [[(1, 0, 0, 1), (0, 0.5, 0, 0.25)]], atol=0.003)


def check_an_opened_or_packed_image_is_sent_as_its_file():
    read, path = extension.input_image.read_image, RESOURCES / "saved.png"
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.save(filepath=str(path))
    opened = bpy.data.images.load(str(path))
    assert read(opened)() == {"image_file": path.read_bytes()}
    opened.pack()
    path.unlink()
    assert read(opened)()["image_file"][:4] == b"\x89PNG"


def check_a_float_image_is_sent_as_srgb():
    bright = bpy.data.images.new("float", 1, 1, alpha=True, float_buffer=True)
    bright.pixels[:] = (0.25, 0.25, 0.25, 0.5)
    np.testing.assert_allclose(sent_pixels(bright)[0, 0], (0.7354, 0.7354, 0.7354, 0.5), atol=1e-3)


def sent_bytes(image):
    """The lower left pixel 0..255 that is sent of an image, as pixels or as a TGA file."""
    sent = extension.input_image.read_image(image)()
    if "image" in sent:
        return 255 * np.load(io.BytesIO(sent["image"]))["image"][-1, 0]
    data = sent["image_file"]
    assert data[2] == 2 and data[16] == 32, "a TGA that is not compressed, RGBA"
    below = 0 if not data[17] & 0x20 else -4
    return np.frombuffer(data[18 + data[0] :], np.uint8)[below:][:4][[2, 1, 0, 3]]


def filled(color, space, is_float=False, **more):
    image = bpy.data.images.new("filled", 32, 24, alpha=True, float_buffer=is_float, **more)
    image.colorspace_settings.name = space
    image.pixels.foreach_set(np.tile(np.float32(color), 32 * 24))
    image.update()
    return image


# Worked out from curves and primaries: linear light 128 / 255 is 188 in sRGB; ACES's AP1 to BT.709 under D65.
@cases(
    srgb=("sRGB", (128, 64, 26)),
    data=("Non-Color", (128, 64, 26)),
    linear=("Linear Rec.709", (188, 137, 90)),
    aces=("ACEScg", (217, 129, 76)),
)
def check_an_image_of_bytes_is_sent_as_srgb_whatever_its_color_space(space, wanted):
    np.testing.assert_allclose(sent_bytes(filled((0.5, 0.25, 0.1, 1), space)), (*wanted, 255), atol=1.1)
    np.testing.assert_allclose(sent_bytes(filled((0.5, 0.25, 0.1, 1), space, tiled=True)), (*wanted, 255), atol=1.1)


def check_an_image_file_in_another_color_space_is_not_sent_as_its_file():
    path = RESOURCES / "linear.png"
    filled((0.5, 0.25, 0.1, 0.5), "sRGB").save(filepath=str(path))
    opened = bpy.data.images.load(str(path))
    opened.colorspace_settings.name = "Linear Rec.709"
    np.testing.assert_allclose(sent_bytes(opened), (188, 137, 90, 128), atol=1.1)
    opened.colorspace_settings.name, opened.alpha_mode = "sRGB", "NONE"
    np.testing.assert_allclose(sent_bytes(opened), (128, 64, 26, 255), atol=1.1)


def check_the_scenes_look_and_output_settings_do_not_count_and_stay():
    scene = bpy.context.scene
    scene.view_settings.exposure, scene.view_settings.gamma = 3, 2
    output = scene.render.image_settings
    output.file_format, output.color_management = "JPEG", "FOLLOW_SCENE"
    np.testing.assert_allclose(sent_bytes(filled((0.5, 0.25, 0.1, 1), "ACEScg")), (217, 129, 76, 255), atol=1.1)
    assert (output.file_format, output.color_management, scene.view_settings.exposure) == ("JPEG", "FOLLOW_SCENE", 3)


def check_float_images_are_sent_as_srgb_whatever_the_file_works_in():
    """0.4, 0.2, 0.1 of linear light is 170, 124, 89 in sRGB; in Rec. 2020's primaries 194, 116, 82 (ITU-R BT.2087)."""
    np.testing.assert_allclose(
        sent_bytes(filled((0.4, 0.2, 0.1, 1), "Linear Rec.709", True)), (170, 124, 89, 255), atol=1.1
    )
    if hasattr(bpy.data, "colorspace"):  # Blender 5.0
        for image in list(bpy.data.images):
            bpy.data.images.remove(image)
        bpy.ops.wm.set_working_color_space(working_space="Linear Rec.2020", convert_colors=False)
        assert bpy.data.colorspace.working_space == "Linear Rec.2020"
        np.testing.assert_allclose(
            sent_bytes(filled((0.4, 0.2, 0.1, 1), "Linear Rec.709", True)), (194, 116, 82, 255), atol=1.1
        )


def photograph(number):
    """A JPEG of 32 x 24, red at its left and blue at its right, with EXIF's orientation, opened in Blender."""
    path = RESOURCES / "photograph.jpg"
    image = bpy.data.images.new("photograph", 32, 24)
    pixels = np.ones((24, 32, 4), np.float32)
    pixels[:, :16], pixels[:, 16:] = (1, 0, 0, 1), (0, 0, 1, 1)
    image.pixels.foreach_set(pixels.reshape(-1))
    image.file_format = "JPEG"
    image.save(filepath=str(path))
    data = path.read_bytes()
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, number, 0) + bytes(4)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return bpy.data.images.load(str(path))


def check_a_photograph_behind_a_camera_is_sent_as_blender_shows_it():
    opened = photograph(6)
    assert tuple(opened.size) == (32, 24), "Blender does not turn it"
    camera = bpy.data.objects["Camera"]
    camera.data.background_images.new().image = opened
    _, attachments = extension.views_to_mesh.read_view(camera, bpy.context.scene.render)
    sent = attachments()["image_file"]
    assert extension.exif.orientation(sent) == 1
    assert extension.exif.orientation(extension.input_image.read_image(opened)()["image_file"]) == 6


def check_a_camera_that_fits_a_turned_photograph_shows_it_upright():
    """Orientation 6: the stored image's left side is the top."""
    upright = extension.input_image.upright(photograph(6))
    assert tuple(upright.size) == (24, 32)
    pixels = np.array(upright.pixels[:]).reshape(32, 24, 4)[::-1]
    np.testing.assert_allclose(pixels[2, 12], (1, 0, 0, 1), atol=0.1)
    np.testing.assert_allclose(pixels[-3, 12], (0, 0, 1, 1), atol=0.1)
    same = photograph(1)
    assert extension.input_image.upright(same) == same


def check_a_movie_is_explained():
    frames = bpy.data.images.new("frames", 4, 4)
    frames.source = "SEQUENCE"
    assert "sequence" in raises_trouble(extension.input_image.read_image, frames).message


def check_an_image_whose_file_is_gone_is_explained():
    gone = bpy.data.images.new("gone", 1, 1)
    gone.source, gone.filepath = "FILE", str(RESOURCES / "gone.png")
    assert "gone" in raises_trouble(extension.input_image.read_image, gone).message


@cases(missing=("nothing.png", "cannot be opened"), folder=("", "not an image"))
def check_a_file_that_is_no_image_is_explained(name, words):
    assert words in raises_trouble(extension.input_image.read_file, RESOURCES / name).message


def check_the_last_render_is_read_and_the_output_settings_stay():
    input_image, scene = extension.input_image, bpy.context.scene
    if not input_image.render_result():
        bpy.data.images.new("Render Result", 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y = 12, 8
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "JPEG"
    bpy.ops.render.render()
    data = input_image.read_render(scene)()["image_file"]
    width, height = int.from_bytes(data[12:14], "little"), int.from_bytes(data[14:16], "little")
    assert (data[2], width, height, data[16]) == (2, 12, 8, 32)  # a TGA that is not compressed, RGBA
    assert scene.render.image_settings.file_format == "JPEG"
