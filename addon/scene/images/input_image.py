# SPDX-License-Identifier: GPL-3.0-or-later
"""The image or prompt that the artist chose, as a job's attachments."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import bpy

from ...base import compat, exif, stored_paths
from ...base.trouble import Trouble
from ...jobs.process import Attachments
from ...settings import engines
from . import color_management, image_import

READ_BY_BACKEND = {"PNG", "JPEG", "WEBP", "BMP", "TARGA", "TIFF"}
NAME_LENGTH = 60  # characters of a prompt; Blender's names have 63 bytes
BACKGROUND = "remove_background"  # the parameter of engines that cut the object out
PROMPT = "image_to_mesh_prompt"  # custom property of an image: the prompt that it was made of
WHOLE = (0.0, 0.0, 1.0, 1.0)  # a crop that cuts nothing off
FILE_LIMIT = 512 << 20  # bytes; no image is larger, but a film chosen by mistake may be


def missing(settings) -> str:
    """The reason why the chosen engine has no input yet, or an empty string. Cheap: poll() asks on every redraw."""
    if is_prompt(settings):
        return missing_prompt(settings)
    return missing_image(settings)


def needs_file(settings) -> bool:
    """Whether nothing but an image file is missing."""
    return settings.source == "FILE" and not settings.filepath and not is_prompt(settings)


def drawn(settings) -> bpy.types.Image | None:
    """The image that was made of the prompt as it stands, if there is one."""
    image = settings.drawn
    return image if image and image.get(PROMPT) == settings.prompt.strip() else None


def is_prompt(settings) -> bool:
    """Whether the engine starts from the prompt, or its image is made from the prompt first."""
    takes_image = "image" in engines.chosen_engine(settings).inputs
    return not takes_image or (settings.source == "PROMPT" and not drawn(settings))


def missing_image(settings) -> str:
    """The reason why there is no image, or an empty string, whatever the chosen engine takes."""
    if settings.source == "FILE" and not settings.filepath:
        return "Choose an image file first"
    if settings.source == "IMAGE" and not settings.image:
        return "Choose an image that is open in Blender first"
    if settings.source == "PROMPT" and not drawn(settings):
        return "Make an image of the prompt first, or choose another image"
    if settings.source == "RENDER" and not render_result():
        return "There is no render yet. Render an image first (F12)"
    return ""


def read(settings, scene: bpy.types.Scene) -> tuple[str, Attachments]:
    """(name for the object, attachments) of the chosen engine's input; a prompt has no attachments. Raises Trouble."""
    if is_prompt(settings):
        return name_of_prompt(settings), dict
    return name_of(settings), read_chosen_image(settings, scene)


def name_of(settings) -> str:
    """The name of an object that is made of the chosen image."""
    if settings.source == "FILE":
        return printable(Path(bpy.path.abspath(settings.filepath)).stem)
    if settings.source == "RENDER":
        return "Render"
    return name_of_prompt(settings) if settings.source == "PROMPT" else printable(Path(settings.image.name).stem)


def read_chosen_image(settings, scene: bpy.types.Scene) -> Attachments:
    """The chosen image, whatever the engine takes. Raises Trouble."""
    if settings.source == "FILE":
        return read_stored(settings.filepath)
    if settings.source == "RENDER":
        return read_render(scene)
    return read_image(settings.drawn if settings.source == "PROMPT" else settings.image)


def attached(settings, scene: bpy.types.Scene) -> Attachments | None:
    """The attachments of the chosen image; None if none is chosen. Raises Trouble."""
    return None if missing_image(settings) else read_chosen_image(settings, scene)


def selection(settings) -> dict:
    """The request's inputs that name the chosen part of the image; empty for all of it."""
    box, number = tuple(settings.crop), settings.object_number
    return {} if box == WHOLE and not number else {"selection": {"box": list(box), "object": number}}


def origin(settings, image: Attachments) -> dict:
    """The source of the attachments of `read`, as a version keeps it."""
    if is_prompt(settings):
        return {}
    if settings.source == "FILE":
        return {"filepath": settings.filepath}
    if settings.source == "RENDER":
        return {"render": image()["image_file"]}
    return {"image": (settings.drawn if settings.source == "PROMPT" else settings.image).session_uid}


def missing_prompt(settings) -> str:
    """The reason why there is no prompt, or an empty string."""
    return "" if settings.prompt.strip() else "Write a prompt first"


def name_of_prompt(settings) -> str:
    return printable(settings.prompt.strip()[:NAME_LENGTH])


def printable(name: str) -> str:
    """A file's name as Blender can store it: on Linux, names may hold bytes that are not UTF-8."""
    return name.encode("utf-8", "replace").decode() or "Mesh"


def read_stored(path: str) -> Attachments:
    """`read_file` for a path that the .blend names. Raises Trouble, also for one on a foreign computer."""
    return read_file(stored_paths.absolute(path))


def read_file(path: Path) -> Attachments:
    """A file's bytes as they are now, read in a thread. Raises Trouble."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Trouble(
            f"The image {path.name} cannot be opened: {error.strerror}", "Choose the file again", "input"
        ) from error
    if not path.is_file() or size > FILE_LIMIT:
        raise Trouble(f"{path.name} is not an image", "Choose an image file", "input")
    read = Reading(path)
    return lambda: {"image_file": read.result()}


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises OSError, also if it is too large to be an image."""
    if path.stat().st_size > FILE_LIMIT:
        raise OSError(f"{path.name} is not an image")
    return path.read_bytes()


class Reading:
    """A file that a thread begins to read at once: its job may wait for long, and the file may change meanwhile."""

    def __init__(self, path: Path):
        self._data, self._error = b"", None
        self._thread = threading.Thread(target=self._run, args=(path,), name="Image to Mesh file", daemon=True)
        self._thread.start()

    def _run(self, path: Path) -> None:
        try:
            self._data = read_bytes(path)
        except OSError as error:
            self._error = error

    def result(self) -> bytes:
        """The bytes, once they are read. Raises OSError."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._data


def read_image(image: bpy.types.Image) -> Attachments:
    """An image in Blender: its file if that holds the same pixels, else the pixels in sRGB. Raises Trouble."""
    is_file = not image.is_dirty and not image.is_float and image.file_format in READ_BY_BACKEND
    if is_file and color_management.is_srgb(image):
        if image.packed_file:
            data = bytes(image.packed_file.data)
            return lambda: {"image_file": data}
        path = stored_paths.absolute(image.filepath, image.library)
        if image.source == "FILE" and path.is_file():
            return read_file(path)
    width, height = image.size
    if image.source in ("SEQUENCE", "MOVIE"):
        message = f"The image {image.name} is a movie or a sequence"
        raise Trouble(message, "Choose one of its pictures as a file", "input")
    if image.type == "RENDER_RESULT" or not width * height:
        raise Trouble(f"The image {image.name} has no pixels", "Choose another image", "input")
    return color_management.read_pixels(image)


def read_unturned(image: bpy.types.Image) -> Attachments:
    """`read_image` of a camera's image: turned as Blender shows it, whatever EXIF says. Raises Trouble."""
    read = read_image(image)

    def attachments() -> dict[str, bytes]:
        return {name: exif.as_stored(data) for name, data in read().items()}

    return attachments


def upright(image: bpy.types.Image) -> bpy.types.Image:
    """The image as the backend saw it, for a camera that was fitted to it: turned as EXIF says, in a copy if so. Raises
    Trouble."""
    number = exif.orientation(read_image(image)().get("image_file", b""))
    return image if number == 1 else image_import.turned(image, number)


def render_result() -> bpy.types.Image | None:
    return next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)


def read_render(scene: bpy.types.Scene) -> Attachments:
    """The last render through the scene's view transform, as the artist sees it. Raises Trouble."""
    image = render_result()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "render.tga"
        try:
            with compat.image_output(scene, "TARGA_RAW"):  # not PNG, which would hold Blender three times as long
                if image:
                    image.save_render(str(path), scene=scene)
            data = path.read_bytes()
        except (RuntimeError, OSError) as error:
            raise Trouble("There is no render to read", "Render an image first (F12)", "input") from error
    return lambda: {"image_file": data}
