from typing import Any

import pytest
import torch

from fedhca.aggregation import Member, Rows
from fedhca.errors import RecipeError
from fedhca.methods import METHODS, Method, make_method
from fedhca.wire.layout import Layout
from fedhca.wire.messages import LocalRule

ROWS = Rows(
    torch.zeros(2, 3),
    torch.tensor([[1.0, 2.0, 3.0], [5.0, -2.0, 0.0]]),
    (Member("a", "pascal", ("semseg",)), Member("b", "nyud", ("depth",), examples=3)),
    Layout.of({"layer.weight": (2,), "layer.bias": (1,)}),
)
OWN, MEAN = ROWS.end, ROWS.end.mean(0).expand(2, 3)
WEIGHED = (ROWS.end[0] / 4 + 3 * ROWS.end[1] / 4).expand(2, 3)


def answers(method: Method) -> tuple[torch.Tensor, torch.Tensor]:
    found = [rule.apply(rule.init(ROWS), ROWS).rows for rule in (method.encoder, method.decoder)]
    return found[0], found[1]


def test_the_catalogue_builds_every_method_by_its_name() -> None:
    assert {"local", "fedavg", "fedprox", "fedper", "ditto", "fedamp", "matfl", "fedhca2", "official"} <= METHODS.keys()
    for name in METHODS:
        assert make_method(name).name == name


@pytest.mark.parametrize(
    ("name", "options", "local"),
    [
        ("fedhca2", {}, LocalRule(pull=0.0, keeps="received", heads_first=0.0)),
        ("fedprox", {"mu": 0.5}, LocalRule(pull=0.5)),
        ("fedper", {}, LocalRule()),
        ("ditto", {"pull": 0.2}, LocalRule(pull=0.2, keeps="own")),
        ("fedamp", {"pull": 0.3}, LocalRule(pull=0.3, keeps="trained")),
        ("fedrep", {"heads_first": 0.25}, LocalRule(heads_first=0.25)),
        ("fedprox", {"encoder": "local", "decoder": "fedamp"}, LocalRule(pull=0.01)),
    ],
)
def test_what_a_method_asks_of_clients(name: str, options: dict[str, Any], local: LocalRule) -> None:
    assert make_method(name, **options).local == local


@pytest.mark.parametrize(
    ("name", "options", "encoder", "decoder"),
    [
        ("local", {}, OWN, OWN),
        ("fedavg", {}, MEAN, MEAN),
        ("fedavg", {"by_examples": True}, WEIGHED, WEIGHED),
        ("fedprox", {}, MEAN, MEAN),
        ("fedprox", {"by_examples": True, "decoder_scope": "same_task"}, WEIGHED, OWN),
        ("fedper", {}, MEAN, OWN),
        ("ditto", {}, MEAN, MEAN),
        ("matfl", {"groups": 1}, MEAN, OWN),
        ("matfl", {}, OWN, OWN),
        ("fedrep", {}, MEAN, OWN),
        ("fedbn", {}, MEAN, MEAN),
        ("pcgrad", {}, MEAN, OWN),
        ("cagrad", {"c": 0.0}, MEAN, OWN),
        ("colnet", {"alpha": 0.0}, OWN, OWN),
        ("median", {}, MEAN, OWN),
        ("median", {"decoder_scope": "all"}, MEAN, MEAN),
        ("fedavg", {"encoder": "rfa", "decoder": "trimmed"}, MEAN, OWN),
        ("fedhca2_sum", {"encoder": "local", "weight": 0.0}, OWN, OWN),
        ("fedavg", {"decoder_scope": "same_task"}, MEAN, OWN),
        ("local", {"encoder": "fedavg"}, MEAN, OWN),
        ("local", {"decoder": "fedavg"}, OWN, MEAN),
        ("fedavg", {"encoder": "local"}, OWN, MEAN),
        ("fedhca2", {"encoder": "local", "decoder": "fedavg"}, OWN, MEAN),
        ("official", {"encoder": "fedavg", "decoder": "local"}, MEAN, OWN),
    ],
)
def test_what_a_method_answers(
    name: str, options: dict[str, Any], encoder: torch.Tensor, decoder: torch.Tensor
) -> None:
    method = make_method(name, **options)
    assert method.name == name
    for found, expected in zip(answers(method), (encoder, decoder), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["fedhca2", "official"])
def test_the_ablations_of_table_3_mix_one_part_only(name: str) -> None:
    both = answers(make_method(name))
    encoder_only, decoder_only = make_method(name, decoder="local"), make_method(name, encoder="local")
    assert torch.equal(answers(encoder_only)[0], both[0])
    assert torch.equal(answers(encoder_only)[1], OWN)
    assert torch.equal(answers(decoder_only)[1], both[1])
    assert torch.equal(answers(decoder_only)[0], OWN)
    assert torch.equal(answers(make_method("local", encoder=name))[0], both[0])
    assert torch.equal(answers(make_method("local", decoder=name))[1], both[1])
    assert not torch.equal(both[0], OWN)
    assert not torch.equal(both[1], OWN)


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("fedavgg", {}, "Unknown method 'fedavgg': did you mean 'fedavg'? Known: "),
        ("", {}, "Unknown method '': Known: "),
        ("fedhca2", {"encoder": "locl"}, "Unknown method 'locl': did you mean 'local'? Known: "),
        ("fedhca2", {"decoder": "x"}, "Unknown method 'x': Known: "),
        ("fedhca2", {"alfa": 0.1}, "Unknown option of fedhca2 'alfa': did you mean 'alpha'? Known: alpha, beta, "),
        ("local", {"c": 0.1}, "Unknown option of local 'c':"),
        ("official", {"groups": "equal"}, "Unknown option of official 'groups':"),
        ("fedhca2", {"c": "much"}, "Method fedhca2: `c` should be a number"),
        ("fedhca2", {"c": None}, "Method fedhca2: `c` should be a number"),
        ("fedhca2", {"c": 1.2}, "Parameter `c` should be in [0, 1). Found `c = 1.2`."),
        ("official", {"c": -0.1}, "Parameter `c` should be in [0, 1). Found `c = -0.1`."),
        ("fedhca2", {"c": float("nan")}, "Parameter `c` should be in [0, 1). Found `c = nan`."),
        ("fedhca2", {"alpha": 1.5}, "Hyper weights should start in [0, 1]. Found 1.5."),
        ("fedhca2", {"beta": -0.5}, "Hyper weights should start in [0, 1]. Found -0.5."),
        ("fedhca2", {"solver": "slsqp"}, "Method fedhca2: `solver` should be one of 'exact'"),
        ("fedhca2", {"groups": "near"}, "Method fedhca2: `groups` should be one of 'equal', 'adjacent'"),
        ("fedhca2", {"logits": "cosinus"}, "Method fedhca2: `logits` should be one of 'cosine'"),
        ("fedhca2", {"bounds": "clip"}, "Method fedhca2: `bounds` should be one of 'project'"),
        ("fedhca2", {"hyper_gradient": "x"}, "Method fedhca2: `hyper_gradient` should be one of 'cosine'"),
        ("fedhca2", {"temperature": 0}, "Parameter `temperature` should be above 0. Found `temperature = 0.0`."),
        ("fedhca2", {"hyper_learning_rate": -1}, "Parameter `hyper_learning_rate` should be a number, at least 0."),
        ("official", {"hyper_momentum": -1}, "Parameter `hyper_momentum` should be a number, at least 0."),
        ("official", {"hyper_weight_decay": -1}, "Parameter `hyper_weight_decay` should be a number, at least 0."),
        ("trimmed", {"share": 0.5}, "Parameter `share` should be in [0, 0.5). Found `share = 0.5`."),
        ("multikrum", {"byzantine": -1}, "Parameter `byzantine` should be at least 0. Found `byzantine = -1`."),
        ("median", {"decoder_scope": "same_task"}, "Method median: `decoder_scope` should be one of 'own'"),
        ("fedavg", {"decoder_scope": "mine"}, "Method fedavg: `decoder_scope` should be one of 'all', "),
        ("fedavg", {"by_examples": "perhaps"}, "Method fedavg: `by_examples` should be true or false"),
    ],
)
def test_a_wrong_name_or_value_is_said_in_one_line(name: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(RecipeError) as error:
        make_method(name, **options)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"c": 0}, {"c": "0.3"}, {"temperature": 1}])
def test_numbers_as_yaml_writes_them_are_welcome(options: dict[str, Any]) -> None:
    assert make_method("fedhca2", **options).name == "fedhca2"
