"""Write the tables of README.md that list what is registered in the code.

    python docs/tables.py            rewrite the tables
    python docs/tables.py --check    exit with status 1 if a table is out of date

A table stands between `<!-- registry: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY
from mgloss.gate.reports.registry import REPORTS
from mgspec import NORMALIZATIONS
from mgspec.problem.descriptions import BUILT_IN

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- registry: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

Row = tuple[str, ...]


def normalizations() -> Iterator[Row]:
    """Yield the name and formula of each normalization, and whether it needs E."""
    yield "`loss_normalization`", "value", "needs `expected`"
    for name, normalization in NORMALIZATIONS.items():
        yield f"`{name}`", f"`{normalization.text}`", "yes" if normalization.needs_expected else ""


def frameworks() -> Iterator[Row]:
    """Yield the name of each framework, the packages that reveal it, and how to install it."""
    yield "`--framework`", "a loss of these packages", "install"
    for name, framework in FRAMEWORKS.items():
        packages = ", ".join(framework.packages)
        yield f"`{name}`", packages, f"`pip install '.[{name}]'`" if name != NUMPY else ""


def problems() -> Iterator[Row]:
    """Yield the name of each built-in problem and the first sentence of its module."""
    yield "`--problem`", "what it describes"
    for name, description in BUILT_IN.items():
        module = inspect.getmodule(description.image)
        sentence, *_ = (inspect.getdoc(module) or "").splitlines()
        yield f"`{name}`", sentence.removeprefix(f"`{name}`: ")


def reports() -> Iterator[Row]:
    """Yield the option of each report, its help, and what it needs."""
    yield "report", "what it does", "needs"
    for report in REPORTS:
        extra = f"`pip install '.[{report.extra}]'`" if report.extra else ""
        yield f"`{report.option} FILE`", report.help, extra


REGISTRIES: dict[str, Callable[[], Iterator[Row]]] = {
    "normalizations": normalizations,
    "frameworks": frameworks,
    "problems": problems,
    "reports": reports,
}


def table(rows: Iterator[Row]) -> str:
    """Return rows as a Markdown table; the first row is the header."""
    header, *body = rows
    lines = [header, tuple("---" for _ in header), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def rewritten(text: str) -> str:
    """Return the text with every table written anew.

    Raise ValueError if a block names no registry, or a registry has no block.
    """
    missing = set(REGISTRIES) ^ {name for _, name, _ in BLOCK.findall(text)}
    if missing:
        raise ValueError(f"expected one block for each of {', '.join(REGISTRIES)}; see {missing}")
    return BLOCK.sub(lambda block: f"{block[1]}\n{table(REGISTRIES[block[2]]())}\n{block[3]}", text)


def main(arguments: Sequence[str] | None = None, file: Path = README) -> int:
    """Rewrite the tables of a file, or check them. Return the exit status."""
    parser = argparse.ArgumentParser(description="Write the tables of README.md.")
    parser.add_argument("--check", action="store_true", help="only report if they are out of date")
    options = parser.parse_args(arguments)
    before = file.read_text(encoding="utf-8")
    after = rewritten(before)
    if options.check:
        if before != after:
            print(f"{file.name}: out of date; run python docs/tables.py", file=sys.stderr)
        return int(before != after)
    file.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
