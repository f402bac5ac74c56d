"""The command line: one file per command, gathered in `penchant.cli.app`."""

from penchant.cli.app import main

__all__ = ["main"]
