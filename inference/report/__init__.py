"""The report of an evaluation: words, charts and picture sheets."""
