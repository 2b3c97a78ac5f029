"""Every code has its sentence, and a projection its words."""

from __future__ import annotations

import pytest

from services.core.gates import Code, Target
from services.core.projection import FULL, Attribution, Fact, Place, Projection, Time
from services.core.words import OUTCOMES, SENTENCES, projection_words


def test_every_code_has_one_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(Code)
    assert len(set(SENTENCES.values())) == len(SENTENCES)


@pytest.mark.parametrize("code", Code)
def test_a_sentence_is_a_sentence_without_codes(code: Code) -> None:
    sentence = SENTENCES[code]
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "_" not in sentence


def test_every_outcome_has_its_words() -> None:
    assert set(OUTCOMES) == {target.value for target in Target}


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        (Projection(0, 0, 0, 0), ""),
        (FULL, "everything; exact place; exact time; source named"),
        (
            Projection(Fact.WHAT | Fact.WHERE, Place.ADMIN1, Time.DAY, Attribution.ANONYMOUS),
            "what, where; first-level area; day; source not shown",
        ),
        (Projection(Fact.ADVICE, Place.UNKNOWN, Time.UNKNOWN, Attribution.CATEGORY), "advice; source by category"),
    ],
)
def test_a_projection_in_words(projection: Projection, words: str) -> None:
    assert projection_words(projection.text) == words
