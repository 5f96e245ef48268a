"""Draws digits as one does with a mouse on a canvas: `python -m demo.digits_draw` writes those of `pictures/`.

Each is a few strokes, bent a little otherwise every time. Needs Pillow.
"""

import io
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER = Path(__file__).with_name("pictures")
SIDE = 280  # pixels
PEN = 16
SEED = 5
FINER = 4  # drawn so much larger first, for smooth edges
Point = tuple[float, float]
Stroke = Sequence[Point]

# From the left and from the top, as shares of the digit's height; curves go smoothly through the points.
STROKES: dict[int, Sequence[Stroke]] = {
    0: (((0.38, 0.0), (0.12, 0.2), (0.06, 0.55), (0.2, 0.93), (0.45, 0.97), (0.64, 0.6), (0.58, 0.2), (0.36, 0.0)),),
    1: (((0.2, 0.22), (0.42, 0.0)), ((0.42, 0.0), (0.4, 0.5), (0.38, 1.0))),
    2: (((0.08, 0.24), (0.25, 0.02), (0.55, 0.1), (0.5, 0.45), (0.06, 1.0)), ((0.06, 1.0), (0.35, 0.95), (0.66, 0.98))),
    3: (
        ((0.1, 0.12), (0.35, 0.0), (0.57, 0.2), (0.3, 0.45)),
        ((0.3, 0.45), (0.62, 0.65), (0.5, 0.95), (0.22, 0.98), (0.06, 0.85)),
    ),
    4: (((0.42, 0.0), (0.2, 0.38), (0.04, 0.66)), ((0.04, 0.66), (0.4, 0.64), (0.7, 0.65)), ((0.5, 0.36), (0.47, 1.0))),
    5: (
        ((0.6, 0.03), (0.16, 0.02)),
        ((0.16, 0.02), (0.12, 0.42)),
        ((0.12, 0.42), (0.4, 0.38), (0.62, 0.65), (0.42, 0.97), (0.06, 0.9)),
    ),
    6: (((0.52, 0.02), (0.2, 0.35), (0.1, 0.75), (0.32, 1.0), (0.58, 0.8), (0.42, 0.55), (0.12, 0.72)),),
    7: (((0.08, 0.05), (0.35, 0.03), (0.64, 0.04)), ((0.64, 0.04), (0.42, 0.5), (0.26, 1.0))),
    8: (
        (
            (0.56, 0.12), (0.34, 0.0), (0.14, 0.16), (0.34, 0.45), (0.6, 0.75), (0.36, 1.0), (0.1, 0.78), (0.34, 0.45),
            (0.54, 0.24), (0.56, 0.12),
        ),
    ),
    9: (((0.58, 0.2), (0.34, 0.02), (0.12, 0.25), (0.34, 0.48), (0.58, 0.24)), ((0.58, 0.2), (0.55, 0.6), (0.42, 1.0))),
}  # fmt: skip


def drawn(digit: int, dice: random.Random, pen: int = PEN) -> bytes:
    """A PNG of black ink on white. Raises KeyError for what is no digit."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (SIDE * FINER, SIDE * FINER), 255)
    canvas = ImageDraw.Draw(image)
    high = SIDE * FINER * dice.uniform(0.55, 0.75)
    left, top = dice.uniform(0.2, 0.4) * SIDE * FINER, dice.uniform(0.1, 0.2) * SIDE * FINER
    slant = dice.uniform(-0.12, 0.2)
    for stroke in STROKES[digit]:
        bent = [(x + dice.gauss(0, 0.012), y + dice.gauss(0, 0.012)) for x, y in stroke]
        line = [(left + (x + slant * (0.5 - y)) * high, top + y * high) for x, y in smooth(bent)]
        canvas.line(line, fill=0, width=pen * FINER, joint="curve")
        for x, y in (line[0], line[-1]):
            half = pen * FINER / 2
            canvas.ellipse((x - half, y - half, x + half, y + half), fill=0)
    out = io.BytesIO()
    image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def smooth(points: Sequence[Point], steps: int = 12) -> Iterator[Point]:
    """A curve through the points (E. Catmull and R. Rom, "A class of local interpolating splines", 1974)."""
    ends = [points[0], *points, points[-1]]
    for before, start, end, after in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for at in range(steps):
            t = at / steps
            yield tuple_of(
                0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
                for a, b, c, d in zip(before, start, end, after, strict=True)
            )
    yield points[-1]


def tuple_of(pair: Iterator[float]) -> Point:
    """Two numbers as a point."""
    x, y = pair
    return x, y


def main() -> int:
    """Writes one of each."""
    dice = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    for digit in sorted(STROKES):
        (FOLDER / f"digit-{digit}.png").write_bytes(drawn(digit, dice))
    print(f"{len(STROKES)} pictures are in {FOLDER.name}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
