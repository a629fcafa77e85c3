# SPDX-License-Identifier: GPL-3.0-or-later
"""Random weights of LPIPS in their published layout: a tree of arrays, convolutions as (height, width, in, out)."""

import numpy as np

ALEXNET = [(3, 64, 4, 2), "compare", 3, (64, 192, 1, 2), "compare", 3, (192, 384, 1, 1), "compare"]
ALEXNET += [(384, 256, 1, 1), "compare", (256, 256, 1, 1), "compare"]
VGG16 = [(3, 64, 1, 1), (64, 64, 1, 1), "compare", 2, (64, 128, 1, 1), (128, 128, 1, 1), "compare", 2]
VGG16 += [(128, 256, 1, 1), (256, 256, 1, 1), (256, 256, 1, 1), "compare", 2]
VGG16 += [(256, 512, 1, 1), (512, 512, 1, 1), (512, 512, 1, 1), "compare", 2, *[(512, 512, 1, 1)] * 3, "compare"]
LAYERS: dict[str, list] = {  # (in, out, stride, padding) of a convolution, the width of a maximum, or a feature
    "AlexNet_0": ALEXNET,
    "VGG16_0": VGG16,
}
WIDTHS = {"AlexNet_0": (11, 5, 3, 3, 3), "VGG16_0": (3,) * 13}


def random_tree(backbone: str, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    network = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}[backbone]
    convolutions = [kind for kind in LAYERS[network] if isinstance(kind, tuple)]
    tree: dict = {network: {}}
    for number, ((before, after, *_), size) in enumerate(zip(convolutions, WIDTHS[network], strict=True)):
        kernel = rng.normal(0, np.sqrt(2 / (before * size**2)), (size, size, before, after))
        bias = rng.normal(0, 0.1, after)
        tree[network][f"Conv_{number}"] = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    compared = [LAYERS[network][i - 1][1] for i, kind in enumerate(LAYERS[network]) if kind == "compare"]
    for number, width in enumerate(compared):
        tree[f"NetLinLayer_{number}"] = {"Conv_0": {"kernel": rng.random((1, 1, width, 1)).astype(np.float32)}}
    return tree
