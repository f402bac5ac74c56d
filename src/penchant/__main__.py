"""The command line as a module: `python -m penchant`."""

from penchant.cli import main

main()
