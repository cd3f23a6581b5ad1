"""Pictures against sentences: what the zero-shot detector sees with."""
