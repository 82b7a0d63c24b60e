"""`pytest --loss` over hosts: two interpreters, started apart and reached over the network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from execnet.script import socketserver

from tests.gate.conftest import LOSSES, Run

LAWS = ("partition", "sharding", "replication", "pure", "empty", "gradient")
REQUEST = (*(f"--law={law}" for law in LAWS), "--law-examples=20")
START = 60  # seconds that a server may take to listen

# Writes down which process had it evaluated: a loss runs in a child of the one that judges it.
TELLING = f"""
import os, sys
from pathlib import Path
sys.path.append({str(LOSSES.parent)!r})
from losses import by_positives

def loss(problem):
    components = by_positives(problem)

    def telling(y_true, y_pred):
        (Path({{seen!r}}) / str(os.getppid())).touch()
        return components(y_true, y_pred)

    return telling
"""


@dataclass(frozen=True)
class Host:
    """A server of execnet's, in a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int

    @property
    def option(self) -> str:
        return f"--tx=socket=127.0.0.1:{self.port}"


def listening_port(log: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the system has given to a server that was started with port 0."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        _, found, after = log.read_text().partition("Entering Accept loop ('127.0.0.1', ")
        if found and ")" in after:
            return int(after.partition(")")[0])
        time.sleep(0.05)
    raise AssertionError(f"no server: {log.read_text()}")


@pytest.fixture
def hosts(tmp_path: Path, installed: dict[str, str]) -> Iterator[list[Host]]:
    started: list[subprocess.Popen[bytes]] = []
    found = []
    try:
        for name in ("one", "two"):
            folder = tmp_path / "hosts" / name
            folder.mkdir(parents=True)
            log = folder / "log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, socketserver.__file__, "127.0.0.1:0"],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**installed, "PYTHONUNBUFFERED": "1"},
                )
            started.append(process)
            found.append(Host(folder, process, listening_port(log, process)))
        yield found
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=START)


def told(junit: Path) -> dict[str, tuple[str, str]]:
    """By name of each test: how it ended, and in what words."""
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        said = [(child.tag, child.text or "") for child in case]
        found[case.attrib["name"]] = said[0] if said else ("passed", "")
    return found


@pytest.mark.nightly
def test_laws_are_spread_over_two_hosts_and_the_verdicts_are_those_of_one_process(
    users_pytest: Run, hosts: list[Host], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    mine = tmp_path / "mine.py"
    mine.write_text(TELLING.format(seen=str(seen)))
    request = (f"--loss={mine}:loss", *REQUEST)
    spread = users_pytest(
        *("-v", "-d", *(h.option for h in hosts)), *request, "--junitxml=spread.xml"
    )
    assert spread.returncode == 1, spread.stdout + spread.stderr

    assert {str(host.process.pid) for host in hosts} <= {file.name for file in seen.iterdir()}
    ended = re.findall(r"^\[(gw\d)\] .*::(\w+) *$", spread.stdout, re.MULTILINE)
    assert {host for host, _ in ended} == {"gw0", "gw1"}
    assert sorted(law for _, law in ended) == sorted(LAWS)

    users_pytest(*request, "--junitxml=alone.xml")
    found = told(tmp_path / "spread.xml")
    assert found == told(tmp_path / "alone.xml")
    assert found["partition"][0] == found["sharding"][0] == "failure"
    assert "location: L(X + Y) = 1, expected 0.5" in found["partition"][1]
    assert found["pure"][0] == "passed"
    assert found["gradient"][0] == "skipped"


@pytest.mark.nightly
def test_a_project_is_sent_along(users_pytest: Run, hosts: list[Host], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(LOSSES, project / "mine.py")
    (project / "test_mine.py").write_text(
        "def test_of_mine():\n    assert 'pyexecnetcache' in __file__\n"
    )
    result = users_pytest(
        *("-d", *(host.option for host in hosts), "--rsyncdir=project", "-v"),
        *("--loss=project/mine.py:by_positives", "--law=partition", "--law=pure"),
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 failed, 2 passed" in result.stdout
    assert "location: L(X + Y) = 1, expected 0.5" in result.stdout
    for host in hosts:
        assert (host.folder / "pyexecnetcache" / "project" / "mine.py").is_file()


@pytest.mark.nightly
def test_a_loss_that_a_host_does_not_have_is_told_by_each_law(
    users_pytest: Run, hosts: list[Host], tmp_path: Path
) -> None:
    shutil.copy(LOSSES, tmp_path / "mine.py")
    spread = ("-d", *(host.option for host in hosts))
    result = users_pytest(*spread, "--loss=mine.py:plain", "--law=pure", "--law=empty")
    assert result.returncode == 1
    assert "2 failed" in result.stdout
    assert result.stdout.count("--loss: mine.py: no such file") >= 2
    assert "Traceback" not in result.stdout
