"""Tell the outcome of a check: on the terminal, to machines, in reviews, to people."""
