"""What Pillow does: it decodes the parts of a file that hold pixels, turns and shrinks them, and writes them anew."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..schema import Upload
from ..schema.values import InvalidValue
from .headers import Parts, check_size, damaged, parts_of

if TYPE_CHECKING:  # Pillow is imported where it is needed, so that an app without pictures starts without it
    from PIL.Image import Image

MAX_SIDE = 2048
FEW_COLOURS = 256
JPEG_QUALITY = 92

# Pixels are what takes memory, some 250 MB for the largest picture, so only two at a time work on them. Who has room
# must not ask for it again.
ROOM = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Picture(Upload):
    """A PNG or JPEG that we wrote ourselves, upright and without metadata. Sizes in pixels."""

    width: int = 0
    height: int = 0

    def upload(self, name: str = "picture") -> Picture:
        """As a file to send on, its name ending as its type does."""
        stem = PurePath(name.replace("\\", "/")).stem.strip(".") or "picture"
        return replace(self, name=stem + (".png" if self.content_type == "image/png" else ".jpg"))


def read(given: Upload | bytes, max_side: int = MAX_SIDE, only: str = "") -> Picture:
    """The picture in a file: JPEG, PNG, WebP, GIF (its first frame), BMP or a TIFF of one page.

    Neither side is longer than `max_side` pixels afterwards. It is written as `only`, image/png or image/jpeg; without
    it as PNG where there is transparency, or where a file without losses has few colours, else as JPEG. Raises
    InvalidValue with a sentence that says what to do.
    """
    data = given.data if isinstance(given, Upload) else given
    parts = parts_of(data)
    with ROOM:
        try:
            image = _upright(_decoded(parts, max_side), parts.rotation)
            return written(image, may_lose=parts.kind == "JPEG", only=only)
        except InvalidValue:
            raise
        except Exception as error:  # whatever a decoder raises over a stranger's file
            raise damaged() from error


def _decoded(parts: Parts, max_side: int) -> Image:
    """In the modes L, RGB or RGBA, shrunk. Raises what Pillow raises, and InvalidValue."""
    from PIL import Image

    image = Image.open(io.BytesIO(parts.data), formats=(parts.kind,))
    check_size(*image.size)
    size = _fitting(image.size, max_side)
    image.draft(None, size)  # a JPEG is decoded at a half, a quarter or an eighth of its size, where that is enough
    image.load()
    plain = _plain(image)
    plain.info.clear()
    return plain if plain.size == size else plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _fitting(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    share = min(1.0, max_side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _plain(image: Image) -> Image:
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("I", "F"):
        raise InvalidValue("This picture has more than 16 bits per colour. Save it as PNG or JPEG.")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        with_alpha = image.convert("RGBA")
        is_opaque = with_alpha.getchannel("A").getextrema() == (255, 255)
        return with_alpha.convert("RGB") if is_opaque else with_alpha
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _upright(image: Image, rotation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[rotation]) if rotation in turns else image


def written(image: Image, *, may_lose: bool = False, only: str = "") -> Picture:
    """As PNG or JPEG."""
    is_exact = image.mode == "RGBA" or (not may_lose and image.getcolors(FEW_COLOURS) is not None)
    kind = only.removeprefix("image/") or ("png" if is_exact else "jpeg")
    out = io.BytesIO()
    if kind == "png":
        image.save(out, "PNG")
    else:
        on_white(image).save(out, "JPEG", quality=JPEG_QUALITY)
    return Picture(out.getvalue(), f"picture.{kind}", f"image/{kind}", *image.size)


def pixels_of(picture: Picture) -> Image:
    """Of a picture that we wrote."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture.data), formats=("PNG", "JPEG"))
    image.load()
    return image


def on_white(image: Image) -> Image:
    from PIL import Image

    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
