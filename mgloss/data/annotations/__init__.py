"""Read the annotations of a data set image by image: COCO JSON, YOLO text, or one line an image.

    for image in read(path):
        image.name, image.size, image.boxes

The path decides the format: a folder is YOLO text, a file `*.json` is COCO, any other file has one
line an image. Memory does not grow with the number of images.
"""

from mgloss.data.annotations.annotated import Annotated, AnnotationError, letterbox
from mgloss.data.annotations.read_options import ReadOptions
from mgloss.data.annotations.reading import read

__all__ = ["Annotated", "AnnotationError", "ReadOptions", "letterbox", "read"]
