"""Prints the tables of a benchmark run: python benchmarks/table.py out.json"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table

COUNTEREXAMPLES = "time to a counterexample"


def main() -> None:
    """One table for each group of benchmarks."""
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/table.py FILE, of pytest --benchmark-json FILE")
    runs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["benchmarks"]
    console = Console(width=100)
    runs = [run for run in runs if "table" in run["extra_info"]]  # one that failed has none
    for title, group in groupby(runs, key=lambda run: run["extra_info"]["table"]):
        if title == COUNTEREXAMPLES:
            console.print(_spread(title, list(group)))
            continue
        table = Table(title=title, title_justify="left", box=None)
        columns = ("work", "units", "for 100,000 cells", "median seconds", "memory")
        columns += ("examples/s", "on average")
        for column in columns:
            table.add_column(column, justify="left" if column == "work" else "right")
        for run in group:
            info = run["extra_info"]
            units, cells, ratio = info.get("units"), info.get("cells"), info.get("ratio")
            rate, mean = info.get("rate"), info.get("mean_rate")
            seconds = None if ratio or rate else run["stats"]["median"]
            table.add_row(
                info["row"],
                "" if units is None else f"{units:.1f}",
                "" if units is None or title != "growth with cells" else _relative(run, cells),
                "" if seconds is None else f"{seconds:.3f}",
                "" if ratio is None else f"{ratio:.2f} x",
                "" if rate is None else f"{rate:.0f}",
                "" if mean is None else f"{mean:.0f}",
            )
        console.print(table)
        console.print()


def _spread(title: str, runs: list[dict]) -> Table:
    """Median and 95th percentile over all faults of each one's median, and the slowest by name."""
    by_time = sorted(runs, key=lambda run: run["stats"]["median"])
    seconds = [run["stats"]["median"] for run in by_time]
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("")
    table.add_column("seconds", justify="right")
    table.add_row(f"median of {len(seconds)} faults", f"{quantiles(seconds, n=20)[9]:.2f}")
    table.add_row("95th percentile", f"{quantiles(seconds, n=20)[18]:.2f}")
    for run in by_time[:-4:-1]:
        table.add_row(f"slowest: {run['extra_info']['row']}", f"{run['stats']['median']:.2f}")
    return table


def _relative(run: dict, cells: int) -> str:
    """Milliseconds for 100,000 cells: constant where time grows linearly."""
    return f"{1e3 * run['stats']['median'] / cells * 1e5:.1f} ms"


if __name__ == "__main__":
    main()
