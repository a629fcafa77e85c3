# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of a mesh's corners, as the scene shows them: a colour attribute's, or the base colours of its materials."""

from __future__ import annotations

import bpy
import numpy as np

GREY = 128  # for meshes without colours: a white one could not be seen before a white background
UNTOUCHED = 0.8  # of a new material's Base Color, which nobody chose
INWARD = 1e-3  # of the way from a corner to the middle of its face: texels of a face, not of its neighbour


def corner_colors(mesh: bpy.types.Mesh) -> np.ndarray | None:
    """uint8 (L, 4) sRGB of the mesh's corners; None where its colours are those of vertices, or nothing has any."""
    attribute = mesh.color_attributes.active_color
    if attribute is None:
        rgba = material_colors(mesh)
    elif attribute.domain == "CORNER":
        rgba = np.empty(4 * len(attribute.data), np.float32)
        attribute.data.foreach_get("color_srgb", rgba)
        rgba = rgba.reshape(-1, 4)
    else:
        return None
    if rgba is None:
        return None
    rgba[:, 3] = 1
    return np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8)


def material_colors(mesh: bpy.types.Mesh) -> np.ndarray | None:
    """sRGB 0..1 (L, 4) of the corners, grey where a material has no colour; None where none has."""
    bases = [base_of(material) for material in mesh.materials]
    if all(base is None for base in bases):
        return None
    slot, size = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slot)
    mesh.polygons.foreach_get("loop_total", size)
    polygon = np.repeat(np.arange(len(size)), size)
    slot = np.minimum(slot, len(bases) - 1)[polygon]
    rgba = np.full((len(polygon), 4), GREY / 255)
    for index, base in enumerate(bases):
        mine = slot == index
        if isinstance(base, bpy.types.Image) and mine.any():
            if (uv := corner_uv(mesh, polygon)) is not None:
                rgba[mine, :3] = texels(base, uv[mine])
        elif base is not None:
            rgba[mine, :3] = base
    return rgba


def base_of(material: bpy.types.Material | None) -> np.ndarray | bpy.types.Image | None:
    """A material's texture, or its base colour sRGB 0..1 (3,); None where nobody chose one."""
    nodes = material.node_tree.nodes if material and material.node_tree else ()
    shader = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        return None
    base = shader.inputs["Base Color"]
    if base.is_linked:
        return image_behind(base)
    rgb = np.array(base.default_value[:3])
    return None if np.allclose(rgb, UNTOUCHED, atol=1e-4) else to_srgb(rgb)


def image_behind(socket: bpy.types.NodeSocket) -> bpy.types.Image | None:
    """The first image that leads to a socket and has pixels."""
    waiting, seen = [socket], set()
    while waiting:
        for link in waiting.pop(0).links:
            node = link.from_node
            if node.type == "TEX_IMAGE" and node.image and len(node.image.pixels):
                return node.image
            if node.name not in seen:
                seen.add(node.name)
                waiting += list(node.inputs)
    return None


def corner_uv(mesh: bpy.types.Mesh, polygon: np.ndarray) -> np.ndarray | None:
    """UV coordinates (L, 2) of the corners, a little inside their faces; polygon: of every corner (L,)."""
    layer = next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers.active)
    if layer is None:
        return None
    uv = np.empty(2 * len(polygon), np.float32)
    layer.uv.foreach_get("vector", uv)
    uv = uv.reshape(-1, 2).astype(np.float64)
    times = np.bincount(polygon)
    middle = np.stack([np.bincount(polygon, part) / np.maximum(times, 1) for part in uv.T], 1)
    return uv + INWARD * (middle[polygon] - uv)


def texels(image: bpy.types.Image, uv: np.ndarray) -> np.ndarray:
    """Colours sRGB 0..1 (K, 3) of an image, repeated, at UV coordinates (K, 2)."""
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    column, row = (np.floor(uv % 1 * (width, height)).astype(int).clip(0, (width - 1, height - 1))).T
    found = pixels.reshape(height, width, image.channels)[row, column]
    rgb = found[:, :3] if image.channels >= 3 else np.repeat(found[:, :1], 3, 1)
    return to_srgb(rgb) if image.is_float or image.colorspace_settings.name != "sRGB" else rgb


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB 0..1."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
