"""Write spec/README.md, or with --check, report whether it is up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mgspec.page import page
from mgspec.saved.files import write_text

SPEC = Path(__file__).parents[2]


def main(arguments: list[str] | None = None, folder: Path = SPEC) -> int:
    """Return the exit status: 1 if --check finds the page stale, or if there is no source tree."""
    parser = argparse.ArgumentParser(prog="python -m mgspec.page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    options = parser.parse_args(arguments)
    readme = folder / "README.md"
    if not readme.is_file():
        print(f"{readme}: not found; this works in the source tree only", file=sys.stderr)
        return 1
    text = page()
    fresh = readme.read_text(encoding="utf-8") == text
    if options.check:
        if not fresh:
            print(f"{readme} is out of date: run python -m mgspec.page", file=sys.stderr)
        return 0 if fresh else 1
    if not fresh:
        write_text(readme, text)
    print(readme)
    return 0


if __name__ == "__main__":
    sys.exit(main())
