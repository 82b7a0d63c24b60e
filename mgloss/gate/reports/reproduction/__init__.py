"""Files that show a counterexample again: a snippet and a regression test."""
