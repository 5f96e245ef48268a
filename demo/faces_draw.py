"""Draws the faces of `pictures/`: one that smiles, one that does not, and the astronaut twice. Needs Pillow.

`python -m demo.faces_draw` writes them. Nobody is portrayed in the drawings.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = Path(__file__).with_name("pictures")
SIDE = 384  # pixels
FINER = 4  # drawn so much larger first, for smooth edges
SOFTER = 1.2  # pixels: a photo has no hard edges, and the detectors learnt from photos
PAPER, COAT, HAIR, SKIN, SHADE, LIGHT = "#96aab9", "#3c506e", "#462d23", "#e1b496", "#c9977a", "#eec6aa"
WHITE, DARK, LIPS = "#f5f0eb", "#281e1e", "#b97a6c"
QUALITY = 88
Corners = tuple[int, int, int, int]
# From the back to the front, as pixels of the picture.
ROUND: tuple[tuple[Corners, str], ...] = (
    ((60, 300, 324, 520), COAT),
    ((160, 230, 224, 340), SHADE),
    ((90, 40, 294, 320), HAIR),
    ((110, 80, 274, 320), SKIN),
    ((126, 150, 186, 196), SHADE),
    ((198, 150, 258, 196), SHADE),
    ((138, 164, 174, 184), WHITE),
    ((210, 164, 246, 184), WHITE),
    ((147, 164, 165, 184), DARK),
    ((219, 164, 237, 184), DARK),
    ((178, 160, 206, 235), LIGHT),
    ((172, 222, 212, 242), SHADE),
    ((178, 218, 206, 236), LIGHT),
)
BROWS = (((130, 150), (156, 142), (182, 150)), ((202, 150), (228, 142), (254, 150)))
LAUGH: tuple[tuple[Corners, str], ...] = (((150, 230, 234, 292), "#8c3232"), ((158, 238, 226, 280), WHITE))
CALM = ((174, 268), (192, 267), (210, 268))


def face(smiles: bool) -> "Image":
    """A face that looks into the camera."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.new("RGB", (SIDE * FINER, SIDE * FINER), PAPER)
    pen = ImageDraw.Draw(image)
    for corners, colour in ROUND:
        pen.ellipse([side * FINER for side in corners], fill=colour)
    for brow in BROWS:
        pen.line([(x * FINER, y * FINER) for x, y in brow], fill=HAIR, width=7 * FINER, joint="curve")
    for corners, colour in LAUGH if smiles else ():
        pen.chord([side * FINER for side in corners], 8, 172, fill=colour)
    if not smiles:
        pen.line([(x * FINER, y * FINER) for x, y in CALM], fill=LIPS, width=5 * FINER, joint="curve")
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(SOFTER))


def two() -> "Image":
    """The astronaut beside her mirror image, in a wide picture."""
    from PIL import Image, ImageOps

    with Image.open(FOLDER / "astronaut.jpg") as image:
        beside = ImageOps.mirror(image).crop((64, 0, 320, SIDE))
        wide = Image.new("RGB", (SIDE + beside.width, SIDE))
        wide.paste(image, (0, 0))
        wide.paste(beside, (SIDE, 0))
    return wide


def main() -> None:
    """Writes all three."""
    face(smiles=True).save(FOLDER / "face-happy.png", optimize=True)
    face(smiles=False).save(FOLDER / "face-neutral.png", optimize=True)
    two().save(FOLDER / "astronaut-twice.jpg", quality=QUALITY)


if __name__ == "__main__":
    main()
