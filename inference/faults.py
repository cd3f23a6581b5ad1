"""The one ancestor of faults that the person who asked can mend."""


class Fault(Exception):
    """The message is one sentence for that person: what is wrong, and what to do."""
