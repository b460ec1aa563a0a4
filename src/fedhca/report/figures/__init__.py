"""The figures of the report, each a pure function from plain numbers to a figure of matplotlib, one file each.

matplotlib is asked for here and nowhere below this floor.
"""

from fedhca.extras import require

require("figures", "The report")  # asked for once, here, so that its absence is one clear line
