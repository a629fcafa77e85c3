# SPDX-License-Identifier: GPL-3.0-or-later
"""The chosen image as the engine will get it, cut out and framed: the panel shows it before any job."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import bpy
import numpy as np

from ...base import arrays, stored_paths
from ...base.trouble import Trouble
from ...jobs.process import Attachments
from ...settings import engines
from .. import versions
from . import image_editor, input_image

SIDE = 256  # pixels
_edited = 0  # grows when an image is painted on, or a render ends


class InputPreview:
    """Asks the backend about the chosen image whenever it is another one. ask(message, attachments) sends a question
    whose answer comes to `take`; warm_up() starts the backend; wake() lets the session's timer call `poll` soon."""

    def __init__(
        self,
        ask: Callable[[dict, Attachments], None],
        warm_up: Callable[[], None],
        wake: Callable[[], None],
    ):
        self.ask, self.warm_up, self.wake = ask, warm_up, wake
        self.picture: np.ndarray | None = None  # uint8 (SIDE, SIDE, 4), opaque
        self.objects = 0
        self.words = ""  # how the background was removed, or why there is no picture
        self.waiting = False
        self._failed = False
        self._numbers = itertools.count(1)
        self._scene = 0  # session_uid of the scene that a panel shows
        self._asked: tuple | None = None
        self._whole: Callable[[dict], None] | None = None  # waits for the answer to `ask_whole`

    def want(self, scene: bpy.types.Scene) -> None:
        """Show the image of this scene. Cheap: panels say so on every redraw."""
        if self._asked is None or key_of(scene) != self._asked[0]:
            self._scene = scene.session_uid
            self.wake()

    def problem(self, scene: bpy.types.Scene) -> str:
        """Why the chosen image cannot be used, as far as that is known. Cheap."""
        is_known = self._failed and self._asked is not None and self._asked[0] == key_of(scene)
        return self.words if is_known else ""

    def poll(self) -> None:
        """Ask about the chosen image if it is another one, or its file has changed."""
        scene = versions.find(bpy.data.scenes, self._scene)
        if scene is None or self._whole:
            return
        image_editor.settle_brush(scene)
        settings = scene.image_to_mesh
        wanted = key_of(scene), stamp_of(settings)
        if wanted == self._asked:
            return
        self._asked, self.words, self.objects, self._failed = wanted, "", 0, False
        try:
            image = input_image.attached(settings, scene)
        except Trouble as trouble:
            self.picture, self.words, self._failed = None, trouble.message, trouble.kind == "input"
            return
        if image is None:
            self.picture = None
            self.warm_up()
        else:
            mode = background_mode(settings)
            self._ask(input_image.selection(settings), image, framed=SIDE, remove_background=mode)

    def ask_whole(self, scene: bpy.types.Scene, mode: str, handler: Callable[[dict], None], selection: dict) -> None:
        """Ask for the chosen image without framing it, its background removed by `mode`. handler(answer) gets a message
        with `picture` uint8 (H, W, 4), or with a `message`. Raises Trouble."""
        image = input_image.attached(scene.image_to_mesh, scene)
        if image is None:
            raise Trouble("There is no image", "Choose an image first", "input")
        self._whole, self._asked = handler, None  # the answer to an earlier question may not come any more
        self._ask(selection, image, framed=0, remove_background=mode)
        self.wake()

    def forget_whole(self) -> None:
        """Ignore the answer to `ask_whole`: whoever asked is gone."""
        if self._whole:
            self._whole = lambda answer: None

    def take(self, answer: dict) -> None:
        """The backend's answer to the last question."""
        self.waiting = False
        if self._whole:
            handler, self._whole = self._whole, None
            handler(answer)
            return
        picture = answer.get("picture")
        self._failed = answer.get("kind") == "input"  # a backend that died is no fault of the image
        self.picture = None if picture is None else arrays.on_checker(picture)
        self.objects = int(answer.get("objects") or 0)
        self.words = str(answer.get("message") or answer.get("note") or "")

    def _ask(self, selection: dict, image: Attachments, **more) -> None:
        self.waiting = True
        self.ask({"type": "look", "look": next(self._numbers), "inputs": selection} | more, image)


def background_mode(settings) -> str:
    """The chosen engine's way to remove the background, as the backend names it."""
    engine = engines.chosen_engine(settings)
    mode = getattr(engines.group_of(settings, engine), input_image.BACKGROUND, "AUTO")
    return mode.lower()


def key_of(scene: bpy.types.Scene) -> tuple:
    """Equal for equal inputs. Cheap."""
    settings = scene.image_to_mesh
    source = settings.source
    image = input_image.drawn(settings) if source == "PROMPT" else settings.image
    what = settings.filepath if source == "FILE" else image.session_uid if image and source != "RENDER" else 0
    edits = 0 if source == "FILE" else _edited
    selection = tuple(settings.crop), settings.object_number
    return scene.session_uid, source, what, edits, settings.engine, background_mode(settings), selection


def stamp_of(settings) -> float:
    """When the chosen file was last written, 0 if there is none."""
    if settings.source != "FILE" or not settings.filepath:
        return 0.0
    try:
        return stored_paths.absolute(settings.filepath).stat().st_mtime
    except (OSError, Trouble):
        return 0.0


@bpy.app.handlers.persistent
def note_edit(_scene, depsgraph=None) -> None:
    """Note that an image may have been painted on, or rendered."""
    global _edited
    if depsgraph is None or depsgraph.id_type_updated("IMAGE"):
        _edited += 1


def register() -> None:
    bpy.app.handlers.depsgraph_update_post.append(note_edit)
    bpy.app.handlers.render_complete.append(note_edit)


def unregister() -> None:
    bpy.app.handlers.depsgraph_update_post.remove(note_edit)
    bpy.app.handlers.render_complete.remove(note_edit)
