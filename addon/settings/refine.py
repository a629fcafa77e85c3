# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Settings of Refine in Place: `scene.image_to_mesh.refine`."""

import bpy

from ...backend.interface import tasks
from ...backend.interface.task import Task
from .choices import number_of

ENGINES = tuple(task for task in tasks.MESH_TASKS if {"mesh"} < set(task.inputs))  # that can start from a mesh


class RefineSettings(bpy.types.PropertyGroup):
    engine: bpy.props.EnumProperty(
        name="Match",
        description="The image or prompt that the mesh should match better",
        default=ENGINES[0].name.upper(),
        items=[
            (e.name.upper(), "Image" if "image" in e.inputs else "Prompt", e.help, number_of(e.name)) for e in ENGINES
        ],
    )
    group: bpy.props.StringProperty(
        name="Vertex Group",
        description="Only its vertices move, by their weights. Empty: the whole mesh is replaced",
    )


def refining_engine(settings) -> Task:
    """The engine that refines."""
    return next((e for e in ENGINES if e.name.upper() == settings.refine.engine), ENGINES[0])


register, unregister = bpy.utils.register_classes_factory((RefineSettings,))
