# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of Make Solid and Print Check. Main thread only."""

from __future__ import annotations

import json
from dataclasses import dataclass

import bpy

from ...backend.interface.files import parse_json
from ..base.trouble import Trouble
from ..jobs.job import Job
from . import replace_mesh, versions, viewport
from .delivery import AGAIN, WithoutPreview, mesh_of, undo_step
from .surface.transfer import build_like

CHECKED = "image_to_mesh_print_check"  # custom property of an object: the facts of its check, as JSON


@dataclass(eq=False)
class SolidMesh(WithoutPreview):
    """The solid mesh for the object of a session_uid. shape: of its mesh at the click."""

    scene: int
    target: int
    shape: tuple[int, ...]

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        target, found = object_of(scene, self.target), mesh_of(job)
        old = target.data
        if shape_of(old) != self.shape or target.data.shape_keys or found.origin_face is None:
            raise Trouble("The solid mesh is finished, but its object was changed meanwhile", AGAIN, "moved")
        with undo_step("Make Solid", "The solid mesh is finished"):
            groups = replace_mesh.groups_of(target)
            new, nearest = build_like(old, found)
            versions.keep(scene, target)
            target.data = new
            replace_mesh.carry_groups(target, groups, nearest)
            version = versions.add_object_mesh(scene, target, new, f"{target.name}, solid")
            version.dense = versions.dense_of(scene, old) or old
        viewport.show_colors(target)


@dataclass(eq=False)
class PrintReport(WithoutPreview):
    """The facts of a print check, kept with the object of a session_uid. shape: of its mesh at the click."""

    scene: int
    target: int
    shape: tuple[int, ...]

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        with undo_step("Print Check", "The check is finished"):
            object_of(scene, self.target)[CHECKED] = json.dumps(job.outcome.facts | {"shape": self.shape})


def object_of(scene: bpy.types.Scene, uid: int) -> bpy.types.Object:
    """The mesh object of this session_uid in the scene. Raises Trouble."""
    target = versions.find(scene.objects, uid)
    if target is None or target.type != "MESH":
        raise Trouble("The job is finished, but its object has been deleted", AGAIN, "moved")
    return target


def shape_of(mesh: bpy.types.Mesh) -> tuple[int, ...]:
    """Numbers by which a mesh is taken for unchanged."""
    return len(mesh.vertices), len(mesh.polygons), len(mesh.loops)


def found_in(ob: bpy.types.Object | None) -> dict:
    """The facts of an object's last check; empty if there was none, or its mesh was changed since."""
    if ob is None or ob.type != "MESH":
        return {}
    found = parse_json(str(ob.get(CHECKED, ""))) or {}
    return found if found and tuple(found.get("shape", ())) == shape_of(ob.data) else {}
