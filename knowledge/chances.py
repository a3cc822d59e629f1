"""How likely each candidate is right, and that none is: a line and a few bends over what was measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Curve:
    """A score of features: a line, and bends (tanh) where two features mean more, or less, together than apart."""

    line: Floats  # (features)
    bends: Floats  # (features, bends)
    shift: Floats  # (bends)
    pull: Floats  # (bends)
    base: float

    def score(self, rows: Floats) -> Floats:
        bent = np.tanh(rows @ self.bends + self.shift) @ self.pull
        return np.asarray(rows @ self.line + bent + self.base, dtype=np.float32)

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        return {
            f"{name}_line": self.line, f"{name}_bends": self.bends, f"{name}_shift": self.shift,
            f"{name}_pull": self.pull, f"{name}_base": np.array([self.base], dtype=np.float32),
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Curve:
        line, bends, shift, pull = (arrays[f"{name}_{part}"] for part in ("line", "bends", "shift", "pull"))
        return cls(line, bends, shift, pull, float(arrays[f"{name}_base"][0]))


@dataclass(frozen=True, eq=False)
class Judge:
    """Turns the evidence for one question into chances that add up to one."""

    candidate: Curve
    null: Curve

    def chances(self, rows: Floats, null: Floats) -> Floats:
        """Chances that each candidate is right; what is missing to one is the chance that none is."""
        scores = np.append(self.candidate.score(rows), self.null.score(null[None, :]))
        found = np.exp(scores - scores.max())
        return np.asarray(found[:-1] / found.sum(), dtype=np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return self.candidate.arrays("candidate") | self.null.arrays("null")

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Judge:
        return cls(Curve.of(arrays, "candidate"), Curve.of(arrays, "null"))
