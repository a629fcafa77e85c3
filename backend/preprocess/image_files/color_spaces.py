# SPDX-License-Identifier: GPL-3.0-or-later
"""Color spaces that are given by chromaticities and a transfer curve, and their conversion to sRGB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]  # encoded values 0..1 -> linear light, 1 is white
Chromaticities = tuple[float, float, float, float, float, float, float, float]  # x, y of red, green, blue, white

D65 = (0.3127, 0.3290)
BT709: Chromaticities = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *D65)
ADOBE: Chromaticities = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060, *D65)
SAME_CHROMATICITY = 0.005  # distance below which two chromaticities are one, rounded in two ways
SAME_GAMMA = 0.05  # relative; libpng, too, takes a gamma that near for the same

# By the code numbers of ITU-T H.273, which cICP chunks and nclx boxes hold.
PRIMARIES: dict[int, Chromaticities] = {
    1: BT709,
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.310, 0.316),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *D65),
}
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
PAPER_WHITE = 203  # cd/m^2 of a white page in pictures of a high dynamic range (ITU-R BT.2408)
HLG_PEAK = 1000  # cd/m^2 of the screen that HLG pictures are made for


@dataclass(frozen=True)
class ColorSpace:
    """Chromaticities, the curve that decodes, and whether values above white are usual, which are clipped."""

    chromaticities: Chromaticities = BT709
    decode: Curve | None = None  # None: sRGB's
    is_hdr: bool = False

    def is_srgb(self) -> bool:
        apart = np.abs(np.subtract(self.chromaticities, BT709)).max()
        return self.decode is None and bool(apart < SAME_CHROMATICITY)

    def to_srgb(self, rgb: np.ndarray) -> np.ndarray:
        """Encoded colors float (..., 3) in 0..1 -> float32 sRGB, clipped to 0..1."""
        linear = (self.decode or decode_srgb)(np.asarray(rgb, np.float32))
        if np.abs(np.subtract(self.chromaticities, BT709)).max() >= SAME_CHROMATICITY:
            linear = linear @ between(self.chromaticities, BT709).T.astype(np.float32)
        return encode_srgb(np.clip(linear, 0, 1)).astype(np.float32)


def decode_srgb(values: np.ndarray) -> np.ndarray:
    """sRGB (IEC 61966-2-1), 0..1 -> linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light in 0..1 -> sRGB."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def screen(chromaticities: Chromaticities, exponent: float) -> ColorSpace:
    """Linear light = value ** exponent; sRGB itself where both are as good as its own, as image programs write them."""
    apart = np.abs(np.subtract(chromaticities, BT709)).max()
    if abs(exponent / 2.2 - 1) < SAME_GAMMA and apart < SAME_CHROMATICITY:
        return ColorSpace()
    return ColorSpace(chromaticities, lambda values: values**exponent)


def curve_of(code: int) -> Curve | None:
    """The transfer curve of H.273 by its code number; None: sRGB's. KeyError for one that is not known here."""
    if code in (2, 13):
        return None
    return CURVES[code]


def decode_bt709(values: np.ndarray) -> np.ndarray:
    """Inverse of ITU-R BT.709's camera curve."""
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))


def decode_pq(values: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084 (PQ) -> light as a share of PAPER_WHITE."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = np.asarray(values, np.float64) ** (1 / m2)
    return 10_000 / PAPER_WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def decode_hlg(values: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG -> light on a screen of HLG_PEAK, whose system gamma is 1.2, as a share of PAPER_WHITE."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((np.asarray(values, np.float64) - c) / a) + b) / 12)
    luminance = scene @ (0.2627, 0.6780, 0.0593)
    return HLG_PEAK / PAPER_WHITE * scene * luminance[..., None] ** 0.2


CURVES: dict[int, Curve] = {
    1: decode_bt709,
    4: lambda values: values**2.2,
    5: lambda values: values**2.8,
    6: decode_bt709,
    8: lambda values: values,
    14: decode_bt709,
    15: decode_bt709,
    16: decode_pq,
    17: lambda values: 52.37 / 48 * values**2.6,
    18: decode_hlg,
}
HDR = (16, 18)


def between(source: Chromaticities, target: Chromaticities) -> np.ndarray:
    """The matrix (3, 3) from linear colors of one set of primaries to another's; white stays white (Bradford)."""
    adapted = adapt(white_of(source), white_of(target)) @ to_xyz(source)
    return np.linalg.solve(to_xyz(target), adapted)


def to_xyz(chromaticities: Chromaticities) -> np.ndarray:
    """The matrix (3, 3) from linear colors to CIE XYZ, white with Y = 1. LinAlgError for primaries on one line."""
    x, y = np.array(chromaticities[:6]).reshape(3, 2).T
    primaries = np.stack([x, y, 1 - x - y]) / y
    return primaries * np.linalg.solve(primaries, white_of(chromaticities))


def white_of(chromaticities: Chromaticities) -> np.ndarray:
    """XYZ (3,) of white, Y = 1."""
    x, y = chromaticities[6:]
    return np.array([x, y, 1 - x - y]) / y


def adapt(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The matrix (3, 3) that turns colors under one white XYZ (3,) into those under another."""
    gains = (BRADFORD @ target) / (BRADFORD @ source)
    return np.linalg.solve(BRADFORD, gains[:, None] * BRADFORD)
