"""Write scenes of handwritten digits with known boxes, to try `mgloss stats` and `targets` on.

    python examples/digits.py digits                1,000 scenes of 64 x 64 pixels into digits/
    mgloss stats digits/boxes.txt --detector digits/detector.json --image-size 64x64
    mgloss targets digits/boxes.txt --detector digits/detector.json --images digits

They are the scenes of `mgloss curves` and need the same packages: pip install 'mgloss[curves]'.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import matplotlib.image

from mgloss.experiment import scenes


def main() -> None:
    """Write images, boxes.txt (a line an image: `path x1,y1,x2,y2,class ...`), detector.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the folder to write; must not exist yet")
    parser.add_argument("--number", type=int, default=1000, help="number of scenes (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same scenes (default: 0)")
    arguments = parser.parse_args()
    if arguments.number < 1 or arguments.seed < 0:
        parser.error("--number must be 1 or more, and --seed 0 or more")
    try:
        arguments.folder.mkdir(parents=True)
    except OSError as error:
        parser.error(f"cannot make the folder: {error}")
    drawn = scenes.draw(arguments.seed, arguments.number)
    lines = []
    for number, (image, boxes) in enumerate(zip(drawn.images, drawn.boxes, strict=True)):
        name = f"{number:06d}.png"
        matplotlib.image.imsave(
            arguments.folder / name, image[..., 0], cmap="gray_r", vmin=0, vmax=1
        )
        lines.append(" ".join([name, *(",".join(f"{n:g}" for n in box) for box in boxes)]) + "\n")
    (arguments.folder / "boxes.txt").write_text("".join(lines), encoding="utf-8")
    detector = json.dumps(asdict(scenes.DETECTOR)) + "\n"
    (arguments.folder / "detector.json").write_text(detector, encoding="utf-8")
    print(f"{arguments.number} scenes with {drawn.objects.sum()} objects in {arguments.folder}")


if __name__ == "__main__":
    main()
