"""The specification as Markdown: the whole page, and what is known under one name.

Everything said of a law or a normalization comes from `mgspec.laws`,
`mgspec.problem.normalizations` and the committed witnesses; the texts written by hand are the
Markdown files in this folder.

    python -m mgspec.page              # writes spec/README.md
    python -m mgspec.page --check      # says whether it is up to date
"""

from mgspec.page.markdown import without_links
from mgspec.page.sections import Section, explanation, page

__all__ = ["Section", "explanation", "page", "without_links"]
