"""Annotations of every kind: what is read of them, and what becomes of what is wrong in them."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings

from mgloss.data.annotations import Annotated, AnnotationError, ReadOptions, letterbox, read

SIZE = (64, 48)  # width, height
SIZED = ReadOptions(image_size=SIZE)

corner = st.integers(-8, 400).map(lambda n: n / 8)
side = st.integers(1, 300).map(lambda n: n / 8)
box = st.tuples(corner, corner, side, side, st.integers(0, 5)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4])
)
data_sets = st.lists(st.lists(box, max_size=5), min_size=1, max_size=6)
Boxes = list[list[Any]]


def written_as_lines(folder: Path, images: Boxes) -> Path:
    path = folder / "all.txt"
    path.write_text(
        "\n".join(
            " ".join([f"some images/{n}.jpg", *(",".join(map(repr, b)) for b in boxes)])
            for n, boxes in enumerate(images)
        ),
        encoding="utf-8",
    )
    return path


def written_as_yolo(folder: Path, images: Boxes) -> Path:
    labels = folder / "labels"
    labels.mkdir(exist_ok=True)
    for old in labels.iterdir():
        old.unlink()
    width, height = SIZE
    for n, boxes in enumerate(images):
        (labels / f"{n}.txt").write_text(
            "".join(
                f"{kind} {(x1 + x2) / 2 / width!r} {(y1 + y2) / 2 / height!r} "
                f"{(x2 - x1) / width!r} {(y2 - y1) / height!r}\n"
                for x1, y1, x2, y2, kind in boxes
            ),
            encoding="utf-8",
        )
    return labels


def coco(images: Boxes) -> dict[str, Any]:
    return {
        "annotations": [
            {
                "id": 10 * n + at,
                "image_id": n + 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "category_id": 3 * kind + 1,
            }
            for at in range(5)  # not image by image
            for n, boxes in enumerate(images)
            if at < len(boxes)
            for x1, y1, x2, y2, kind in [boxes[at]]
        ],
        "images": [
            {"id": n + 1, "file_name": f"{n}.jpg", "width": SIZE[0], "height": SIZE[1]}
            for n in range(len(images))
        ],
        "categories": [{"id": 3 * kind + 1, "name": "thing"} for kind in range(6)],
    }


def written_as_coco(folder: Path, images: Boxes) -> Path:
    path = folder / "all.json"
    path.write_text(json.dumps(coco(images)), encoding="utf-8")
    return path


WRITERS: list[Callable[[Path, Boxes], Path]] = [written_as_lines, written_as_yolo, written_as_coco]


@pytest.mark.parametrize("write", WRITERS)
@given(images=data_sets)
@settings(max_examples=50)
def test_what_is_written_is_read(
    write: Callable[[Path, Boxes], Path], tmp_path_factory: Any, images: Boxes
) -> None:
    path = write(tmp_path_factory.mktemp("data"), images)
    found = list(read(path, SIZED))
    assert [image.size for image in found] == [SIZE] * len(images)
    assert [Path(image.name).stem for image in found] == [str(n) for n in range(len(images))]
    for image, boxes in zip(found, images, strict=True):
        wanted = np.array(boxes, np.float64).reshape(-1, 5)
        assert image.boxes.shape == wanted.shape
        assert np.allclose(image.boxes, wanted, rtol=0, atol=1e-9)


def image_file(path: Path, size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("L", size).save(path)


def test_sizes_are_those_of_the_image_files(tmp_path: Path) -> None:
    image_file(tmp_path / "images" / "a" / "1.png")
    labels = tmp_path / "labels" / "a"
    labels.mkdir(parents=True)
    (labels / "1.txt").write_text("2 0.5 0.5 0.5 1\n")
    for folder in (tmp_path, tmp_path / "labels", labels):
        (image,) = read(folder)
        assert image.size == (40, 30)
        assert image.boxes.tolist() == [[10, 0, 30, 30, 2]]
        assert image.file is not None
        assert image.file.samefile(tmp_path / "images" / "a" / "1.png")
    (tmp_path / "lines.txt").write_text("a/1.png 1,2,3,4,0\n")
    (image,) = read(tmp_path / "lines.txt", ReadOptions(images=tmp_path / "images"))
    assert image.size == (40, 30)


def test_an_image_that_is_not_there_needs_a_size(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("gone.jpg 1,2,3,4,0\n")
    with pytest.raises(AnnotationError, match=r"line 1: its image is not at .*--image-size"):
        list(read(tmp_path / "lines.txt"))
    (tmp_path / "gone.jpg").write_bytes(b"not an image")
    with pytest.raises(AnnotationError, match=r"line 1: its image .* cannot be read"):
        list(read(tmp_path / "lines.txt"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.jpg 1,2,3,4", "expected x1,y1,x2,y2,class, got '1,2,3,4'"),
        ("a.jpg 1,2,3,4,5,6", "expected x1,y1,x2,y2,class"),
        ("a.jpg 1,2,x,4,0", "expected x1,y1,x2,y2,class"),
        ("a.jpg 1,2,3,4,0.5", "expected x1,y1,x2,y2,class"),
        ("a.jpg 1,2,3,4,-1", "class is negative"),
        ("a.jpg 1,2,3,4,0 stray", "expected x1,y1,x2,y2,class, got 'stray'"),
        ("a.jpg 3,2,1,4,0", "no area"),
        ("a.jpg 1,2,1,4,0", "no area"),
        ("a.jpg nan,2,3,4,0", "no finite number"),
        ("a.jpg 1,2,inf,4,0", "no finite number"),
        ("1,2,3,4,0", "no path before its boxes"),
        ("1,2,3,4,0 5,6,7,8,1", "no path before its boxes"),
        ("a\0.jpg 1,2,3,4,0", "null character"),
        (b"\xff\xfe.jpg 1,2,3,4,0", "not text in UTF-8"),
    ],
)
def test_a_malformed_line_is_named_and_fatal_or_left_out(
    tmp_path: Path, line: str | bytes, said: str
) -> None:
    path = tmp_path / "lines.txt"
    text = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(b"good.jpg 1,2,3,4,0\n\n" + text + b"\nlast.jpg 5,6,7,8,1\n")
    with pytest.raises(AnnotationError, match=r"lines\.txt, line 3: ") as raised:
        list(read(path, SIZED))
    assert said in str(raised.value)
    told: list[str] = []
    found = list(read(path, ReadOptions(image_size=SIZE, on_malformed=told.append)))
    assert [image.name for image in found] == ["good.jpg", "last.jpg"]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.1", "expected class x y width height"),
        ("0 0.5 0.5 0.1 0.1 0.9", "expected class x y width height"),
        ("cat 0.5 0.5 0.1 0.1", "expected class x y width height"),
        ("-1 0.5 0.5 0.1 0.1", "class is negative"),
        ("0 320 240 50 60", "fractions of the image, from 0 to 1"),
        ("0 0.5 0.5 0 0.1", "no area"),
        ("0 0.5 0.5 -0.1 0.1", "no area"),
        ("0 nan 0.5 0.1 0.1", "no finite number"),
        (b"\xff 0.5 0.5 0.1 0.1", "not text in UTF-8"),
    ],
)
def test_a_malformed_line_of_yolo_loses_its_box_alone(
    tmp_path: Path, line: str | bytes, said: str
) -> None:
    text = line if isinstance(line, bytes) else line.encode()
    (tmp_path / "1.txt").write_bytes(b"1 0.5 0.5 0.5 0.5\n" + text + b"\n")
    with pytest.raises(AnnotationError, match=r"1\.txt, line 2: ") as raised:
        list(read(tmp_path, SIZED))
    assert said in str(raised.value)
    told: list[str] = []
    (image,) = read(tmp_path, ReadOptions(image_size=SIZE, on_malformed=told.append))
    assert image.boxes.tolist() == [[16, 12, 48, 36, 1]]
    assert len(told) == 1


def changed(part: str, **values: Any) -> dict[str, Any]:
    document = coco([[(1.0, 2.0, 3.0, 4.0, 0)], [(5.0, 6.0, 7.0, 8.0, 1)]])
    item = document[part][0]
    for key, value in values.items():
        if value is None:
            del item[key]
        else:
            item[key] = value
    return document


@pytest.mark.parametrize(
    ("document", "said", "left"),
    [
        (changed("annotations", bbox=None), "'bbox' must be [x, y, width, height], got None", 1),
        (changed("annotations", bbox=[1, 2, 3]), "'bbox' must be", 1),
        (changed("annotations", bbox=[1, 2, "3", 4]), "'bbox' must be", 1),
        (changed("annotations", bbox=[1, 2, 0, 4]), "no area", 1),
        (changed("annotations", bbox=[1, 2, -3, 4]), "no area", 1),
        (changed("annotations", image_id=99), "no image with the id 99", 1),
        (changed("annotations", category_id=99), "no category with the id 99", 1),
        (changed("annotations", image_id="1"), "'image_id' must be a whole number", 1),
        (changed("images", file_name=None), "'file_name' must be a path", 1),
        (changed("images", width=None), "its width and height must be numbers", 1),
        (changed("images", width=0), "its width and height must be pixels", 1),
        (changed("images", height="48"), "its width and height must be numbers", 1),
        (changed("images", id=2), "images[1]: its id 2 was given before", 1),
    ],
)
def test_a_malformed_item_of_coco_is_named_and_fatal_or_left_out(
    tmp_path: Path, document: Any, said: str, left: int
) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"all\.json, ") as raised:
        list(read(path))
    assert said in str(raised.value)
    told: list[str] = []
    found = list(read(path, ReadOptions(on_malformed=told.append)))
    assert told
    assert sum(len(image.boxes) for image in found) == left


WHOLE = json.dumps(coco([[(1.0, 2.0, 3.0, 4.0, 0)], []]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"images": {}}',
        '{"images": []}',
        WHOLE[:-1],
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-1] + "nonsense}",
        WHOLE.replace('"images"', '"image"'),
        "[" * 100_000,
        '{"images": [' + '{"a":' * 100_000,
        "\0" * 100,
        "\ufeff\ufeff",
        WHOLE.replace("1.0", "1" * 400),
        WHOLE.replace('"image_id": 1', '"image_id": 1' + "0" * 30),
    ],
    ids=range(16),
)
def test_a_file_that_is_no_coco_ends_in_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "all.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"all\.json"):
        list(read(path))


@given(cut=st.integers(0, len(WHOLE) - 1), by=st.binary(max_size=3))
@settings(max_examples=200)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory: Any, cut: int, by: bytes) -> None:
    path = tmp_path_factory.mktemp("data") / "all.json"
    path.write_bytes(WHOLE[:cut].encode() + by + WHOLE[cut + 1 :].encode())
    try:
        for image in read(path):
            assert image.boxes.shape[1] == 5
            assert np.isfinite(image.boxes).all()
    except AnnotationError as error:
        assert "all.json" in str(error)  # noqa: PT017


def test_crowds_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps(changed("annotations", iscrowd=1)))
    assert [len(image.boxes) for image in read(path)] == [0, 1]


@pytest.mark.parametrize("name", ["gone.txt", "gone.json", "gone"])
def test_what_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(AnnotationError, match=f"{name}: No such file"):
        list(read(tmp_path / name))


def test_a_folder_without_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"no \*.txt in this folder"):
        list(read(tmp_path))


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.txt"
    path.write_bytes(b"a" * 11_000_000)
    with pytest.raises(AnnotationError, match="line 1: longer than"):
        list(read(path, SIZED))


def test_progress_comes_to_its_end(tmp_path: Path) -> None:
    images: Boxes = [[(1.0, 2.0, 3.0, 4.0, 0)]] * 20
    for write in WRITERS:
        seen: list[tuple[int, int]] = []
        options = ReadOptions(image_size=SIZE, on_progress=lambda d, t, to=seen: to.append((d, t)))  # type: ignore[misc]
        list(read(write(tmp_path, images), options))
        assert seen == sorted(seen)
        assert all(done <= total for done, total in seen)


@pytest.mark.parametrize("write", [written_as_lines, written_as_coco])
def test_memory_does_not_grow_with_the_images(
    write: Callable[[Path, Boxes], Path], tmp_path: Path
) -> None:
    def peak(images: int) -> int:
        path = write(tmp_path, [[(1.0, 2.0, 3.0, 4.0, 0)] * 5] * images)
        tracemalloc.start()
        for _ in read(path, SIZED):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)  # what is imported
    # All of them in memory would be over 2 MB more. Another thread may allocate meanwhile, so that
    # a second measurement counts too.
    bound = peak(400) + 900_000
    assert any(peak(2000) < bound for _ in range(2))


@given(
    size=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    shape=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_a_letterboxed_image_fits_and_keeps_its_ratio(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    whole = Annotated("a.jpg", None, size, np.array([[0.0, 0, *size, 3]]))
    ((x1, y1, x2, y2, kind),) = letterbox(whole, shape).tolist()
    height, width = shape
    assert kind == 3
    assert x1 >= -1e-9
    assert y1 >= -1e-9
    assert min(abs(x2 - x1 - width), abs(y2 - y1 - height)) < 1e-6  # as large as fits
    assert (x2 - x1) * size[1] == pytest.approx((y2 - y1) * size[0])
    assert x1 + x2 == pytest.approx(width)  # in the middle
    assert y1 + y2 == pytest.approx(height)
