"""One file per way of seeing; ``inference.zoo`` knows them by name."""
