"""The spool: where a message waits, sealed, while the database refuses to write (R9)."""

import base64
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from channels.contract import Address, Attachment, Inbound, Receipt
from channels.vault import Vault, WrongKey

SUFFIX = ".sealed"


class Spool:
    """A folder of sealed messages, each whole on disk before `put` returns."""

    def __init__(self, folder: Path, vault: Vault):
        self.folder, self.vault = folder, vault

    def prepare(self) -> None:
        """Make the folder and prove that it can be written; OSError if not: without it we must not start."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = self.folder / ".trial"
        trial.write_bytes(b"x")
        trial.unlink()

    def put(self, message: Inbound | Receipt) -> Path:
        """Write one message: a temporary file, fsync, rename, fsync of the folder."""
        kind = "receipt" if isinstance(message, Receipt) else "inbound"
        plain = json.dumps({"kind": kind, **asdict(message)}, default=_as_json).encode()
        temporary = self.folder / f".{secrets.token_hex(8)}"
        with temporary.open("wb") as file:
            file.write(self.vault.seal(plain, "spool"))
            file.flush()
            os.fsync(file.fileno())
        final = self.folder / f"{self._next_number():012d}-{secrets.token_hex(4)}{SUFFIX}"
        temporary.rename(final)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return final

    def waiting(self) -> list[Path]:
        """The spooled files, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []

    def messages(self) -> Iterator[tuple[Path, Inbound | Receipt]]:
        """Each spooled message with its file, oldest first; what cannot be opened is set aside as .unreadable."""
        for path in self.waiting():
            try:
                yield path, _from_json(json.loads(self.vault.open(path.read_bytes(), "spool")))
            except (WrongKey, ValueError, KeyError, TypeError):
                path.rename(path.with_suffix(".unreadable"))

    def _next_number(self) -> int:
        last = self.waiting()[-1:]
        return int(last[0].name.split("-")[0]) + 1 if last else 1


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
        Attachment(item["filename"], item["content_type"], base64.b64decode(item["content"]))
        for item in fields["attachments"]  # type: ignore[attr-defined]
    )
    return Inbound(**values)  # type: ignore[arg-type]
