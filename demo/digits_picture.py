"""Pictures as they are sent -> 8 × 8 pixels as the digits' data set has them.

The data set (E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
1998) was made from black and white digits of 32 × 32 pixels that fill the height: each of its pixels counts the ink in
4 × 4 of theirs, from 0 to 16. So a picture is made grey, its ink told from the paper, cut to the ink, scaled to that
height, its lines made about as thick as there, and counted.

Needs Pillow, which is imported where it is used: without it the other models still answer.
"""

import io
from itertools import product
from typing import TYPE_CHECKING, Any

from demo.digits import FULL, SIDE

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 20_000_000
WORK = 256  # pixels, the longest side of what is looked at
FINE = 32  # pixels, the side of the black and white digit
LEAST_CONTRAST = 40  # of 255, between ink and paper
WIDEST = 28  # of these
USUAL_INK = 0.305  # the share of ink, in the middle of the data set; nine in ten are between 0.25 and 0.36
MOST_STEPS = 5  # of making lines thicker or thinner
SPECK = 0.05  # what has less ink than this share of the largest piece is dust


class PictureError(ValueError):
    """The picture cannot be used; the message says why."""


def opened(data: bytes) -> "Image":
    """The picture in a file, upright. Raises PictureError; ImportError where Pillow is missing."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise PictureError(f"The picture has more than {MOST_PIXELS:,} pixels.")
            image.load()
            return ImageOps.exif_transpose(image)
    except PictureError:
        raise
    except Exception as error:  # whatever a decoder raises over a stranger's file
        raise PictureError("The body is no picture that can be read.") from error


def pixels(image: "Image") -> list[float]:
    """64 pixels row by row, each from 0 (paper) to 16 (ink). Raises PictureError when there is nothing on it."""
    from PIL import ImageFilter

    small = image
    if small.mode not in ("L", "RGB", "RGBA"):
        small = small.convert("RGBA" if "transparency" in small.info or small.mode in ("LA", "PA") else "RGB")
    scale = WORK / max(small.size)  # small ones are made larger, so that they are parted between their pixels
    small = small.resize((max(1, round(small.width * scale)), max(1, round(small.height * scale))), reducing_gap=2.0)
    fine = fitted(without_dust(black_and_white(difference(small))))
    is_thin = share(fine) < USUAL_INK
    candidates = [fine]
    for _ in range(MOST_STEPS):
        changed = candidates[-1].filter(ImageFilter.MaxFilter(3) if is_thin else ImageFilter.MinFilter(3))
        if changed.getbbox() is None:
            break
        candidates.append(fitted(changed))
    return counted(min(candidates, key=lambda one: abs(share(one) - USUAL_INK)))


def difference(image: "Image") -> "Image":
    """How far each pixel is from the paper, 0 to 255: the paper is what the edge mostly shows.

    Of a drawing on nothing, as a canvas gives it, the alpha channel is the ink.
    """
    from PIL import ImageChops

    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if alpha.getextrema()[0] == 0:
            return alpha
    grey = image.convert("L")
    wide, high = grey.size
    edge = [grey.crop(box).tobytes() for box in ((0, 0, wide, 1), (0, high - 1, wide, high))]
    edge += [grey.crop(box).tobytes() for box in ((0, 0, 1, high), (wide - 1, 0, wide, high))]
    ordered = sorted(b"".join(edge))
    paper = ordered[len(ordered) // 2]
    return ImageChops.difference(grey, grey.point([paper] * 256))


def black_and_white(grey: "Image") -> "Image":
    """255 where there is ink. Raises PictureError when nothing stands out."""
    limit = threshold(grey.histogram())
    if contrast(grey.histogram(), limit) < LEAST_CONTRAST:
        raise PictureError("There is nothing on the picture.")
    return grey.point([255 * (value > limit) for value in range(256)])


def threshold(histogram: list[int]) -> int:
    """The value that parts dark from light best (N. Otsu, "A threshold selection method from gray-level histograms",
    IEEE Transactions on Systems, Man, and Cybernetics 9, 1979)."""
    total, whole = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    below = below_sum = 0
    best, found = -1.0, 0
    for value, count in enumerate(histogram):
        below, below_sum = below + count, below_sum + value * count
        if 0 < below < total:
            between = (whole * below - below_sum * total) ** 2 / (below * (total - below))
            best, found = (between, value) if between > best else (best, found)
    return found


def contrast(histogram: list[int], limit: int) -> float:
    """The mean above the limit less the mean below it."""
    parts = histogram[: limit + 1], histogram[limit + 1 :]
    if not sum(parts[1]):
        return 0.0
    low = sum(value * count for value, count in enumerate(parts[0])) / max(1, sum(parts[0]))
    return sum((limit + 1 + value) * count for value, count in enumerate(parts[1])) / sum(parts[1]) - low


def without_dust(ink: "Image") -> "Image":
    """Without pieces that are very small beside the largest one."""
    from PIL import Image

    found = pieces(ink)
    largest = max(map(len, found))
    clean = bytearray(ink.width * ink.height)
    for piece in found:
        if len(piece) >= SPECK * largest:
            for place in piece:
                clean[place] = 255
    return Image.frombytes("L", ink.size, bytes(clean))


def pieces(ink: "Image") -> list[list[int]]:
    """The places of the ink, counted row by row, piece by piece; pixels that touch at a corner hang together."""
    wide, data = ink.width, ink.tobytes()
    left = {place for place, value in enumerate(data) if value}
    found = []
    while left:
        piece = [left.pop()]
        for place in piece:  # which grows on the way
            x = place % wide
            for step in range(-1 if x else 0, 2 if x < wide - 1 else 1):
                for other in (place + step - wide, place + step, place + step + wide):
                    if other in left:
                        left.remove(other)
                        piece.append(other)
        found.append(piece)
    return found


def fitted(ink: "Image") -> "Image":
    """Cut to the ink and scaled to a height of 32, in the middle of 32 × 32; squeezed where it is very wide."""
    from PIL import Image

    box = ink.getbbox() or (0, 0, *ink.size)
    wide, high = box[2] - box[0], box[3] - box[1]
    size = (max(1, min(WIDEST, round(wide * FINE / high))), FINE)
    smooth = Image.Resampling.BOX if high > FINE else Image.Resampling.BILINEAR
    digit = ink.crop(box).resize(size, smooth).point([255 * (value > 100) for value in range(256)])
    whole = Image.new("L", (FINE, FINE), 0)
    whole.paste(digit, ((FINE - size[0]) // 2, 0))
    return whole if whole.getbbox() is not None else Image.new("L", (FINE, FINE), 255)


def share(ink: "Image") -> float:
    """Of the whole, how much is ink."""
    return ink.histogram()[255] / (ink.width * ink.height)


def counted(fine: "Image") -> list[float]:
    """The ink in each 4 × 4 pixels, 0 to 16."""
    step = FINE // SIDE
    data: Any = fine.load()
    return [
        min(FULL, float(sum(data[step * x + i, step * y + j] > 0 for i, j in product(range(step), repeat=2))))
        for y in range(SIDE)
        for x in range(SIDE)
    ]
