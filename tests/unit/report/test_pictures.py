import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fedhca.client import Client
from fedhca.errors import DataError, RecipeError, RunFolderError
from fedhca.experiment.run_folder import RunFolder
from fedhca.report.comparison import comparison_rows, telling
from fedhca.report.image_grid import GAP, LINE, Tile, sheet
from fedhca.report.predictions import draw_predictions, prediction_row
from fedhca.sharing.predictor import Predictor
from fedhca.tasks import IGNORE, Depth
from tiny import client

RED, BLUE = (200, 10, 10), (10, 10, 200)


def plain(colour: tuple[int, int, int], height: int, width: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    image.load()
    return image


def test_a_sheet_has_its_tiles_in_rows_of_one_height() -> None:
    rows = [[Tile("a", plain(RED, 10, 20)), Tile("b", plain(BLUE, 40, 20))], [Tile("c", plain(BLUE, 5, 5))]]
    image = opened(sheet(rows, height=20))
    assert image.size == (40 + 10 + 3 * GAP, 2 * (20 + LINE + GAP) + GAP)
    tops = [GAP + LINE, GAP + LINE + 20 + LINE + GAP]
    for (x, y), colour in {
        (GAP, tops[0]): RED,
        (GAP + 39, tops[0] + 19): RED,
        (GAP + 40 + GAP, tops[0]): BLUE,
        (GAP, tops[1]): BLUE,
        (GAP + 40, tops[0]): (255, 255, 255),
    }.items():
        assert image.getpixel((x, y)) == colour, (x, y)


def test_captions_are_drawn_and_fit_their_picture() -> None:
    page = np.array(opened(sheet([[Tile("a very long caption indeed", plain(RED, 20, 40))]], height=20)))
    band = page[GAP : GAP + LINE]
    assert (band < 128).any()
    assert (band[:, GAP + 40 :] == 255).all()


def test_class_colours_do_not_blend_when_enlarged() -> None:
    halves = np.concatenate([plain(RED, 4, 2), plain(BLUE, 4, 2)], axis=1)
    picture = np.array(opened(sheet([[Tile("", halves)]], height=40)))[GAP + LINE : -GAP, GAP:-GAP]
    assert {tuple(colour) for colour in picture.reshape(-1, 3)} == {RED, BLUE}


@pytest.fixture
def subject() -> Client:
    return client("semseg", "depth", "sal", "edge", "normals")


def predictor(subject: Client) -> Predictor:
    return Predictor(subject.name, subject.model.eval(), subject.participant.tasks, (16, 16))


def test_predictions_have_the_shape_of_the_labels(subject: Client) -> None:
    sample = subject.participant.test[0]
    found = predictor(subject).predict(sample["image"])
    assert {name: values.shape for name, values in found.items()} == {
        task.name: tuple(sample[task.name].shape) for task in subject.participant.tasks
    }


def test_a_row_is_the_picture_and_one_tile_a_task(subject: Client) -> None:
    row = prediction_row(predictor(subject), torch.zeros(3, 17, 30), "photo")
    assert [tile.caption for tile in row] == ["photo", "semseg", "depth", "sal", "edge", "normals"]
    assert {tile.picture.shape for tile in row} == {(17, 30, 3)}


def test_a_comparison_has_a_row_per_task_and_a_column_per_method(subject: Client) -> None:
    same = predictor(subject)
    rows = comparison_rows({"local": same, "fedavg": same}, subject.participant.test[0])
    assert len(rows) == 5
    assert [tile.caption for tile in rows[1]] == ["a depth", "truth", "local", "fedavg"]
    for row in rows:
        assert np.array_equal(row[2].picture, row[3].picture)
    opened(sheet(rows))


def test_where_the_truth_has_no_label_so_has_the_drawing(subject: Client) -> None:
    assert (subject.participant.test[0]["semseg"][0] == IGNORE).all()
    truth, predicted = (
        tile.picture for tile in comparison_rows({"local": predictor(subject)}, subject.participant.test[0])[0][1:]
    )
    assert np.array_equal(truth[0], predicted[0])


def test_the_telling_pictures_have_the_most_labels() -> None:
    def labelled(rows: int) -> dict[str, torch.Tensor]:
        depth = torch.full((4, 4), float(IGNORE))
        depth[:rows] = 2.0
        return {"image": torch.zeros(3, 4, 4), "depth": depth}

    bare, full, poor = labelled(0), labelled(3), labelled(1)
    chosen = telling([bare, full, poor], [Depth()], 2)
    assert [id(each) for each in chosen] == [id(full), id(poor)]


def photo(path: Path, width: int, height: int) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("size", [(200, 120), (31, 45), (1, 1), (3, 700)])
def test_predictions_are_drawn_beside_pictures_of_any_size(
    finished: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = photo(tmp_path / "photo.png", *size)
    (written,) = draw_predictions(RunFolder.open(finished).predictor("rooms-all"), [path], tmp_path / "out")
    assert written == tmp_path / "out" / "photo-rooms-all.png"
    image = opened(written.read_bytes())
    assert image.height == 240 + LINE + 2 * GAP
    assert image.width >= 5 * GAP


def test_pictures_of_other_modes_are_drawn(finished: Path, tmp_path: Path) -> None:
    paths = []
    for mode in ("L", "RGBA", "P"):
        paths.append(tmp_path / f"{mode}.png")
        Image.open(photo(tmp_path / "x.png", 40, 30)).convert(mode).save(paths[-1])
    assert len(draw_predictions(RunFolder.open(finished).predictor("figures-sal"), paths, tmp_path / "out")) == 3


@pytest.mark.parametrize(
    ("names", "client_name", "error", "words"),
    [
        (["none.png"], "rooms-all", DataError, ["none.png", "expected a picture"]),
        (["."], "rooms-all", DataError, ["expected a picture"]),
        (["text.png"], "rooms-all", DataError, ["text.png", "cannot be read"]),
        (["a.png", "b/a.png"], "rooms-all", RecipeError, ["'a' twice"]),
        (["a.png"], "nobody", RecipeError, ["'nobody'", "figures-sal"]),
    ],
)
def test_pictures_that_cannot_be_drawn(
    finished: Path, tmp_path: Path, names: list[str], client_name: str, error: type[Exception], words: list[str]
) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a.png", "b/a.png"):
        photo(tmp_path / name, 20, 20)
    (tmp_path / "text.png").write_text("no picture")
    paths = [tmp_path / name for name in names]
    with pytest.raises(error) as caught:
        draw_predictions(RunFolder.open(finished).predictor(client_name), paths, tmp_path / "out")
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_drawings_that_cannot_be_written(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="Cannot write"):
        draw_predictions(
            RunFolder.open(finished).predictor("figures-sal"), [photo(tmp_path / "a.png", 20, 20)], tmp_path / "file"
        )
