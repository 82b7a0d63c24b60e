"""The commands of `mgloss`, one file each. Each imports what it needs when it is called."""
