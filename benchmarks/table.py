"""Prints the tables of a benchmark run: python benchmarks/table.py out.json"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table


def main() -> None:
    """One table for each group of benchmarks."""
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/table.py FILE, of pytest --benchmark-json FILE")
    runs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["benchmarks"]
    console = Console(width=100)
    runs = [run for run in runs if "table" in run["extra_info"]]  # one that failed has none
    for title, group in groupby(runs, key=lambda run: run["extra_info"]["table"]):
        table = Table(title=title, title_justify="left", box=None)
        for column in ("work", "units", "for 100,000 cells", "median seconds", "memory"):
            table.add_column(column, justify="left" if column == "work" else "right")
        for run in group:
            info = run["extra_info"]
            units, cells, ratio = info.get("units"), info.get("cells"), info.get("ratio")
            seconds = None if ratio else run["stats"]["median"]
            table.add_row(
                info["row"],
                "" if units is None else f"{units:.1f}",
                "" if units is None or title != "growth with cells" else _relative(run, cells),
                "" if seconds is None else f"{seconds:.3f}",
                "" if ratio is None else f"{ratio:.2f} x",
            )
        console.print(table)
        console.print()


def _relative(run: dict, cells: int) -> str:
    """Milliseconds for 100,000 cells: constant where time grows linearly."""
    return f"{1e3 * run['stats']['median'] / cells * 1e5:.1f} ms"


if __name__ == "__main__":
    main()
