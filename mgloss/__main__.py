"""`python -m mgloss` is the command `mgloss`."""

from mgloss.gate.commands.cli import main

main()
