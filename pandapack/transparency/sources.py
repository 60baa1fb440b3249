"""Where a log is read: an address, which may be any static server with a mirror behind it, or a mirror's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import httpx

from pandapack.contracts.tlog.tiles import WIDTH, Bundle, Tile

LINES_A_FILE = 4_096
"""Entries of a file of a mirror, by the index of the first: as many as an answer of `/log/entries.ndjson` has."""
ANSWER_WAIT_S = 60.0
CONNECT_WAIT_S = 5.0
ANSWER_BYTES_MAX = 288 * 1024 * 1024
"""A file of the longest entries that there can be; of common ones it has two MiB."""

NOTHING_THERE = (400, 404, 409, 422)
"""What an address answers that has nothing of that kind, or not as of that size."""


def lines_path(first: int) -> str:
    """Of the file in which the entries from `first` on stand, a multiple of `LINES_A_FILE`."""
    return f"entries/{first:09d}.ndjson"


class Source(Protocol):
    """A log that is read. Paths are those below `/log/`."""

    name: str

    def get(self, path: str) -> bytes | None:
        """What lies there; None: nothing does. Raises Unanswered."""
        ...

    def lines(self, first: int, end: int) -> list[bytes] | None:
        """The entries `[first, end)` as lines, within one file; None: this source has no lines. Raises Unanswered."""
        ...


class Unanswered(Exception):
    """The address does not answer, or with what is no answer: what was asked, and what came back."""


class AddressSource:
    """A log by HTTP. `address`: what stands before `/log/`, such as `http://127.0.0.1:8100`."""

    def __init__(self, address: str) -> None:
        self.name = address.rstrip("/")
        timeout = httpx.Timeout(ANSWER_WAIT_S, connect=CONNECT_WAIT_S)
        self._client = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=True)
        self._file: tuple[str, list[bytes]] | None = None

    def close(self) -> None:
        """Ends its connections."""
        self._client.close()

    def get(self, path: str) -> bytes | None:
        return self.at(f"/log/{path}")

    def at(self, path: str) -> bytes | None:
        """What lies at any path of the address; None where it says that nothing does. Raises Unanswered."""
        status, body = self.answer(path)
        return body if status == httpx.codes.OK else None

    def answer(self, path: str) -> tuple[int, bytes]:
        """200 or one of `NOTHING_THERE`, and the body. Raises Unanswered."""
        url, found = f"{self.name}{path}", bytearray()
        try:
            with self._client.stream("GET", url) as answer:
                if answer.status_code not in (httpx.codes.OK, *NOTHING_THERE):
                    raise Unanswered(f"{url} answers {answer.status_code}")
                for chunk in answer.iter_bytes():
                    found += chunk
                    if len(found) > ANSWER_BYTES_MAX:
                        raise Unanswered(f"{url} answers more than {ANSWER_BYTES_MAX} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(f"{url} does not answer: {error}") from error
        return answer.status_code, bytes(found)

    def lines(self, first: int, end: int) -> list[bytes] | None:
        found = self.at(f"/log/entries.ndjson?from={first}&to={end}")
        if found is not None:
            return found.splitlines()
        start = first - first % LINES_A_FILE
        if self._file is None or self._file[0] != lines_path(start) or len(self._file[1]) < end - start:
            raw = self.get(lines_path(start))
            if raw is None:
                return None
            self._file = lines_path(start), raw.splitlines()
        return self._file[1][first - start : end - start]


class FolderSource:
    """A log in a mirror's folder."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = str(folder), folder

    def get(self, path: str) -> bytes | None:
        try:
            return (self._folder / "log" / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unanswered(f"{self._folder / 'log' / path} cannot be read: {error.strerror}") from error

    def lines(self, first: int, end: int) -> list[bytes] | None:
        start = first - first % LINES_A_FILE
        raw = self.get(lines_path(start))
        return None if raw is None else raw.splitlines()[first - start : end - start]


def source_of(address_or_folder: str) -> AddressSource | FolderSource:
    """By its beginning: http:// or https://, or else a folder."""
    if address_or_folder.startswith(("http://", "https://")):
        return AddressSource(address_or_folder)
    return FolderSource(Path(address_or_folder))


def read_wide(source: Source, wanted: Tile | Bundle) -> bytes | None:
    """A tile or a bundle; where a partial one is gone, the full one that it grew to, which begins with it."""
    found = source.get(wanted.path)
    if found is None and wanted.width < WIDTH:
        full = Tile(wanted.level, wanted.index) if isinstance(wanted, Tile) else Bundle(wanted.index)
        found = source.get(full.path)
    return found
