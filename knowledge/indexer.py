"""Builds an index in a process of its own: `python -m knowledge.indexer OUT.npz`, the material as JSON on its input.

OUT.json instead writes which entries steal each other's questions. `--semantic [OLD.npz]` makes an index that knows
meanings too, with the vectors of the older one where they still serve.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from knowledge import semantic
from knowledge.entries import Content
from knowledge.matching import Index, Material


def material(content: Content) -> Material:
    """What the matcher needs to know of an entry."""
    return Material(
        content.slug,
        content.kind,
        content.title,
        content.aliases,
        content.phrasings,
        content.answer,
        content.answers,
        content.status,
    )


def order(materials: Iterable[Material], none_messages: Mapping[str, Iterable[str]]) -> bytes:
    """What the child reads."""
    told = {"entries": [asdict(each) for each in materials], "none": {k: list(v) for k, v in none_messages.items()}}
    return json.dumps(told, ensure_ascii=False).encode()


def main(out: str, *more: str) -> None:
    from knowledge import training  # what learns stays in this process

    _step_back()

    told = json.loads(sys.stdin.buffer.read())
    entries = [
        Material(**{key: tuple(value) if isinstance(value, list) else value for key, value in each.items()})  # type: ignore[arg-type]
        for each in told["entries"]
    ]
    path = Path(out)
    if path.suffix == ".json":
        path.write_text(json.dumps(asdict(training.overlap(entries, told["none"])), ensure_ascii=False), "utf-8")
    elif more:
        old = Index.load(Path(more[1])).arrays if more[1:] else None
        training.build(entries, told["none"], encode=semantic.load(), old=old).save(path)
    else:
        training.build(entries, told["none"]).save(path)


def _step_back() -> None:
    """Answers come first: this process runs when nobody else wants to, and is the first to go when memory runs out."""
    os.nice(10)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


if __name__ == "__main__":
    main(*sys.argv[1:])
