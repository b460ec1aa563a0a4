"""How numbers are written."""

import math
import re
from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean, stdev


def digits(unit: str, values: Sequence[float]) -> int:
    """Return how many decimals a metric deserves: two for percent and degrees, four for what is small.

    >>> digits("%", [0.4]), digits("m", [0.97, 1.11]), digits("m", [12.5])
    (2, 4, 2)
    """
    known = [abs(value) for value in values if math.isfinite(value)]
    return 2 if unit in {"%", "degrees"} or max(known, default=0) >= 10 else 4


def spread(values: Sequence[float], decimals: int, sign: str = "") -> str:
    """Write mean ± standard deviation; the value alone where there is one, `nan` where one was not measured.

    >>> spread([1.0, 2.0], 2), spread([1.0], 1), spread([float("nan")], 2)
    ('1.50 ± 0.71', '1.0', 'nan')
    """
    if not values or not all(map(math.isfinite, values)):
        return "nan"  # not measured in some run; what was is in the CSV
    mean = f"{fmean(values):{sign}.{decimals}f}"
    return f"{mean} ± {stdev(values):.{decimals}f}" if len(values) > 1 else mean


def signed_spread(values: Sequence[float]) -> str:
    """Write a gain.

    >>> signed_spread([-2.0, -4.0])
    '−3.00 ± 1.41'
    """
    return printed(spread(values, 2, "+"))


def percent(values: Sequence[float]) -> str:
    r"""Write a gain with its unit, on one line whatever the width of the page.

    >>> percent([1.5])
    '+1.50\xa0%'
    """
    return f"{signed_spread(values)} %".replace(" ", "\xa0")


def printed(text: str) -> str:
    """Write numbers as a printer would: a true minus; a dash for what was not measured."""
    text = re.sub(r"[+-](?=0\.?0*(?![.\d]))", "", text)  # of what rounds to nothing there is no sign
    return re.sub(r"-(?=\d)", "−", text) if text != "nan" else "–"


def slug(text: str) -> str:
    """Make a part of a file name of any text.

    >>> slug("×2, NYUD / PASCAL"), slug("…")
    ('x2-nyud-pascal', 'x')
    """
    return re.sub(r"[^a-z0-9.+=]+", "-", text.lower().replace("×", "x")).strip("-.") or "x"


def file_suffix(setting: str) -> str:
    """Return what the name of a setting adds to the name of a file.

    >>> file_suffix(""), file_suffix("×2")
    ('', '-x2')
    """
    return f"-{slug(setting)}" if setting else ""


def clock(seconds: float) -> str:
    """Write a duration.

    >>> clock(3725), clock(59.4), clock(0.25)
    ('1:02:05', '0:00:59', '0.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


def size(count: float) -> str:
    """Write a number of bytes.

    >>> size(512), size(2_500_000)
    ('512 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
