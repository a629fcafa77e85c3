# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF 2.0, .glb and .gltf: the triangles of the default scene where its nodes put them, skins and shapes included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .gltf_container import Container
from .gltf_materials import Materials
from .parts import Part
from .refusal import Unreadable
from .textures import Warn

TRIANGLES, STRIP, FAN = 4, 5, 6  # modes of primitives
UNDERSTOOD = (
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "EXT_texture_webp",
    "KHR_materials_",  # and all that begin so: none but the glossiness changes the base colour
)


def read(path: Path, warn: Warn) -> list[Part]:
    """The file's parts, in glTF's axes. warn is told which textures are missing. ValueError."""
    file = Container(path)
    if unknown := [name for name in file.list("extensionsRequired") if not str(name).startswith(UNDERSTOOD)]:
        raise Unreadable(f"it needs {', '.join(map(str, unknown))}, which is not read; export it without")
    materials, parts = Materials(file, warn), []
    placed = place_nodes(file)
    for node, matrix in placed.values():
        if "mesh" not in node:
            continue
        mesh = file.entry("meshes", node["mesh"])
        weights = node.get("weights", mesh.get("weights", []))
        joints = joint_matrices(file, placed, node["skin"]) if "skin" in node else None
        for primitive in mesh.get("primitives", []):
            if primitive.get("mode", TRIANGLES) >= TRIANGLES:
                parts.append(read_primitive(file, materials, primitive, weights, matrix, joints))
            else:  # points and lines
                parts.append(Part(file.accessor(primitive["attributes"]["POSITION"]), np.zeros((0, 3), np.int64)))
    return parts


def place_nodes(file: Container) -> dict[int, tuple[dict[str, Any], np.ndarray]]:
    """The nodes of the default scene, or of the whole file, and their matrices (4, 4), by number."""
    nodes = file.list("nodes")
    if scenes := file.list("scenes"):
        roots = scenes[file.tree.get("scene", 0)].get("nodes", [])
    else:
        roots = set(range(len(nodes))) - {child for node in nodes for child in node.get("children", [])}
    waiting, placed = [(root, np.eye(4)) for root in reversed(list(roots))], {}
    while waiting:
        number, parent = waiting.pop()
        if number in placed:
            raise Unreadable("its nodes are no tree")
        node = file.entry("nodes", number)
        matrix = parent @ local_matrix(node)
        placed[number] = node, matrix
        waiting += [(child, matrix) for child in reversed(node.get("children", []))]
    return placed


def local_matrix(node: dict[str, Any]) -> np.ndarray:
    """A node's matrix (4, 4) in its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    double = 2 / max(x * x + y * y + z * z + w * w, 1e-30)
    matrix = np.eye(4)
    matrix[:3, :3] -= double * np.array(
        [
            [y * y + z * z, w * z - x * y, -w * y - x * z],
            [-w * z - x * y, x * x + z * z, w * x - y * z],
            [w * y - x * z, -w * x - y * z, x * x + y * y],
        ]
    )
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def joint_matrices(file: Container, placed: dict[int, tuple[dict[str, Any], np.ndarray]], skin: int) -> np.ndarray:
    """Where the joints of a skin move vertices, (J, 4, 4)."""
    described = file.entry("skins", skin)
    joints = np.stack([placed[joint][1] for joint in described["joints"]])
    if "inverseBindMatrices" not in described:
        return joints
    return joints @ file.accessor(described["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)[: len(joints)]


def read_primitive(
    file: Container,
    materials: Materials,
    primitive: dict[str, Any],
    weights: list[float],
    matrix: np.ndarray,
    joints: np.ndarray | None,
) -> Part:
    """One primitive of triangles, in the scene. weights: of its shapes; joints: of its skin, instead of the matrix."""
    if "KHR_draco_mesh_compression" in primitive.get("extensions", {}):
        raise Unreadable("it is compressed by Draco; export it without compression")
    attributes = primitive["attributes"]
    vertices = file.accessor(attributes["POSITION"]).astype(np.float64)
    for weight, target in zip(weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            vertices = vertices + weight * file.accessor(target["POSITION"])
    indices = np.arange(len(vertices))
    if "indices" in primitive:
        indices = file.accessor(primitive["indices"]).reshape(-1).astype(np.int64)
    faces = np.array(list_triangles(indices, primitive.get("mode", TRIANGLES)))
    if len(faces) and faces.max() >= len(vertices):
        raise Unreadable("a face names a vertex that is not there")
    if joints is not None and "JOINTS_0" in attributes:
        vertices, matrix = move_by_joints(file, attributes, vertices, joints), joints[0]
    else:
        vertices = vertices @ matrix[:3, :3].T + matrix[:3, 3]
    colors = materials.colors(primitive, faces)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
        colors = colors[:, ::-1] if colors is not None and colors.ndim == 3 else colors
    return Part(vertices, faces, colors)


def list_triangles(indices: np.ndarray, mode: int) -> np.ndarray:
    """Faces (M, 3) of a primitive's indices."""
    if mode == TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    first, second, third = indices[:-2], indices[1:-1], indices[2:]
    if mode == FAN:
        return np.stack([np.broadcast_to(indices[:1], second.shape), second, third], 1)
    odd = np.arange(len(first)) % 2 == 1
    return np.stack([first, np.where(odd, third, second), np.where(odd, second, third)], 1)


def move_by_joints(file: Container, attributes: dict[str, int], vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Vertices (N, 3) as the joints (J, 4, 4) of a skin move them."""
    names = [f"JOINTS_{i}" for i in range(len(attributes)) if f"JOINTS_{i}" in attributes]
    joint = np.concatenate([file.accessor(attributes[name]) for name in names], 1).astype(np.int64)
    weight = np.concatenate([file.accessor(attributes[name.replace("JOINTS", "WEIGHTS")]) for name in names], 1)
    whole = np.concatenate([vertices, np.ones((len(vertices), 1))], 1)
    moved = sum(weight[:, k, None] * np.einsum("nij,nj->ni", joints[joint[:, k]], whole) for k in range(joint.shape[1]))
    return (moved / np.maximum(weight.sum(1, keepdims=True), 1e-12))[:, :3]  # pyright: ignore[reportOperatorIssue]
