"""What the figures of the report are drawn with; each is drawn by its section, from plain numbers.

matplotlib is asked for here and nowhere below this floor.
"""

from fedhca.extras import require_extra

require_extra("figures", "The report")  # asked for once, here, so that its absence is one clear line
