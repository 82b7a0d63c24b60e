"""An example database that several machines share: what one found, another finds at once."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import configuration
from hypothesis.database import InMemoryExampleDatabase

from mgloss.gate.checks.databases import EXPECTED, Shared, opened
from mgspec import LAWS, search, specification
from tests.gate.conftest import LOSSES, run_mgloss

LAW = "sharding"
FOUND = {(LAW, "location"), (LAW, "classification")}


@dataclass(frozen=True)
class Answer:
    """What a machine's check said."""

    status: int
    broken: set[tuple[str, str]]
    text: str


Machine = Callable[..., Answer]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Runs a check in a folder of its own, as another machine would: nothing else is shared."""

    def run(name: str, *arguments: object, **environment: str) -> Answer:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        shutil.copy(LOSSES, folder / "losses.py")
        asked = ("check", "losses.py:by_positives", "--law", LAW, "--json", "out.json")
        result = run_mgloss(folder, *asked, *arguments, columns=200, **environment)
        text = result.stdout + result.stderr
        assert "Traceback" not in text, text
        broken = set()
        if result.returncode != 2:
            document = json.loads((folder / "out.json").read_text(encoding="utf-8"))
            broken = {
                (v["law"], v["component"]) for v in document["verdicts"] if v["status"] == "broken"
            }
        return Answer(result.returncode, broken, " ".join(text.split()))

    return run


ONE_EXAMPLE = ("--max-examples", 1, "--seed", 7)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL of a Redis server of its own, and its process."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path / "redis"
    place.mkdir()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(place), "--save", ""]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/3", server
    finally:
        server.terminate()
        server.wait()


def test_without_a_database_one_example_finds_nothing(machine: Machine) -> None:
    told = machine("b", *ONE_EXAMPLE)
    assert (told.status, told.broken) == (0, set())


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_what_one_machine_found_another_finds_at_once_through_redis(
    workers: int, redis: tuple[str, subprocess.Popen[bytes]], machine: Machine
) -> None:
    url, _ = redis
    assert machine("a", "--database", url, "-n", workers).broken == FOUND
    for name in ("b", "c"):  # a counterexample that was used is kept
        told = machine(name, "--database", url, "-n", workers, *ONE_EXAMPLE)
        assert (told.status, told.broken) == (1, FOUND)


def test_what_one_machine_found_another_finds_at_once_through_a_directory(
    machine: Machine, tmp_path: Path
) -> None:
    shared = tmp_path / "shared" / "examples"
    assert machine("a", "--database", shared).broken == FOUND
    assert machine("b", "--database", shared, *ONE_EXAMPLE).broken == FOUND


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """The folder that Hypothesis keeps what it downloads in."""
    configuration.set_hypothesis_home_dir(tmp_path / "storage")
    yield tmp_path / "storage"
    configuration.set_hypothesis_home_dir(None)


def artifact(folder: Path, storage: Path) -> None:
    """An example database as Hypothesis keeps an artifact that it has downloaded."""
    kept = storage / "github-artifacts" / "hypothesis-example-db"
    kept.mkdir(parents=True)
    name = datetime.now(timezone.utc).isoformat().replace(":", "_")
    with zipfile.ZipFile(kept / f"{name}.zip", "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))


@pytest.mark.nightly
def test_what_a_ci_job_uploaded_is_found_at_once_and_what_is_new_goes_into_a_folder(
    machine: Machine, tmp_path: Path, storage: Path
) -> None:
    assert machine("ci", "--database", "examples").broken == FOUND
    artifact(tmp_path / "ci" / "examples", storage)
    told = machine("b", "--database", "github:somebody/something", *ONE_EXAMPLE)
    assert (told.status, told.broken) == (1, FOUND)
    local = tmp_path / "b" / "mgloss-examples"
    assert local.is_dir()
    # The folder beside it has them now too.
    (tmp_path / "c").mkdir()
    local.rename(tmp_path / "c" / "mine")
    assert machine("c", "--database", "mine", *ONE_EXAMPLE).broken == FOUND


UNREACHABLE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
WRONG = {
    "redis://127.0.0.1:1/0": "redis://127.0.0.1:1/0: Redis does not answer:",
    "redis://user:hidden@127.0.0.1:1": "redis://127.0.0.1:1: Redis does not answer:",
    "redis://127.0.0.1:port": "the URL of Redis: Port could not be cast",
    "redis://127.0.0.1:99999": "the URL of Redis: Port out of range",
    "redis:///0": "expected redis://HOST:PORT/NUMBER",
    "redis:6379": "expected redis://HOST:PORT/NUMBER",
    "redis://127.0.0.1/zero": "expected redis://HOST:PORT/NUMBER",
    "https://127.0.0.1/": f"expected {EXPECTED}",
    "github:somebody": "github:somebody: expected github:OWNER/REPOSITORY",
    "github:somebody/../x": "expected github:OWNER/REPOSITORY",
    "github:some body/x": "expected github:OWNER/REPOSITORY",
    "github:somebody/something": "Could not connect to GitHub",
    "": f"expected {EXPECTED}",
    "losses.py": "losses.py: cannot be made: File exists",
    "losses.py/below": "cannot be made: Not a directory",
    "/proc/nowhere": "/proc/nowhere: cannot be made:",
}


@pytest.mark.parametrize("where", WRONG)
def test_a_wrong_database_is_refused_before_any_work(
    where: str, machine: Machine, tmp_path: Path, storage: Path
) -> None:
    told = machine("b", "--database", where, **UNREACHABLE)
    assert told.status == 2
    assert told.text.startswith("mgloss: --database ")
    assert WRONG[where] in told.text
    assert "hidden" not in told.text
    left = {path.name for path in (tmp_path / "b").iterdir()}
    assert left == {"losses.py"}


def test_without_the_package_redis_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "hypothesis.extra.redis", raising=False)
    with pytest.raises(ValueError, match=r"pip install 'mgloss\[redis\]'"):
        opened("redis://127.0.0.1:6379/0")


def test_none_is_asked_for_and_none_is_opened() -> None:
    assert opened(None) is None


class Failing(InMemoryExampleDatabase):
    """Answers a few times, and then no more."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.answers = answers

    def fetch(self, key: bytes) -> Iterator[bytes]:
        self._answer()
        yield from super().fetch(key)

    def save(self, key: bytes, value: bytes) -> None:
        self._answer()
        super().save(key, value)

    def delete(self, key: bytes, value: bytes) -> None:
        self._answer()
        super().delete(key, value)

    def _answer(self) -> None:
        self.answers -= 1
        if self.answers < 0:
            raise ConnectionError("gone")


LOSS = replace(specification("batch"), run=specification("positives").run)


@pytest.mark.parametrize(
    ("law", "answers"),
    [
        *(("density_monotone", answers) for answers in (0, 2, 4)),
        *(
            pytest.param("object_monotone", answers, marks=pytest.mark.nightly)
            for answers in (0, 1, 2, 3, 5, 8, 13, 40)
        ),
    ],
)
def test_a_database_that_dies_midway_changes_no_verdict(law: str, answers: int) -> None:
    database = Shared("somewhere", Failing(answers))
    with_it = search(LAWS[law], LOSS, seed=0, database=database)
    without = search(LAWS[law], LOSS, seed=0)
    assert [(v.status, v.message) for v in with_it] == [(v.status, v.message) for v in without]
    assert "the example database somewhere failed" in database.failure
    assert "gone" in database.failure


def test_redis_that_is_gone_before_the_search_changes_no_verdict(
    redis: tuple[str, subprocess.Popen[bytes]],
) -> None:
    url, server = redis
    database = opened(url)
    assert database is not None
    server.terminate()
    server.wait()
    with_it = search(LAWS["density_monotone"], LOSS, seed=0, database=database)
    assert {v.status for v in with_it} == {"broken"}
    assert "failed, and the search went on without it" in database.failure
