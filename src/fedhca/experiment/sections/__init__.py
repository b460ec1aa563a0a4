"""The sections of a recipe: what each may hold, validated before anything is built."""
