"""Names of the built-in descriptions of problems, for help texts.

They stand here a second time, because importing the descriptions takes half a second, and `--help`
must be quick. A test compares the names with `mgspec.problem.descriptions.BUILT_IN`.
"""

BUILT_IN_PROBLEMS = ("queries", "anchors", "grids")
