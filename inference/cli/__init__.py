"""The command line of inference: one file a command, each with ``add_arguments`` and ``run``."""
