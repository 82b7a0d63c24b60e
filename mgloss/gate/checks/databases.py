"""Example databases that several machines share, by Hypothesis's own means."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    GitHubArtifactDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)
from hypothesis.errors import HypothesisWarning

from mgloss.gate.losses.output import plain_text

EXPECTED = "a directory, redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY"
LOCAL = "mgloss-examples"  # a GitHub database is read-only: keep new examples here
PATIENCE = 5  # seconds to wait for Redis


class Shared(ExampleDatabase):
    """A database that may fail at any time; from then on it is empty and keeps nothing.

    No verdict depends on kept examples: the search goes on without them.
    failure: what the first failure was; empty while there was none.
    """

    def __init__(self, where: str, database: ExampleDatabase) -> None:
        super().__init__()
        self.where = where
        self.database = database
        self.failure = ""

    def save(self, key: bytes, value: bytes) -> None:
        """Keep an example."""
        self._try(self.database.save, key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The examples kept."""
        return self._try(lambda: list(self.database.fetch(key))) or ()

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget an example."""
        self._try(self.database.delete, key, value)

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        """Keep an example under another key."""
        self._try(self.database.move, src, dest, value)

    def _try(self, do: Callable[..., Any], *arguments: bytes) -> Any:
        if self.failure:
            return None
        try:
            return do(*arguments)
        except Exception as error:
            self.failure = (
                f"the example database {self.where} failed, and the search went on without it: "
                f"{plain_text(error)}"
            )
            return None


def opened(where: str | None) -> Shared | None:
    """Open the database at a place, and ask it once to see that it answers.

    where: a directory, redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY; None for none.

    Raises ValueError, saying what would do, if there is none.
    """
    if where is None:
        return None
    scheme, _, rest = where.partition(":")
    if scheme in ("redis", "rediss"):
        return _redis(where)
    if scheme == "github":
        return _github(where, rest)
    if "://" in where or not where:
        raise ValueError(f"{where!r}: expected {EXPECTED}")
    return Shared(where, _directory(Path(where)))


def _directory(path: Path) -> ExampleDatabase:
    # Hypothesis passes over what it cannot write, and so would keep nothing without a word.
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{path}: cannot be made: {error.strerror or error}") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ValueError(f"{path}: cannot be written")
    return DirectoryBasedExampleDatabase(path.resolve())


def _redis(url: str) -> Shared:
    try:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}{parts.path}"
    except ValueError as error:
        raise ValueError(f"the URL of Redis: {error}; expected {EXPECTED}") from None
    if not parts.hostname or not re.fullmatch(r"(/\d*)?", parts.path):
        raise ValueError(f"{place}: expected redis://HOST:PORT/NUMBER")
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis, RedisError
    except ImportError:
        raise ValueError(f"{place}: needs the package redis: pip install 'mgloss[redis]'") from None
    try:
        client = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        client.ping()
    except (RedisError, ValueError, OSError) as error:
        raise ValueError(
            f"{place}: Redis does not answer: {plain_text(error)}; is it running there?"
        ) from None
    return Shared(place, RedisExampleDatabase(client))


def _github(where: str, rest: str) -> Shared:
    parts = rest.split("/")
    if len(parts) != 2 or not all(re.fullmatch(r"[\w.-]+", part, re.ASCII) for part in parts):
        raise ValueError(f"{where}: expected github:OWNER/REPOSITORY")
    artifacts = GitHubArtifactDatabase(parts[0], parts[1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HypothesisWarning)
        try:
            list(artifacts.fetch(b""))
        except Exception as error:  # whatever the answer was, it is no artifact
            raise ValueError(f"{where}: {plain_text(error)}") from None
    # An old artifact that is still here does; it is what Hypothesis falls back to.
    if caught and not list(artifacts.path.glob("*.zip")):
        raise ValueError(f"{where}: " + " ".join(str(w.message).strip() for w in caught))
    local = _directory(Path(LOCAL))
    return Shared(where, MultiplexedDatabase(local, ReadOnlyDatabase(artifacts)))
