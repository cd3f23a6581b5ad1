"""Namers: the type of a region. One protocol, one file a kind."""
