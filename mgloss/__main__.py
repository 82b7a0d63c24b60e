"""`python -m mgloss` is the command `mgloss`."""

from mgloss.gate.cli import main

main()
