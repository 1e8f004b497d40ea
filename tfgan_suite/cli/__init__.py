"""The command line, `python -m tfgan_suite COMMAND`: one file per command."""
