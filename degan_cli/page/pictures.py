"""Images inside the page: small ones pixel for pixel, large ones made smaller."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from .html import Html, element

if TYPE_CHECKING:
    from torch import Tensor

LARGE = 64
"""Pixels of a side beyond which images lose nothing that a small picture would show."""
SMALL = 96
"""Side of what is shown of those."""


def picture(image: Tensor, says: str) -> Html:
    """An image uint8 (C, H, W) as an element with its bytes inside; ``says`` is for those who cannot see it."""
    from PIL import Image

    levels = image.permute(1, 2, 0).contiguous().numpy()  # (H, W, C)
    drawn = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
    small = max(drawn.size) <= LARGE
    file = io.BytesIO()
    if small:
        drawn.save(file, "PNG", optimize=True)
    else:
        drawn.thumbnail((SMALL, SMALL))
        drawn.save(file, "JPEG", quality=85)
    uri = f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(file.getvalue()).decode()}"
    return element("img", src=uri, alt=says, title=says, class_="pixels" if small else None)
