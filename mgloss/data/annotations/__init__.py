"""Annotations of a data set, read image by image: COCO JSON, YOLO text, one line an image.

    for image in read(path):
        image.name, image.size, image.boxes

Which of them a path is: a folder is YOLO text, a file *.json is COCO, any other file has a line for
each image. Memory does not grow with the number of images.
"""

from mgloss.data.annotations.annotated import Annotated, AnnotationError, letterbox
from mgloss.data.annotations.reading import Reading, read

__all__ = ["Annotated", "AnnotationError", "Reading", "letterbox", "read"]
