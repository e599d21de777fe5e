"""Chooses how tight a learned model may be: what one part teaches has to hold for the rest.

A chain expression orders everything, also names that met once or never. Where an agent does the
same each time that is what a template is for; where it does whatever it is asked for it would alarm
on the next good run. So each fifth of the words is held against what the others teach, and the
tightest kind of model that nearly all of them keep is learned from all words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import msgspec

from causewatch.paths.infer import accepts, counts_of, infer, names_of
from causewatch.paths.sample import Word
from causewatch.paths.syntax import Model, opened

FOLDS_COUNT = 5
MIN_WORDS_COUNT = 10
"""From fewer words nothing can be spared: they are taken as they are."""
MISFIT_RATIO = 0.05
"""One in twenty words, and one in any case: what came once may come first in any part."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A model, and how many words held out of how many did not fit what the others taught."""

    model: Model
    misfits_count: int = 0
    held_out_count: int = 0


def settle(words: Sequence[Word]) -> Settled:
    """Return the tightest model of the words that holds for words it was not learned from."""
    if len(words) < MIN_WORDS_COUNT or not names_of(words):
        return Settled(model=infer(words))
    allowed_count = ceil(MISFIT_RATIO * len(words))
    for learn in (infer, counts_of):
        misfits_count = _misfits(learn, words)
        if misfits_count <= allowed_count:
            return Settled(
                model=learn(words), misfits_count=misfits_count, held_out_count=len(words)
            )
    return Settled(model=opened(), misfits_count=_misfits(infer, words), held_out_count=len(words))


def _misfits(learn: Callable[[Sequence[Word]], Model], words: Sequence[Word]) -> int:
    """Return how many words do not fit the model of those in the other folds."""
    misfits_count = 0
    for fold in range(FOLDS_COUNT):
        # Runs come in some order of their own: each fold takes every fifth of them.
        model = learn([word for i, word in enumerate(words) if i % FOLDS_COUNT != fold])
        misfits_count += sum(not accepts(model, word) for word in words[fold::FOLDS_COUNT])
    return misfits_count
