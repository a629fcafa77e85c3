# SPDX-License-Identifier: GPL-3.0-or-later
"""Cross-attention to one token, whose weight is always one, so that queries and keys need not be computed."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class SingleTokenAttention:
    """An attention processor of diffusers. Exact: softmax over one score is 1, whatever the query is."""

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        """Context (B, 1, D) -> (B, N, C), the same for all N positions."""
        if encoder_hidden_states.shape[1] != 1:
            raise ValueError("This attention is for a context of one token.")
        return attn.to_out[0](attn.to_v(encoder_hidden_states)).expand_as(hidden_states)


def use_single_token(unet: nn.Module) -> None:
    """Use SingleTokenAttention in every cross-attention of a UNet of diffusers."""
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            module.set_processor(SingleTokenAttention())  # type: ignore[operator]
