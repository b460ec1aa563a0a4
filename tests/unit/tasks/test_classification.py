import numpy as np
import pytest
import torch

from fedhca.data.window import Window
from fedhca.errors import DataError, RecipeError
from fedhca.tasks import IGNORE, Classification
from fedhca.tasks.head import PoolingHead
from fedhca.tasks.palette import NEUTRAL, class_colours
from fedhca.tasks.stats import Hits

TASK = Classification(channels=3)


def test_loss_and_accuracy_are_of_the_labelled_pictures() -> None:
    output = torch.tensor([[2.0, 0, 0], [0, 1, 0], [0, 0, 5], [7, 7, 7]])
    label = torch.tensor([0, 2, 2, IGNORE])
    expected = torch.nn.functional.cross_entropy(output[:3], label[:3])
    torch.testing.assert_close(TASK.loss(output, label), expected)
    assert TASK.predict(output).tolist() == [0, 1, 2, 0]
    found = TASK.measure(output, label)
    assert isinstance(found, Hits)
    assert found.result() == pytest.approx(200 / 3)


def test_the_label_is_the_pictures_whatever_is_shown_of_it() -> None:
    label = np.array(2, np.uint8)
    window = Window((40, 40), (60, 60), (3, 4), (20, 20), flipped=True, scale=1.5)
    for moved in (TASK.seen(label, window), TASK.shrunk(label, (40, 40), (20, 20))):
        assert moved == 2
    finished = TASK.finished(label, (20, 20), (32, 32))
    assert (finished.dtype.name, finished.shape, int(finished)) == ("int64", (), 2)


def test_the_head_pools_over_any_map() -> None:
    head = TASK.head(8)
    assert isinstance(head, PoolingHead)
    small, large = torch.full((2, 8, 3, 5), 0.5), torch.full((2, 8, 16, 9), 0.5)
    assert head(small).shape == (2, 3)
    torch.testing.assert_close(head(small), head(large))


@pytest.mark.parametrize(("channels", "names"), [(0, ()), (256, ()), (3, ("a", "b"))])
def test_classes_and_names_that_do_not_fit_are_refused(channels: int, names: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError, match=r"'classification' should have .* Found \d+\."):
        Classification(channels=channels, names=names)


def test_labels_that_are_no_class_and_other_channels_are_refused() -> None:
    for verb in (TASK.loss, TASK.measure):
        with pytest.raises(DataError, match=r"should be classes 0 to 2.*Found 3"):
            verb(torch.zeros(2, 3), torch.tensor([0, 3]))
        with pytest.raises(RecipeError, match=r"should get 3 channels\. Found 4"):
            verb(torch.zeros(2, 4), torch.tensor([0, 1]))


@pytest.mark.parametrize("shape", [(64, 64), (5, 700), (700, 5), (1, 1), (400, 300)])
def test_a_drawing_is_the_picture_over_a_band_of_the_class(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    named = Classification(channels=3, names=("cat", "dog", "a very long name of a class that hardly fits"))
    for index, colour in ((1, class_colours()[1]), (2, class_colours()[2]), (IGNORE, NEUTRAL)):
        drawn = named.draw(np.array(index), picture)
        assert drawn.shape[0] * shape[1] == drawn.shape[1] * shape[0], "the picture's form"
        assert max(drawn.shape) >= 320
        assert drawn[-1, 0].tolist() == colour.tolist()
    if min(shape) > 60:
        assert drawn[0, 0].tolist() == [77, 77, 77]
        assert not np.array_equal(named.draw(np.array(0), picture), TASK.draw(np.array(0), picture)), "words differ"
