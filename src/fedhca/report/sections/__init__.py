"""The sections of the report, one file each: from the runs to what stands on the page."""
