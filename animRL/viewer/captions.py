"""Text on pictures: a caption and a legend, drawn on a translucent plate."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_INK, _PLATE = (28, 36, 46, 255), (255, 255, 255, 190)
Colour = tuple[int, int, int]


def annotate(
    picture: NDArray[np.uint8], caption: str = "", legend: dict[str, Colour] | None = None
) -> NDArray[np.uint8]:
    """Return the picture (H, W, 3) with a legend at the top left and a caption at the top right.

    The legend shows a disc of the colour before each name. The letters grow with the picture.
    """
    if not caption and not legend:
        return picture
    image = Image.fromarray(picture).convert("RGBA")
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    size = max(11, round(image.height / 26))
    margin = round(0.7 * size)
    if legend:
        _draw_legend(draw, legend, size, margin)
    if caption:
        bounds = draw.multiline_textbbox((0, 0), caption, font=font(size))
        left = image.width - margin - (bounds[2] + size)
        _draw_plate(draw, (left, margin, bounds[2] + size, bounds[3] + size // 2), size)
        draw.multiline_text(
            (left + size // 2, margin + size // 5), caption, fill=_INK, font=font(size)
        )
    return np.asarray(Image.alpha_composite(image, layer).convert("RGB"))


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface of all captions, so many pixels high."""
    return ImageFont.load_default(size)


def _draw_legend(
    draw: ImageDraw.ImageDraw, legend: dict[str, Colour], size: int, margin: int
) -> None:
    line = round(1.4 * size)
    width = max(draw.textlength(name, font=font(size)) for name in legend) + 2.2 * size
    _draw_plate(draw, (margin, margin, width, line * len(legend) + size // 3), size)
    for row, (name, colour) in enumerate(legend.items()):
        top, left = margin + size // 6 + row * line, margin + size // 2
        disc = (left, top + 0.3 * size, left + 0.8 * size, top + 1.1 * size)
        draw.ellipse(disc, fill=(*colour, 255), outline=_INK)
        draw.text((left + 1.2 * size, top), name, fill=_INK, font=font(size))


def _draw_plate(
    draw: ImageDraw.ImageDraw, place: tuple[float, float, float, float], size: int
) -> None:
    left, top, width, height = place
    draw.rounded_rectangle((left, top, left + width, top + height), radius=size // 3, fill=_PLATE)
