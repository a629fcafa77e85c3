# SPDX-License-Identifier: GPL-3.0-or-later
"""Base colours of glTF's materials: factor, texture and vertex colours multiplied in linear light."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .gltf_container import Container
from .light import linear_rgba, srgb_rgba
from .textures import REPEAT, Warn, corner_texels, open_texture

GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
TRANSFORM = "KHR_texture_transform"
WEBP = "EXT_texture_webp"


class Materials:
    """The materials of a file. warn is told which textures are missing."""

    def __init__(self, file: Container, warn: Warn) -> None:
        self.file, self.warn = file, warn
        self.images: dict[int, np.ndarray | None] = {}

    def colors(self, primitive: dict[str, Any], faces: np.ndarray) -> np.ndarray | None:
        """sRGB 0..1 of a primitive: (N, 4) of its vertices, (M, 3, 4) of its faces' corners where there is a texture,
        or None where nothing gives it a colour."""
        attributes = primitive["attributes"]
        material = self.file.entry("materials", primitive["material"]) if "material" in primitive else {}
        factor, texture = base_color(material)
        linear = None
        if "COLOR_0" in attributes:
            linear = with_alpha(self.file.accessor(attributes["COLOR_0"])) * factor
        texels = self.texels(texture, attributes, faces) if texture else None
        if texels is not None:
            if material.get("alphaMode", "OPAQUE") == "OPAQUE":
                texels[..., 3] = 1
            return srgb_rgba(linear_rgba(texels) * (factor if linear is None else linear[faces]))
        if linear is None and material:
            linear = np.tile(factor, (len(self.file.accessor(attributes["POSITION"])), 1))
        return None if linear is None else srgb_rgba(linear)

    def texels(self, texture: dict[str, Any], attributes: dict[str, int], faces: np.ndarray) -> np.ndarray | None:
        """The texels that the corners of faces show, sRGB 0..1 (M, 3, 4)."""
        transform = texture.get("extensions", {}).get(TRANSFORM, {})
        name = f"TEXCOORD_{transform.get('texCoord', texture.get('texCoord', 0))}"
        described = self.file.entry("textures", texture["index"])
        image = self.image(described.get("extensions", {}).get(WEBP, {}).get("source", described.get("source")))
        if image is None or name not in attributes:
            return None
        uv = transformed(self.file.accessor(attributes[name]).astype(np.float64), transform)
        sampler = self.file.entry("samplers", described["sampler"]) if "sampler" in described else {}
        return corner_texels(image, uv[faces], (sampler.get("wrapS", REPEAT), sampler.get("wrapT", REPEAT)))

    def image(self, number: int | None) -> np.ndarray | None:
        """An image, uint8 (H, W, 4); None, and a warning, where it is not there."""
        if number is None:
            self.warn("A texture is of a kind that is not read: the colours lack it.")
            return None
        if number not in self.images:
            described = self.file.entry("images", number)
            if "bufferView" in described:
                data = self.file.view(described["bufferView"])
            else:
                data = self.file.uri(str(described.get("uri", "")))
            if data is None:
                self.warn(f"The texture {str(described.get('uri'))[:80]!r} is not in the mesh's folder.")
            self.images[number] = None if data is None else open_texture(data)
        return self.images[number]


def base_color(material: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any] | None]:
    """A material's factor in linear light (4,), and its texture's description if it has one."""
    glossy = material.get("extensions", {}).get(GLOSSINESS)
    plain = material.get("pbrMetallicRoughness", {})
    if glossy is not None and not plain:
        factor, texture = glossy.get("diffuseFactor", (1, 1, 1, 1)), glossy.get("diffuseTexture")
    else:
        factor, texture = plain.get("baseColorFactor", (1, 1, 1, 1)), plain.get("baseColorTexture")
    return np.array(factor, np.float64).reshape(4), texture


def with_alpha(colors: np.ndarray) -> np.ndarray:
    """Colours (N, 3) or (N, 4) of any kind of number -> 0..1 (N, 4). Integers count as normalised."""
    scale = 1 if colors.dtype.kind == "f" else np.iinfo(colors.dtype).max
    rgba = np.ones((len(colors), 4))
    rgba[:, : colors.shape[1]] = np.clip(np.nan_to_num(colors / scale), 0, 1)
    return rgba


def transformed(uv: np.ndarray, transform: dict[str, Any]) -> np.ndarray:
    """UV coordinates (N, 2) scaled, turned and moved as KHR_texture_transform says."""
    if not transform:
        return uv
    turn = transform.get("rotation", 0.0)
    c, s = math.cos(turn), math.sin(turn)
    u, v = (uv * np.array(transform.get("scale", (1, 1)), np.float64)).T
    return np.stack([c * u + s * v, c * v - s * u], 1) + np.array(transform.get("offset", (0, 0)), np.float64)
