"""Pictures with text, drawn with Pillow's own font."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Line = tuple[int, int, str, int]
"""Left and top in pixels, the text, and its size."""

TICKET: list[Line] = [
    (12, 8, "Reading pictures", 24),
    (12, 52, "Total: 1,204.50", 18),
    (170, 52, "No. 7", 18),
]


def drawn(width: int, height: int, lines: list[Line], background: Image.Image | None = None, color: str = "black") -> Image.Image:
    image = background.copy() if background else Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for x, y, text, size in lines:
        draw.text((x, y), text, fill=color, font=ImageFont.load_default(size))
    return image


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Clockwise, on white."""
    return image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def pictures(photo: Image.Image) -> dict[str, np.ndarray]:
    """By what they are about; `photo` is what one of them has behind its text."""
    ticket = drawn(236, 88, TICKET)
    cases = {
        "ticket": ticket,
        "turned by 15": turned(ticket, 15),
        "turned by 90": turned(drawn(192, 64, [(30, 16, "Downwards", 24)]), 90),
        "turned by 180": turned(ticket, 180),
        "small": drawn(128, 32, [(6, 8, "small print, 11 pixels", 11)]),
        "photo": drawn(0, 0, [(14, 200, "SPACE 1999", 34)], photo.resize((256, 256)), "white"),
        "one character": drawn(64, 64, [(16, 4, "A", 44)]),
        "no text": Image.new("RGB", (96, 64), (40, 90, 140)),
        "one pixel": Image.new("RGB", (1, 1), "red"),
        "very long": drawn(1600, 40, [(1440, 6, "The end", 24)]),
    }
    return {name: np.asarray(image) for name, image in cases.items()}
