"""The spool: where a message waits, sealed, while the database refuses to write (R9)."""

import base64
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from channels.contract import Address, Attachment, Inbound, Receipt
from channels.vault import Vault, WrongKey

SUFFIX = ".sealed"
ASIDE = (".unreadable", ".refused")  # kept, out of the way; offered again at the next start


class Spool:
    """A folder of sealed messages, each whole on disk before `put` returns."""

    def __init__(
        self,
        folder: Path,
        vault: Vault,
        *,
        fsync: Callable[[int], None] = os.fsync,
        rename: Callable[[Path, Path], object] = Path.rename,
    ):
        self.folder, self.vault = folder, vault
        self._fsync, self._rename = fsync, rename
        self._naming = threading.Lock()
        self._last = 0

    def prepare(self) -> None:
        """Make the folder and prove that it can be written; OSError if not: without it we must not start.

        What was set aside is offered once more: the right key may be back, or a newer program knows better.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = self.folder / ".trial"
        trial.write_bytes(b"x")
        trial.unlink()
        for suffix in ASIDE:
            for path in self.folder.glob(f"*{suffix}"):
                path.rename(path.with_suffix(SUFFIX))

    def put(self, message: Inbound | Receipt) -> Path:
        """Write one message: a temporary file, fsync, rename, fsync of the folder."""
        kind = "receipt" if isinstance(message, Receipt) else "inbound"
        plain = json.dumps({"kind": kind, **asdict(message)}, default=_as_json).encode()
        temporary = self.folder / f".{secrets.token_hex(8)}"
        try:
            with temporary.open("wb") as file:
                file.write(self.vault.seal(plain, "spool"))
                file.flush()
                self._fsync(file.fileno())
                written = os.fstat(file.fileno()).st_mtime_ns
            final = self.folder / f"{self._after_all(written):020d}-{secrets.token_hex(4)}{SUFFIX}"
            self._rename(temporary, final)
        finally:
            temporary.unlink(missing_ok=True)  # half written, on a full disk
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            self._fsync(folder)
        finally:
            os.close(folder)
        return final

    def holds(self) -> bool:
        """Whether anything waits: cheap, however many they are."""
        try:
            with os.scandir(self.folder) as found:
                return any(each.name.endswith(SUFFIX) for each in found)
        except FileNotFoundError:
            return False

    def waiting(self) -> list[Path]:
        """The spooled files, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []

    def messages(self) -> Iterator[tuple[Path, Inbound | Receipt]]:
        """Each spooled message with its file, oldest first; what cannot be opened is set aside as .unreadable.

        One process at a time goes through a folder, so that the order holds; the others find nothing.
        """
        if not self.holds():
            return
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for path in self.waiting():
                try:
                    message = _from_json(json.loads(self.vault.open(path.read_bytes(), "spool")))
                except FileNotFoundError:  # another process was through just before
                    continue
                except (WrongKey, ValueError, KeyError, TypeError):
                    self.set_aside(path, ".unreadable")
                else:
                    yield path, message

    def reseal(self, write: bool = True) -> tuple[int, int]:
        """Seal what waits, or was set aside, under the current secret; how many, and how many no secret opens.

        Holds the folder like whoever drains it: a message that is taken in meanwhile does not come back.
        """
        if not self.folder.is_dir():
            return 0, 0
        vault, done, unreadable = self.vault.still(), 0, 0
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path in [*self.waiting(), *self.aside()]:
                sealed = path.read_bytes()
                if sealed.startswith(vault.sign):
                    continue
                try:
                    plain = vault.open(sealed, "spool")
                except WrongKey:
                    unreadable += 1
                    continue
                done += 1
                if not write:
                    continue
                temporary = self.folder / f".{secrets.token_hex(8)}"
                try:
                    with temporary.open("wb") as file:
                        file.write(vault.seal(plain, "spool"))
                        file.flush()
                        os.fsync(file.fileno())
                    temporary.rename(path)
                finally:
                    temporary.unlink(missing_ok=True)
        return done, unreadable

    def under_others(self) -> int:
        """How many files are not sealed under the current secret."""
        sign, count = self.vault.sign, 0
        for path in [*self.waiting(), *self.aside()]:
            try:
                with path.open("rb") as file:
                    count += file.read(len(sign)) != sign
            except FileNotFoundError:  # taken in just now
                continue
        return count

    def set_aside(self, path: Path, suffix: str = ".refused") -> None:
        """Keep a message out of the way of those behind it: what cannot be opened, or what the inbox cannot take."""
        path.rename(path.with_suffix(suffix))

    def aside(self) -> list[Path]:
        """What was set aside, for whoever looks after the machine."""
        return sorted(path for suffix in ASIDE for path in self.folder.glob(f"*{suffix}"))

    def _after_all(self, written: int) -> int:
        """The moment of writing, by the file system's clock, but always after the one before: names keep the order."""
        with self._naming:
            if not self._last:  # a clock set back must not put the new before the old
                self._last = max((int(path.name.split("-")[0]) for path in self.waiting()), default=0)
            self._last = max(written, self._last + 1)
            return self._last


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _from_json(fields: dict[str, object]) -> Inbound | Receipt:
    kind = fields.pop("kind")
    if kind == "receipt":
        return Receipt(**fields)  # type: ignore[arg-type]
    values: dict[str, object] = dict(fields)
    values["sender"] = Address(**fields["sender"])  # type: ignore[arg-type]
    values["heard_at"] = datetime.fromisoformat(str(fields["heard_at"]))
    values["warnings"] = tuple(fields["warnings"])  # type: ignore[arg-type]
    values["attachments"] = tuple(
        Attachment(
            item["filename"],
            item["content_type"],
            base64.b64decode(item["content"]),
            item.get("whole", False),
            item.get("inline", False),
        )
        for item in fields["attachments"]  # type: ignore[attr-defined]
    )
    return Inbound(**values)  # type: ignore[arg-type]
