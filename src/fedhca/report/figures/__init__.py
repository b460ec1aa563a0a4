"""The figures of the report, each a pure function from plain numbers to a figure of matplotlib, one file each.

matplotlib is asked for here and nowhere below this floor.
"""

from fedhca.errors import FedhcaError

try:
    import matplotlib  # noqa: F401  asked for once, here, so that its absence is one clear line
except ModuleNotFoundError:
    raise FedhcaError("The report needs matplotlib. Found none. Install it: pip install 'fedhca[figures]'") from None
