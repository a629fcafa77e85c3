# SPDX-License-Identifier: GPL-3.0-or-later
"""One closed skin around a mesh: marching cubes on a grid of signed distances in a narrow band about its surface."""

from __future__ import annotations

import igl
import numpy as np
from scipy.ndimage import binary_dilation, label

from ..marching_cubes import triangulate
from . import topology
from .origin import projected, through
from .outside import Check, Outside
from .repair import Surface, open_faces

INSIDE = 0.5  # winding number (Jacobson et al., "Robust inside-outside segmentation", 2013)
SHEET = 0.7  # mean winding number just behind an open part: below, it encloses nothing
HALF = 0.6  # cells: half the thickness that sheets and thinner walls get
MARGIN = 3.37  # cells around the mesh; not a whole number, so that a box's sides lie between two layers of points
LEAST = 0.05  # cells from the surface to a point of the grid: nearer ones would make slivers
PER_CELL = 2.0  # samples of the surface along a cell
CHUNK = 1 << 17  # points at a time
SAMPLES = 1 << 21  # about as many at a time


def wrap(surface: Surface, cells: int, check: Check) -> Surface:
    """A closed surface within a cell of the repaired one. cells: of the grid along its longest side.

    Parts that overlap become one. Sheets and walls thinner than a cell become about a cell thick, so that they stay.
    """
    corners = surface.vertices[surface.faces]
    low, high = corners.min((0, 1)), corners.max((0, 1))
    size = float((high - low).max()) / cells
    origin = low - MARGIN * size
    shape = tuple(np.ceil((high - low) / size + 2 * MARGIN).astype(int) + 1)
    field = Field(surface, size, check)
    vertices, faces = triangulate(sample(field, near_surface(corners, origin, size, shape, check), origin), 0.0)
    vertices = origin + vertices * size
    faces = topology.weld(vertices, faces[:, ::-1].astype(np.int64))  # inside is negative
    faces = outer(vertices, faces[topology.distinct(faces)])
    nearest = np.asarray(field.tree.squared_distance(surface.vertices, surface.faces, vertices[faces].mean(1))[1])
    places = projected(vertices[faces], nearest, corners[nearest])
    return Surface(vertices, faces, through(places, surface.origin))


class Field:
    """Points (P, 3) -> signed distance (P,) to a surface, negative inside. size: of a cell."""

    def __init__(self, surface: Surface, size: float, check: Check) -> None:
        self.surface, self.size, self.check = surface, size, check
        outside = Outside(surface.vertices, surface.faces, check)
        self.tree = outside.tree
        behind = surface.vertices[surface.faces].mean(1) - outside.offset * outside.normal
        hits = self.tree.intersect_ray_first(surface.vertices, surface.faces, behind, -outside.normal)
        depth = np.where(np.asarray(hits[0]) < 0, np.inf, hits[1])
        is_sheet = self.find_sheets(behind - 0.5 * size * outside.normal, outside.area)
        self.solid = surface.faces[~is_sheet]
        self.thin = surface.faces[is_sheet | (depth < 2 * HALF * size)]
        self.thin_tree = igl.AABB()
        if len(self.thin):
            self.thin_tree.init(surface.vertices, self.thin)

    def find_sheets(self, behind: np.ndarray, area: np.ndarray) -> np.ndarray:
        """Mask (M,) of the faces of open parts that enclose nothing. behind: points (M, 3) behind the faces."""
        faces, part = self.surface.faces, topology.patches(self.surface.faces)
        is_open = open_faces(faces)
        if not is_open.any():
            return is_open
        winding = np.ones(len(faces))
        winding[is_open] = igl.fast_winding_number(self.surface.vertices, faces, behind[is_open])
        return is_open & (np.bincount(part, winding * area) < SHEET * np.bincount(part, area))[part]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        self.check()
        vertices = self.surface.vertices
        distance = np.sqrt(self.tree.squared_distance(vertices, self.surface.faces, points)[0])
        signed = np.where(self.is_inside(points), -distance, distance)
        if not len(self.thin):
            return signed
        to_thin = np.sqrt(self.thin_tree.squared_distance(vertices, self.thin, points)[0])
        return np.minimum(signed, to_thin - HALF * self.size)

    def is_inside(self, points: np.ndarray) -> np.ndarray:
        """Mask (P,)."""
        if not len(self.solid):
            return np.zeros(len(points), bool)
        return np.asarray(igl.fast_winding_number(self.surface.vertices, self.solid, points)) > INSIDE


def sample(field: Field, band: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Distances float32 (X, Y, Z) at the points of a grid, exact in the `band` (X, Y, Z), two cells elsewhere."""
    grid, index = np.zeros(band.shape, np.float32), np.argwhere(band)
    for part in np.array_split(index, -(-len(index) // CHUNK)):
        grid[tuple(part.T)] = field(origin + part * field.size)
    regions = np.asarray(label(~band)[0])  # pyright: ignore[reportIndexIssue]
    numbers, first = np.unique(regions, return_index=True)
    inside = field.is_inside(origin + np.stack(np.unravel_index(first, band.shape), 1) * field.size)
    far = np.where(inside, -2 * field.size, 2 * field.size)[np.searchsorted(numbers, regions)]
    grid = np.where(band, grid, far)
    return np.copysign(np.maximum(np.abs(grid), LEAST * field.size), grid).astype(np.float32)


def near_surface(
    corners: np.ndarray, origin: np.ndarray, size: float, shape: tuple[int, ...], check: Check
) -> np.ndarray:
    """Mask (X, Y, Z) of the points of a grid that are a cell or two from faces with these corners (M, 3, 3)."""
    cells = np.zeros(shape, bool)
    lengths = np.linalg.norm(np.roll(corners, -1, 1) - corners, axis=2)
    first = lengths.argmax(1)[:, None]
    rows = np.arange(len(corners))[:, None]
    corners = corners[rows, (first + np.arange(3)) % 3]  # the longest side goes from the first corner to the second
    longest = lengths.max(1)
    height = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    across, up = (
        np.maximum(np.ceil(PER_CELL * length / size), 1).astype(np.int64) + 1
        for length in (longest, height / np.maximum(longest, 1e-300))
    )
    count = across * up
    for part in np.array_split(np.arange(len(corners)), -(-int(count.sum()) // SAMPLES)):
        check()
        face = np.repeat(part, count[part])
        number = np.arange(len(face)) - np.repeat(np.cumsum(count[part]) - count[part], count[part])
        t, s = (number % across[face]) / (across[face] - 1), (number // across[face]) / (up[face] - 1)
        a, b, c = corners[face].transpose(1, 0, 2)
        points = (1 - s)[:, None] * (a + t[:, None] * (b - a)) + s[:, None] * c
        cells[tuple(((points - origin) / size).astype(np.int64).T)] = True
    return binary_dilation(cells, np.ones((3, 3, 3)), 2)


def outer(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The faces (K, 3) of the parts that enclose a volume, without the walls of cavities."""
    patch = topology.patches(faces)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return faces[(np.bincount(patch, np.einsum("mx,mx->m", a, np.cross(b, c))) > 0)[patch]]
