# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the object stands that posed pictures have in common: by carving a coarse grid with their silhouettes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np
from scipy import ndimage

from ...rendering.lens import ViewCamera

CELLS = 40  # along a side of the grid
MASK_SIDE = 128  # pixels, longest side of the silhouettes that carve
SOLID = 0.3  # the least alpha of the object
DOUBTS = (0.0, 0.1)  # shares of the views that may miss a point which the others show, the next where needed
ENOUGH = 0.8  # coverage, where no doubt is needed
ROOM = 1.3  # by which the first grid is wider than the silhouettes' median width
LOWER = 0.25  # the quantile of the silhouettes' coverages that counts: a few may be cut out badly
GROWTHS = 3  # of the first grid, while the object reaches its border
MARGIN = 2  # cells around what is kept


@dataclass(frozen=True)
class CommonObject:
    """middle (3,) of its box, and diameter of the ball around that which holds it, in the world. coverage: median
    share of a silhouette, 0..1, that the common object fills. With poses that do not fit it is small."""

    middle: np.ndarray
    diameter: float
    coverage: float


@dataclass(frozen=True)
class Silhouette:
    """A picture's alpha, reduced to `solid` bool (h, w), and its camera."""

    solid: np.ndarray
    camera: ViewCamera

    @classmethod
    def of(cls, image: np.ndarray, camera: ViewCamera) -> Silhouette:
        """The silhouette of an image float32 (H, W, 4)."""
        step = max(1, max(image.shape[:2]) // MASK_SIDE)
        alpha = ndimage.uniform_filter(image[..., 3], step)[step // 2 :: step, step // 2 :: step]
        return cls(alpha > SOLID, camera)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flat pixel indices (N,) of world points (N, 3), and whether each lies in the image."""
        (height, width), lens = self.solid.shape, self.camera.lens
        column, row, seen = self.camera.project(points)
        column = np.clip(column / lens.width * width, 0, width - 1).astype(int)
        row = np.clip(row / lens.height * height, 0, height - 1).astype(int)
        return row * width + column, seen

    @cached_property
    def outline(self) -> np.ndarray:
        """Unit directions (N, 3) in the world to the pixels along the silhouette's border."""
        row, column = np.nonzero(self.solid & ~np.asarray(ndimage.binary_erosion(self.solid), bool))
        return self.directions(column + 0.5, row + 0.5)

    def directions(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Unit directions (N, 3) in the world to columns and rows (N,) of the reduced picture."""
        (height, width), lens = self.solid.shape, self.camera.lens
        seen = lens.directions(column * lens.width / width, row * lens.height / height)
        return seen @ self.camera.cam_to_world[:3, :3].T

    def box(self) -> np.ndarray:
        """Unit directions (3, 3) in the world to the middle and to two opposite corners of the silhouette's box."""
        rows, columns = (np.flatnonzero(self.solid.any(axis)) for axis in (1, 0))
        row = np.array([rows[0] + rows[-1] + 1, 2 * rows[0], 2 * rows[-1] + 2]) / 2
        column = np.array([columns[0] + columns[-1] + 1, 2 * columns[0], 2 * columns[-1] + 2]) / 2
        return self.directions(column, row)


def find_object(images: list[np.ndarray], cameras: list[ViewCamera]) -> CommonObject | None:
    """The object of pictures float32 (H, W, 4), each of its own size; None where they have none in common."""
    views = [Silhouette.of(image, camera) for image, camera in zip(images, cameras, strict=True)]
    views = [view for view in views if view.solid.any()]
    if len(views) < 2:
        return None
    if all(view.solid.all() for view in views):
        return in_the_frames(views)
    found = (carved(views, doubt) for doubt in DOUBTS)
    best = [shared for shared in found if shared is not None]
    return next((shared for shared in best if shared.coverage >= ENOUGH), best[-1] if best else None)


def carved(views: list[Silhouette], doubt: float) -> CommonObject | None:
    """The object that all views show, or nearly all: `doubt` is the share that may miss a point; None for nothing."""
    middle, side = first_guess(views)
    for _ in range(GROWTHS):
        kept = carve(views, middle, side, doubt)
        if not kept.any() or not touches_border(kept):
            break
        side *= 2
    if not kept.any():
        return None
    middle, diameter = around(kept, middle, side)
    wide = diameter * (1 + 2 * MARGIN / CELLS)
    kept = carve(views, middle, wide, doubt)
    if not kept.any():
        return None
    coverage = float(np.quantile([covered(view, kept, middle, wide) for view in views], LOWER))
    boxed, diameter = around(kept, middle, wide)
    width, centre = min(((widest(views, place), place) for place in (boxed, first_guess(views)[0])), key=itemgetter(0))
    return CommonObject(centre, float(min(diameter, width)), coverage)


def widest(views: list[Silhouette], middle: np.ndarray) -> float:
    """The diameter of the ball around a point that holds what the silhouettes show, were it as far as that point."""
    return 2 * max(
        np.linalg.norm(np.cross(view.outline, middle - view.camera.position), axis=1).max() for view in views
    )


def in_the_frames(views: list[Silhouette]) -> CommonObject:
    """The object of pictures that are filled from border to border: what most of them look at."""
    eyes, boxes = np.stack([view.camera.position for view in views]), np.stack([view.box() for view in views])
    middle = meeting_point(eyes, boxes[:, 0])
    corner = np.arccos(np.clip((boxes[:, 0] * boxes[:, 1]).sum(1), 0, 1))
    away = np.sin(np.arctan(np.tan(corner) / np.sqrt(2)))  # of the border of a square picture
    front = ((middle - eyes) * boxes[:, 0]).sum(1) > 0
    return CommonObject(middle, float(2 * np.median(np.linalg.norm(middle - eyes, axis=1) * away)), front.mean())


def first_guess(views: list[Silhouette]) -> tuple[np.ndarray, float]:
    """The point (3,) that is closest to the rays through the silhouettes' middles, and a side of a cube around it."""
    eyes, boxes = np.stack([view.camera.position for view in views]), np.stack([view.box() for view in views])
    middle = meeting_point(eyes, boxes[:, 0])
    distance = np.linalg.norm(middle - eyes, axis=1)
    width = np.linalg.norm(np.cross(boxes[:, 0], boxes[:, 1:].swapaxes(0, 1)), axis=-1).max(0)
    return middle, float(2 * ROOM * np.median(distance * width))


def meeting_point(eyes: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The point (3,) closest to rays from eyes (V, 3) along unit directions (V, 3), in the least squares sense."""
    across = np.eye(3) - along[:, :, None] * along[:, None, :]
    start = eyes.mean(0)  # numbers near it are small and exact
    right = (across @ (eyes - start)[..., None]).sum(0)
    return start + np.linalg.lstsq(across.sum(0), right, rcond=1e-9)[0][:, 0]


def grid(middle: np.ndarray, side: float) -> np.ndarray:
    """Middles (CELLS^3, 3) of the cells of a cube."""
    steps = (np.mgrid[:CELLS, :CELLS, :CELLS].reshape(3, -1).T + 0.5) / CELLS - 0.5
    return middle + side * steps


def carve(views: list[Silhouette], middle: np.ndarray, side: float, doubt: float) -> np.ndarray:
    """Cells bool (CELLS, CELLS, CELLS) that half of the views see, and all but a share of those show as the object."""
    points = grid(middle, side)
    seen, shown = np.zeros(len(points), int), np.zeros(len(points), int)
    for view in views:
        pixel, inside = view.at(points)
        seen += inside
        shown += inside & view.solid.ravel()[pixel]
    kept = (seen >= max(2, len(views) / 2)) & (seen - shown <= doubt * seen)
    return kept.reshape(CELLS, CELLS, CELLS)


def touches_border(kept: np.ndarray) -> bool:
    """Whether a cell at the border of the grid is kept."""
    return bool(kept.sum() > kept[1:-1, 1:-1, 1:-1].sum())


def around(kept: np.ndarray, middle: np.ndarray, side: float) -> tuple[np.ndarray, float]:
    """Middle (3,) of the box around a grid's kept cells, and the diameter of the ball around it that holds them."""
    places = middle + side * ((np.argwhere(kept) + 0.5) / CELLS - 0.5)
    centre = (places.min(0) + places.max(0)) / 2
    return centre, float(2 * np.linalg.norm(places - centre, axis=1).max() + side / CELLS)


def covered(view: Silhouette, kept: np.ndarray, middle: np.ndarray, side: float) -> float:
    """Share of a silhouette that the kept cells fill."""
    height, width = view.solid.shape
    pixel, seen = view.at(grid(middle, side)[kept.ravel()])
    filled = np.zeros(height * width, bool)
    filled[pixel[seen]] = True
    focal = view.camera.lens.fl_x * width / view.camera.lens.width
    cell = side / CELLS / max(1e-12, float(np.linalg.norm(middle - view.camera.position))) * focal  # in pixels
    filled = ndimage.maximum_filter(filled.reshape(height, width), 2 * math.ceil(cell) + 1)
    return float((filled & view.solid).sum() / view.solid.sum())
