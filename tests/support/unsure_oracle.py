# SPDX-License-Identifier: GPL-3.0-or-later
"""An oracle that knows an object but not how it is turned, and likes fronts: where the many faces of text-to-3D come
from, and what several views at once make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from backend.diffusion.prior import Denoised, view_angles
from backend.rendering.cameras import Camera
from tests.support.oracle import Codec, OraclePrior

TURNS = 4  # that the object may have taken, a quarter each


class UnsureOracle(OraclePrior):
    """The exact denoiser of this belief: the object is turned by a multiple of 90 degrees; a turn's log-probability
    grows by `trust` if it is none, and by `liking` x cos(azimuth at which the object is seen), for every view.

    views: how many neighbouring views are known to show one thing, so that one turn must explain them all. With 1 each
    camera may see another turn: text-to-image models, told the side at best, answer so. With evenly spaced cameras
    in a set the liking cancels, since only one of them can be in front: MVDream's answer.
    """

    def __init__(
        self,
        *arguments: object,
        views: int = 1,
        liking: float = 3.0,
        trust: float = 1.0,
        codec: Codec | None = None,
        size: int = 64,
        samples: int = 2,
    ):
        super().__init__(*arguments, size=size, codec=codec, samples=samples)  # pyright: ignore[reportArgumentType]
        self.views, self.liking, self.trust = views, liking, trust

    @torch.no_grad()
    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        """The mean of the images of all turns, weighted by how well each explains the noisy views (Bayes)."""
        shown = torch.stack([self.encode(self.pictures([turned(c, k) for c in cameras])) for k in range(TURNS)])
        shown, a = shown.to(noisy), self.alphas_cumprod[t].view(-1, 1, 1, 1).to(noisy)
        misfit = ((noisy - a.sqrt() * shown) ** 2).flatten(2).sum(2) / (2 * (1 - a).flatten())
        azimuth = torch.deg2rad(view_angles(cameras)[0]).to(noisy)
        quarter = torch.arange(TURNS, device=noisy.device)[:, None] * math.pi / 2
        belief = self.liking * torch.cos(azimuth - quarter) + self.trust * (quarter == 0)
        together = (belief - misfit).unflatten(1, (-1, self.views)).sum(2).softmax(0).repeat_interleave(self.views, 1)
        clean = (together.view(TURNS, -1, 1, 1, 1) * shown).sum(0)
        empty = self.encode(torch.ones(len(cameras), 3, 8, 8)).to(noisy) if unconditional else None
        return Denoised(clean, empty)


def turned(camera: Camera, quarters: int) -> Camera:
    """The camera for an object turned to the left by quarters: moved to the right by as many."""
    c, s = round(math.cos(quarters * math.pi / 2)), round(math.sin(quarters * math.pi / 2))
    back = torch.tensor([[c, s, 0, 0], [-s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float32)
    return Camera(back @ camera.cam_to_world.cpu(), camera.fov_deg, camera.width, camera.height)
