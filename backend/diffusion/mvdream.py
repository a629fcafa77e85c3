# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""MVDream (Shi et al. 2024): a text-to-image model that generates several views of one object at once.

Self-attention spans all views of an object, and each view is conditioned on its camera; the rest is Stable Diffusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.embeddings import TimestepEmbedding
from torch import Tensor, nn

from ..interface.view_set import FOV_DEG, RADIUS
from ..rendering.cameras import Camera, turntable
from .guidance import guide
from .prior import Denoised
from .stable_diffusion import PromptPrior, TextToImage

VIEWS = 4
NUMBERS = 16  # of a camera
FRONT_DEG = 90.0  # azimuth of the objects' front: MVDream's face +X, ours -Y, Blender's front view
SUFFIX = ", 3d asset"  # what MVDream's captions of 3D objects end with
PUBLISHED_FOV_DEG = 40.0  # of published weights' views


def camera_vectors(cameras: Sequence[Camera], front_deg: float = FRONT_DEG) -> Tensor:
    """MVDream's encoding of cameras, (B, 16) float32: camera-to-world matrices row by row, positions normalised.

    MVDream's frame is Blender's, with the object's front seen from the azimuth `front_deg`: so far the matrix is turned
    about Z. With front_deg 0, `orbit(a, e, 1)` is MVDream's own camera of azimuth a and elevation e.
    """
    turn, a = torch.eye(4, dtype=torch.float64), math.radians(front_deg)
    turn[:2, :2] = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    matrices = turn @ torch.stack([camera.cam_to_world.cpu().double() for camera in cameras])
    matrices[:, :3, 3] = nn.functional.normalize(matrices[:, :3, 3], dim=-1)
    return matrices.flatten(1).float()


def place_cameras(model: MultiView, count: int, elevation_deg: float) -> list[Camera]:
    """Cameras evenly around an object that fits the cube [-0.5, 0.5]^3, the first one in front.

    The starter knows one lens and distance. MVDream does not see the lens: it was trained with 15 to 60 degrees, at the
    distance where the object fills the image.
    """
    if model.is_starter:
        return turntable(count, elevation_deg, RADIUS, FOV_DEG, model.image_size)
    half_height = RADIUS * math.tan(math.radians(FOV_DEG) / 2)
    radius = half_height / math.tan(math.radians(PUBLISHED_FOV_DEG) / 2)
    return turntable(count, elevation_deg, radius, PUBLISHED_FOV_DEG, model.image_size)


class JointAttention(AttnProcessor2_0):
    """Self-attention over all `views` of an object (section 3.1): (objects x views, N, C), views being neighbours."""

    views = 1

    def __call__(self, attn: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        count, length, width = hidden_states.shape
        joined = hidden_states.reshape(count // self.views, self.views * length, width)
        return super().__call__(attn, joined, *args, **kwargs).reshape(count, length, width)


class CameraEmbedding(TimestepEmbedding):
    """Embeds the camera, in the place of diffusers' projected class. A row of zeros adds nothing: the 2D mode."""

    def forward(self, sample: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(sample, condition) * sample.any(-1, keepdim=True)


class MultiView(TextToImage):
    """A multi-view model; without cameras it is the text-to-image model that TextToImage is.

    unet: diffusers' own, of Stable Diffusion or of MVDream; it is changed in place.
    """

    def __init__(self, unet: UNet2DConditionModel, *rest: Any):
        super().__init__(unet, *rest)
        self.joint = JointAttention()
        unet.set_attn_processor({n: self.joint if ".attn1." in n else p for n, p in unet.attn_processors.items()})
        camera = CameraEmbedding(NUMBERS, unet.time_embedding.linear_1.out_features)
        if unet.class_embedding is not None:
            camera.load_state_dict(unet.class_embedding.state_dict(), assign=True)
        unet.class_embedding = camera.to(unet.conv_in.weight)
        unet.register_to_config(class_embed_type="projection", projection_class_embeddings_input_dim=NUMBERS)

    def forward(self, noisy: Tensor, t: Tensor, embeddings: Tensor, cameras: Tensor | None = None) -> Tensor:
        """The UNet's raw output, float32, for noisy (B, C, h, w), t (B,), embeddings (B, tokens, D).

        cameras (objects, views, 16), objects x views = B; None: pictures that know nothing of each other.
        """
        sets = noisy.new_zeros(len(noisy), 1, NUMBERS) if cameras is None else cameras
        self.joint.views = sets.shape[1]
        vectors = sets.flatten(0, 1).to(noisy.device, self.dtype)
        return self.unet(noisy.to(self.dtype), t, embeddings.to(self.dtype), class_labels=vectors).sample.float()

    @torch.no_grad()
    def predict(self, noisy: Tensor, t: Tensor, embeddings: Tensor, cameras: Tensor | None = None) -> Tensor:
        """`forward` without gradient."""
        return self(noisy, t, embeddings, cameras)

    @torch.no_grad()
    def sample_views(
        self,
        prompt: str,
        negative: str,
        cameras: Sequence[Camera],
        steps: int,
        guidance_scale: float,
        generator: torch.Generator,
        step_done: Callable[[int, int], None] = lambda i, n: None,
    ) -> Tensor:
        """Pictures (views, 3, S, S) in 0..1 of one object by DDIM, from noise of a CPU generator."""
        views, device, side = len(cameras), self.alphas_cumprod.device, self.unet.config.sample_size
        embeddings = self.embed([negative, prompt]).repeat_interleave(views, 0)
        vectors = camera_vectors(cameras).expand(2, -1, -1)
        scheduler = DDIMScheduler.from_config(self.scheduler.config)
        scheduler.set_timesteps(steps)
        latents = torch.randn((views, self.channels, side, side), generator=generator).to(device)
        for i, t in enumerate(scheduler.timesteps):
            output = self.predict(latents.repeat(2, 1, 1, 1), t.to(device).expand(2 * views), embeddings, vectors)
            latents = scheduler.step(guide(output[views:], output[:views], guidance_scale), t, latents).prev_sample
            step_done(i + 1, len(scheduler.timesteps))
        return self.decode(latents).clamp(0, 1)


class MultiViewPrior(PromptPrior):
    """The prior of a multi-view model for a prompt; cameras come in sets of `views`, which it denoises together.

    negative: the negative prompt, in place of the empty one. Prompts do not name sides, because cameras define them.
    """

    def __init__(self, model: MultiView, prompt: str, negative: str = "", views: int = VIEWS):
        self.unconditional, self.conditional = model.embed([negative, prompt]).split(1)
        self.views = views
        super().__init__(model)

    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        """As Prior says; cameras in sets of `views` neighbours."""
        texts = [self.conditional, self.unconditional][: 1 + unconditional]
        vectors = camera_vectors(cameras).view(-1, self.views, NUMBERS).repeat(len(texts), 1, 1)
        embeddings = torch.cat([text.expand(len(noisy), -1, -1) for text in texts])
        noisy, t = noisy.repeat(len(texts), 1, 1, 1), t.repeat(len(texts))
        clean = self.model.clean(noisy, t, self.model.predict(noisy, t, embeddings, vectors))
        return Denoised(*clean.chunk(len(texts)))
