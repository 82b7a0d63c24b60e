"""The specification as Markdown: the whole page, and the section of one name.

The text about a law or a normalization comes from `mgspec.laws`, from
`mgspec.problem.normalizations` and from the committed witnesses. The texts written by hand are the
Markdown files in this folder.

    python -m mgspec.page              # writes spec/README.md
    python -m mgspec.page --check      # reports whether it is up to date
"""

from mgspec.page.markdown import without_links
from mgspec.page.sections import Section, explanation, page

__all__ = ["Section", "explanation", "page", "without_links"]
