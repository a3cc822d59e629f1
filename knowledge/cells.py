"""Matrices that are mostly empty, row by row, as plain arrays: a question holds a hundred of 100,000 features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Cells:
    """Row n holds `values` at `columns`, from starts[n] to starts[n + 1]; everything else is nought."""

    starts: npt.NDArray[np.int64]
    columns: Integers
    values: Floats
    width: int

    @classmethod
    def of(cls, columns: Sequence[Integers], values: Sequence[Floats], width: int) -> Cells:
        """From the columns and the values of each row."""
        starts = np.concatenate([[0], np.cumsum([len(each) for each in columns], dtype=np.int64)])
        if not len(columns):
            return cls(starts, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32), width)
        return cls(starts, np.concatenate(columns), np.concatenate(values), width)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each cell."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def first(self, count: int) -> Cells:
        """The first rows."""
        last = int(self.starts[count])
        return Cells(self.starts[: count + 1], self.columns[:last], self.values[:last], self.width)

    def where(self, kept: npt.NDArray[np.bool_]) -> Cells:
        """The same rows, with only these cells."""
        starts = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[self.starts]
        return Cells(starts, self.columns[kept], self.values[kept], self.width)

    def over(self, columns: Integers, width: int) -> Cells:
        """The same cells over other columns: `columns` gives the new number of each, -1 where it is dropped."""
        renamed = replace(self, columns=columns[self.columns], width=width)
        return renamed.where(renamed.columns >= 0)

    def summed(self, groups: Integers, weights: Floats, count: int) -> Cells:
        """One row a group: the sum of its rows, each times its weight."""
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(count + 1)).tolist()
        columns, values = [], []
        for group in range(count):
            mine = order[bounds[group] : bounds[group + 1]].tolist()
            at = [slice(int(self.starts[n]), int(self.starts[n + 1])) for n in mine]
            if not at:
                columns.append(np.zeros(0, dtype=np.int32))
                values.append(np.zeros(0, dtype=np.float32))
                continue
            told = np.concatenate([self.values[each] * weights[n] for each, n in zip(at, mine, strict=True)])
            present, place = np.unique(np.concatenate([self.columns[each] for each in at]), return_inverse=True)
            columns.append(present)
            values.append(np.bincount(place, weights=told).astype(np.float32))
        return Cells.of(columns, values, self.width)

    def by_column(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """The same column by column, as the matcher reads them: `NAME_starts`, `NAME_owners` (rows), `NAME_values`."""
        order = np.argsort(self.columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.columns, minlength=self.width))])
        return {
            f"{name}_starts": starts.astype(np.int32),
            f"{name}_owners": self.rows[order].astype(np.int32),
            f"{name}_values": self.values[order],
        }
