# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's three networks on a device, one of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ...runtime.batches import Batches
from ...runtime.memory import free_bytes, give_back, is_memory
from ...runtime.offload import LOWER, Placement, choose_placement, place, take_turn
from .flow import sample_flow
from .transformer import FlowTransformer
from .vae import Shape, ShapeDecoder

Output = TypeVar("Output")
LATENTS = 2048  # vectors of a shape, as published
HALF = 1.005  # half side of the cube in which the field is known, in the model's own frame
POINTS_AT_ONCE = {"cpu": 1 << 12}  # of the field, so that a cancel need not wait
POINTS_ON_GPU = 1 << 16


class TripoSG:
    """`see` an image, `sample` latents for it, `decode` them, then `query` the field.

    On a graphics card each network comes when it is its turn, and if memory runs out all the same, layer by layer.
    dtype: of the transformer's computation; weights may be stored in fewer bits. The field is computed in float32 on a
    processor: bfloat16 moves it by 1.4 % of its deviation, float16, as published, by 0.1 %, and slopes show that.
    """

    def __init__(
        self,
        image_encoder: nn.Module,
        transformer: FlowTransformer,
        decoder: ShapeDecoder,
        device: torch.device,
        dtype: torch.dtype,
    ):
        self.image_encoder, self.transformer, self.decoder = image_encoder, transformer, decoder
        self.networks: dict[str, nn.Module] = {"see": image_encoder, "flow": transformer, "shape": decoder}
        self.device, self.dtype, self.batches = device, dtype, Batches()
        self.shape_dtype = torch.float32 if device.type == "cpu" else dtype
        self.placement: Placement | None = None  # None: the networks are where they compute
        if device.type != "cpu":
            largest = {"": max(self.networks.values(), key=lambda n: sum(p.numel() for p in n.parameters()))}
            self._place("turns" if choose_placement(largest, free_bytes(device)) == "resident" else "layers")

    def see(self, pixels: Tensor) -> Tensor:
        """A picture (1, 3, S, S), normalised for DINOv2 -> its tokens float32 (1, T, C), the class token first."""
        return self._run("see", lambda: self._encode(pixels.to(self.device)).float())

    def sample(self, image: Tensor, noise: Tensor, steps: int, guidance_scale: float) -> Iterator[Tensor]:
        """The latents float32 (1, N, C) after each step from the noise (1, N, C), for an image's tokens."""
        conditions = {True: image.to(self.dtype), False: torch.zeros_like(image, dtype=self.dtype)}

        def velocity(latents: Tensor, t: float, is_conditioned: bool) -> Tensor:
            """One evaluation at a time: 2,049 tokens keep a device busy, and twice as many take twice the memory."""
            image, time = conditions[is_conditioned], torch.tensor([t], device=self.device)
            return self._run("flow", lambda: self.transformer(latents.to(self.dtype), time, image)).float()

        return sample_flow(velocity, noise.to(self.device), steps, guidance_scale)

    def decode(self, latents: Tensor) -> Shape:
        """Latents (1, N, C) -> the shape that they stand for."""
        return self._run("shape", lambda: self.decoder.decode(latents.to(self.shape_dtype)))

    def query(self, shape: Shape, points: Tensor, count: Callable[[int], None] = lambda done: None) -> Tensor:
        """Points (K, 3) in the model's own frame -> values (K,), positive inside. count: called with points done."""
        if not len(points):
            return points[:, 0]
        found = []
        for part in points.split(POINTS_AT_ONCE.get(self.device.type, POINTS_ON_GPU)):
            found.append(self._run("shape", lambda part=part: self.batches.run(self._queried(shape), part)))
            count(len(part))
        return torch.cat(found)

    def _queried(self, shape: Shape) -> Callable[[Tensor], Tensor]:
        return lambda points: self.decoder.query(shape, points)

    def _encode(self, pixels: Tensor) -> Any:
        return self.image_encoder(pixels).last_hidden_state

    def _place(self, placement: Placement) -> None:
        self.placement = placement
        place(self.networks, self.device, placement)

    def _run(self, name: str, function: Callable[[], Output]) -> Output:
        """Run a function of one network. If it finds no room beside its weights, they come layer by layer from then
        on."""
        while True:
            try:
                if self.placement == "turns":
                    take_turn(self.networks, name, self.device)
                with torch.no_grad():
                    return function()
            except Exception as error:
                if self.placement not in LOWER or not is_memory(error):
                    raise
            give_back(self.device)  # outside the handler, whose traceback holds tensors
            self._place(LOWER[self.placement])
