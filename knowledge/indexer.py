"""Builds an index in a process of its own: `python -m knowledge.indexer OUT.npz`, the material as JSON on its input.

OUT.json instead writes which entries steal each other's questions.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from knowledge.entries import Content
from knowledge.matching import Material


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


def main(out: str) -> None:
    from knowledge import training  # scikit-learn and scipy stay in this process

    told = json.loads(sys.stdin.buffer.read())
    entries = [
        Material(**{key: tuple(value) if isinstance(value, list) else value for key, value in each.items()})  # type: ignore[arg-type]
        for each in told["entries"]
    ]
    path = Path(out)
    if path.suffix == ".json":
        path.write_text(json.dumps(asdict(training.overlap(entries, told["none"])), ensure_ascii=False), "utf-8")
    else:
        training.build(entries, told["none"]).save(path)


if __name__ == "__main__":
    main(sys.argv[1])
