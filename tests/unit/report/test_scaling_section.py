from pathlib import Path

import numpy as np
from studies import drawings, figure, measured, points, recorded, section, shown, whiskers

from fedhca.experiment.compare import Entry

ALONE = measured(50, 1.0, 40)
BETTER = {"×1": (0.8, 0.7), "×2": (0.4, 0.4), "×4": (1.0, 0.1)}
"""Depths of FedHCA² on two seeds; its other metrics are a tenth better than alone."""


def study(out: Path) -> list[Entry]:
    return [
        recorded(out / setting, method, [{"metrics": metrics}], seed=seed, setting=setting)
        for setting, depths in BETTER.items()
        for seed, depth in enumerate(depths)
        for method, metrics in (
            ("local", ALONE),
            ("fedhca2", measured(55, depth, 44)),
            *([("fedavg", measured(45, 1.1, 36))] if setting == "×2" else []),
        )
    ]


def test_gains_of_each_setting_with_their_deviation(tmp_path: Path) -> None:
    """Δm 13.33 and 16.67; 26.67 twice; 6.67 and 36.67."""
    found = shown("scaling", study(tmp_path))
    (axes,) = figure(drawings(found)["scaling"]).axes
    assert points(axes)["fedhca2"] == [(-0.015, 15), (0.985, 26.666667), (1.985, 21.666667)]
    averaged = dict(points(axes)["fedavg"])
    assert averaged[1.015] == -10
    assert sum(map(np.isnan, averaged.values())) == 2  # it was not run in the others
    assert whiskers(axes)[0] == [[-0.015, 12.643], [-0.015, 17.357]]  # 15 ± 2.357
    assert [label.get_text() for label in axes.get_xticklabels()] == ["×1", "×2", "×4"]
    assert drawings(found)["scaling"].alt == (
        "Δm by setting. fedhca2: ×1 +15.00 ± 2.36, ×2 +26.67 ± 0.00, ×4 +21.67 ± 21.21; "
        "fedavg: ×1 –, ×2 −10.00 ± 0.00, ×4 –."
    )


def test_one_setting_has_nothing_to_scale(tmp_path: Path) -> None:
    entries = [entry for entry in study(tmp_path) if entry.setting == "×2"]
    assert section("scaling", entries) is None
