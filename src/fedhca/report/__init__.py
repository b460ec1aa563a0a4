"""Reports: Δm, tables, pictures."""
