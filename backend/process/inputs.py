# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request's message and attachments to the inputs of an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..interface.common_parameters import check_prompt
from ..interface.errors import ImageError
from ..interface.parameters import check_angles
from ..interface.task import Task
from ..interface.tasks import TEXT_TO_IMAGE

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh

VIEW_NAME = re.compile(r"view_\d{3}")  # attachments of several images
Keep = Callable[[str, bytes], None]


def read_inputs(task: Task[Any], named: Any, attached: Mapping[str, bytes], keep: Keep) -> dict[str, Any]:
    """The inputs of a task's engine, read and checked. named: the message's "inputs".
    keep(file name, bytes): stores what was sent.

    Raises ParameterError, ImageError, ViewsError, MeshFileError, and whatever `keep` does.
    """
    named = named if isinstance(named, dict) else {}
    inputs: dict[str, Any] = {}
    if "views" in task.inputs:
        inputs |= read_views(read_files(attached, keep), named.get("cameras"))
    if "photos" in task.inputs:
        inputs["photos"] = read_photos(read_files(attached, keep))
    if "angles" in task.inputs:
        inputs["angles"] = check_angles(named.get("angles"))
    if "image" in task.inputs:
        inputs |= read_image_or_prompt(named, attached, keep)
        if "selection" in named:
            from ..preprocess.selection import check_selection

            inputs["selection"] = check_selection(named["selection"])
    if "prompt" in task.inputs:
        inputs["prompt"] = check_prompt(named.get("prompt"))
    if "mesh" in attached:
        inputs["mesh"] = read_mesh(attached["mesh"], keep)
    return inputs


def read_image_or_prompt(named: dict[str, Any], attached: Mapping[str, bytes], keep: Keep) -> dict[str, Any]:
    """The image, attached or at a path, and warnings about it; or the prompt from which it is to be made, with the
    parameters for that."""
    if not attached.keys() & {"image_file", "image"} and "prompt" in named:
        return {"prompt": check_prompt(named["prompt"]), "picture": TEXT_TO_IMAGE.check(named.get("picture", {}))}
    if "image_file" in attached:
        keep("input.image", attached["image_file"])
        return read(attached["image_file"])
    if "image" in attached:
        from ..preprocess.image import encode_png, read_array

        keep("input.npz", attached["image"])
        image = read_array(attached["image"])
        keep("input.png", encode_png(image))  # for people, and for Blender when it imports the job later
        return {"image": image}
    path = named.get("image")
    if not isinstance(path, str) or path in ("", "attachment"):
        raise ImageError("No image came with the request.")
    return read(path)


def read(source: str | bytes) -> dict[str, Any]:
    """An image file or its bytes, and what there is to say of it."""
    from ..preprocess.image import read_image

    warnings: list[str] = []
    return {"image": read_image(source, warnings=warnings), "warnings": warnings}


def read_files(attached: Mapping[str, bytes], keep: Keep) -> list[bytes]:
    """The attached image files view_000, view_001 and so on."""
    files = {name: data for name, data in sorted(attached.items()) if VIEW_NAME.fullmatch(name)}
    for name, data in files.items():
        keep(f"{name}.image", data)
    return list(files.values())


def read_views(files: list[bytes], cameras: Any) -> dict[str, Any]:
    """Images with their cameras, and notes on them."""
    from ..preprocess.views.folder import read_attached

    return read_attached(files, cameras).inputs()


def read_photos(files: list[bytes]) -> list[np.ndarray]:
    """Photos of one subject."""
    from ..preprocess.image import read_image

    return [read_image(data) for data in files]


def read_mesh(data: bytes, keep: Keep) -> Mesh:
    """The mesh that the job starts from."""
    from ..meshing.files import unpack

    keep("start.npz", data)
    return unpack(data)
