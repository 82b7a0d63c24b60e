"""Reports of `mgloss check`."""
