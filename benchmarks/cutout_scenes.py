# SPDX-License-Identifier: GPL-3.0-or-later
"""Photograph-like pictures of objects whose opacity and colours are known, made from meshes and free photographs.

An object is ray-cast with a photographic texture and a light, stands on a floor that takes its soft shadow, may have
hair or a part of glass, and is blended with its background in linear light, as in a camera. Then come the lens' blur,
the sensor's noise and JPEG. The photographs are those of scikit-image whose licence is CC0 or public domain.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import skimage.data
from PIL import Image, ImageDraw
from scipy import ndimage

from backend.runtime.images import to_bytes
from backend.training.meshes import TrainingMesh
from backend.training.render import Light, Renderer, orbit

PHOTOGRAPHS = ("coffee", "chelsea", "rocket")
GREYS = ("brick", "grass", "gravel")
SAMPLES = 3  # rays a pixel, squared
SHADOW_STEP, SHADOW_RAYS = 8, 24  # pixels between the points whose shadow is cast, and rays for each
SHAPES = ((4, 3), (3, 4), (1, 1), (16, 9))  # of photographs


@dataclass
class Scene:
    """A photograph, float32 RGB (H, W, 3), sRGB 0..1, with the object's true opacity (H, W) and colours (H, W, 3)."""

    photograph: np.ndarray
    alpha: np.ndarray
    color: np.ndarray
    kind: str


@dataclass
class View:
    """A photograph's pixels as rays: pixel (x, y) looks along ((x - left) / scale, (top - y) / scale, -1)."""

    camera: np.ndarray  # (4, 4), camera to world
    width: int
    height: int
    left: float
    top: float
    scale: float  # pixels per unit of tangent

    def rays(self, step: int = 1) -> np.ndarray:
        """Directions (h, w, 3) in the world, of every step-th pixel."""
        x, y = np.meshgrid(np.arange(0.5, self.width, step), np.arange(0.5, self.height, step))
        seen = np.stack([(x - self.left) / self.scale, (self.top - y) / self.scale, -np.ones_like(x)], -1)
        return (seen @ self.camera[:3, :3].T).astype(np.float32)


def make_scene(mesh: TrainingMesh, seed: int, side: int = 1200) -> Scene:
    """The photograph that `seed` stands for, whose longer side has `side` pixels."""
    rng = np.random.default_rng(seed)
    shape = np.array(SHAPES[rng.integers(len(SHAPES))])
    width, height = (shape * side // shape.max()).tolist()
    light = Light(np.array([*rng.normal(size=2) * 0.6, 1.0], np.float32), rng.uniform(0.5, 0.8))
    light.direction /= np.linalg.norm(light.direction)
    kind = str(rng.choice(["plain", "floor", "photograph"], p=[0.3, 0.35, 0.35]))
    pale = kind == "plain" and rng.random() < 0.3
    renderer = Renderer(mesh, light, Paint(rng, pale))  # pyright: ignore[reportArgumentType]
    view = place(renderer, rng, width, height)
    color, alpha = render(renderer, view)
    extra = str(rng.choice(["", "hair", "glass"], p=[0.75, 0.15, 0.1]))
    if extra == "hair":
        color, alpha = add_hair(color, alpha, rng)
    elif extra == "glass":
        color, alpha = make_glass(color, alpha, rng)
    behind = to_linear(background(kind, view, mesh, rng, pale))
    if kind != "photograph" or rng.random() < 0.5:
        behind *= 1 - rng.uniform(0.4, 0.85) * shadow(renderer, view)[..., None]
    light_of_object = to_linear(color) * alpha[..., None]
    blur = rng.uniform(0.5, 0.9)  # of the lens, in pixels
    light_of_object = ndimage.gaussian_filter(light_of_object, (blur, blur, 0))
    alpha = ndimage.gaussian_filter(alpha, blur)
    color = to_srgb(light_of_object / np.maximum(alpha, 1e-4)[..., None])
    photograph = expose(to_srgb(light_of_object + (1 - alpha[..., None]) * behind), rng)
    return Scene(photograph, alpha, color, " ".join(filter(None, ["pale" if pale else kind, extra])))


def to_linear(color: np.ndarray) -> np.ndarray:
    """SRGB 0..1 -> linear light 0..1 (IEC 61966-2-1)."""
    return np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light 0..1 -> sRGB 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@cache
def load(name: str) -> np.ndarray:
    """A free photograph, RGB (h, w, 3), 0..1, mirrored so that it repeats."""
    pixels = np.asarray(getattr(skimage.data, name)(), np.float32) / 255
    pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    pixels = np.concatenate([pixels, pixels[::-1]])
    return np.concatenate([pixels, pixels[:, ::-1]], 1)


def draw_texture(rng: np.random.Generator, names: tuple[str, ...] = PHOTOGRAPHS + GREYS) -> np.ndarray:
    """A random photograph; one without colours is tinted."""
    name = str(rng.choice(names))
    tint = rng.uniform(0.6, 1.3) * rng.uniform(0.8, 1.2, 3) if name in GREYS else np.ones(3)
    return np.clip(load(name) * tint, 0, 1).astype(np.float32)


def sample(pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Colours (..., 3) of a repeating picture at coordinates in pixels, interpolated."""
    at = np.stack([y % pixels.shape[0], x % pixels.shape[1]])
    return np.stack([ndimage.map_coordinates(pixels[..., c], at, order=1, mode="wrap") for c in range(3)], -1)


class Paint:
    """Mixes an object's colours with a photograph that is projected along a random direction; pale ones with white."""

    def __init__(self, rng: np.random.Generator, pale: bool) -> None:
        self.pixels, self.pale = draw_texture(rng), pale
        self.axes = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2] * rng.uniform(150, 500)
        self.share = rng.uniform(0.1, 0.7)

    def paint(self, points: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Colours (N, 3) at points (N, 3) of the object -> painted colours (N, 3)."""
        x, y = (points @ self.axes.T).T
        mixed = colors * (1 - self.share) + self.share * sample(self.pixels, x, y)
        return (0.7 + 0.3 * mixed if self.pale else mixed).astype(np.float32)


def place(renderer: Renderer, rng: np.random.Generator, width: int, height: int) -> View:
    """A camera around the object, and where the object lies in the photograph."""
    camera = orbit(rng.uniform(0, 360), rng.uniform(5, 40))
    left, bottom, right, top = renderer.box(camera)
    scale = rng.uniform(0.45, 0.85) * min(width / (right - left), height / (top - bottom))
    room = np.array([width - scale * (right - left), height - scale * (top - bottom)])
    x, y = room * rng.uniform(0.2, 0.8, 2)
    return View(camera, width, height, x - scale * left, y + scale * top, scale)


def render(renderer: Renderer, view: View) -> tuple[np.ndarray, np.ndarray]:
    """The object's colours (H, W, 3) and its opacity (H, W), alone in the photograph."""
    left, bottom, right, top = renderer.box(view.camera)
    x, y = int(view.left + view.scale * left) - 2, int(view.top - view.scale * top) - 2
    side = int(np.ceil(view.scale * max(right - left, top - bottom))) + 4
    corner = np.array([(x - view.left) / view.scale, (view.top - y - side) / view.scale])
    window = np.concatenate([corner, corner + side / view.scale])
    seen = renderer.render(view.camera, side, window, SAMPLES)[0] / 255
    whole = np.zeros((view.height, view.width, 4))
    rows, columns = slice(max(y, 0), min(y + side, view.height)), slice(max(x, 0), min(x + side, view.width))
    whole[rows, columns] = seen[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    return whole[..., :3], whole[..., 3]


def background(kind: str, view: View, mesh: TrainingMesh, rng: np.random.Generator, pale: bool) -> np.ndarray:
    """The picture behind the object, sRGB (H, W, 3): one colour that fades, a photograph, or a floor before one."""
    if kind == "plain":
        tint = rng.uniform(0.85, 1, 3) if pale or rng.random() < 0.5 else rng.uniform(0.1, 0.9, 3)
        y, x = np.mgrid[: view.height, : view.width] / max(view.width, view.height) - 0.5
        fade = 1 - rng.uniform(0, 0.5) * ((x - rng.uniform(-0.3, 0.3)) ** 2 + (y - rng.uniform(-0.3, 0.3)) ** 2)
        return np.clip(fade[..., None] * tint, 0, 1)
    behind, zoom = draw_texture(rng, PHOTOGRAPHS), rng.uniform(0.15, 0.5)
    y, x = np.mgrid[: view.height, : view.width] * zoom + rng.uniform(0, 400, 2)[:, None, None]
    seen = sample(behind, x, y)
    blur = rng.uniform(3, 15) if rng.random() < 0.75 else 0.8  # most are out of focus
    seen = ndimage.gaussian_filter(seen, (blur, blur, 0))
    if kind == "floor":
        points, hit = floor(view, view.rays(), mesh)
        reach = rng.uniform(1, 3)
        on_floor = hit & (np.linalg.norm(points[..., :2], axis=-1) < reach)
        scale = rng.uniform(150, 600)
        ground = sample(draw_texture(rng, GREYS), *np.moveaxis(points[..., :2] * scale, -1, 0))
        seen = np.where(on_floor[..., None], ground, seen)
    return ndimage.gaussian_filter(seen, (0.8, 0.8, 0))


def floor(view: View, rays: np.ndarray, mesh: TrainingMesh) -> tuple[np.ndarray, np.ndarray]:
    """Where rays (h, w, 3) meet the floor below the object, (h, w, 3), and whether they do."""
    origin, below = view.camera[:3, 3], float(mesh.vertices[:, 2].min())
    hit = rays[..., 2] < -1e-3
    far = (below - origin[2]) / np.where(hit, rays[..., 2], -1)
    return origin + far[..., None] * rays, hit


def shadow(renderer: Renderer, view: View) -> np.ndarray:
    """The share of a wide light that the object keeps from the floor, 0..1 (H, W)."""
    rng = np.random.default_rng(0)
    points, hit = floor(view, view.rays(SHADOW_STEP), renderer.mesh)
    lights = renderer.light.direction + rng.normal(size=(SHADOW_RAYS, 3)) * 0.2
    lights = (lights / np.linalg.norm(lights, axis=1, keepdims=True)).astype(np.float32)
    origins = (points[hit] + np.array([0, 0, 1e-4])).astype(np.float32)
    kept = np.zeros(len(origins), np.float32)
    for direction in lights:
        aims = np.broadcast_to(direction, origins.shape)
        hits = renderer.scene.run(origins, np.ascontiguousarray(aims), query="OCCLUDED")
        kept += np.asarray(hits) >= 0
    coarse = np.zeros(hit.shape, np.float32)
    coarse[hit] = kept / SHADOW_RAYS
    smooth = Image.fromarray(ndimage.gaussian_filter(coarse, 0.7))
    return np.asarray(smooth.resize((view.width, view.height), Image.Resampling.BICUBIC)).clip(0, 1)


def add_hair(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Thin strands that grow from the outline, in the colours where they begin."""
    height, width = alpha.shape
    strands = Image.new("RGBA", (2 * width, 2 * height))
    draw = ImageDraw.Draw(strands)
    solid = alpha > 0.5
    away = np.stack(list(np.gradient(-np.asarray(ndimage.gaussian_filter(alpha, 8)))), -1)
    rows, columns = np.nonzero(solid & ~np.asarray(ndimage.binary_erosion(solid, iterations=3), bool))
    rows, columns = rows[rows < np.median(rows)], columns[rows < np.median(rows)]  # the upper half has hair
    longest = 0.12 * np.sqrt(solid.sum())
    for k in rng.integers(len(rows), size=400):
        y, x = rows[k], columns[k]
        out = away[y, x] / max(np.linalg.norm(away[y, x]), 1e-6) + rng.normal(size=2) * 0.4
        length, bend = longest * rng.uniform(0.3, 1), rng.normal() * 0.5
        along = np.linspace(-0.1, 1, 12)[:, None] * length
        path = np.array([y, x]) + along * out + bend * along**2 / longest * np.array([-out[1], out[0]])
        ink = tuple(to_bytes(color[y, x] * rng.uniform(0.5, 1)).tolist())
        draw.line([(2 * a, 2 * b) for b, a in path.tolist()], (*ink, 255), int(rng.integers(1, 4)))
    hair = np.asarray(strands.reduce(2), np.float32) / 255  # Pillow weighs colours by opacity
    total = alpha + hair[..., 3] * (1 - alpha)
    mixed = color * alpha[..., None] + hair[..., :3] * (hair[..., 3] * (1 - alpha))[..., None]
    return mixed / np.maximum(total, 1e-4)[..., None], total


def make_glass(color: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The upper third of the object as glass: pale, clear in the middle and denser towards the rim."""
    rows = np.flatnonzero((alpha > 0.5).any(1))
    limit = rows[0] + (rows[-1] - rows[0]) * rng.uniform(0.25, 0.4)
    inside = np.asarray(ndimage.distance_transform_edt(alpha > 0.5))
    dense = rng.uniform(0.45, 0.6) + 0.4 * np.exp(-inside / (0.03 * np.sqrt((alpha > 0.5).sum())))
    glass = (np.arange(len(alpha)) < limit)[:, None]
    return np.where(glass[..., None], 0.5 * color + 0.4, color), np.where(glass, alpha * dense, alpha)


def expose(photograph: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of a sensor, more where it is bright, and JPEG. Float32 (H, W, 3)."""
    spread = rng.uniform(0.002, 0.012) * (0.5 + np.sqrt(photograph))
    noisy = np.clip(photograph + spread * rng.normal(size=photograph.shape), 0, 1)
    stream = io.BytesIO()
    Image.fromarray(to_bytes(noisy)).save(stream, "JPEG", quality=int(rng.integers(80, 96)))
    return np.asarray(Image.open(stream), np.float32) / 255
