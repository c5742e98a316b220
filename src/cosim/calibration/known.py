"""The known effects S1 to S5: the published figure beside what a trial on the model gives.

S3, S4 and S5 rest on figures that are also inputs: they verify the implementation and are not
called validation (evidence.md). The trials are in `trials`, what their sums say in `estimates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.calibration import trials
from cosim.calibration.bench import Bench, results
from cosim.calibration.estimates import READERS, Effect, Lang
from cosim.effects_text import number, percent
from cosim.errors import CosimError

if TYPE_CHECKING:
    import pandas as pd

    from cosim.calibration.posterior import Posterior

#: Called with the number of trials, or of sets, done.
Progress = Callable[[int], None]

#: Replicates of each trial, for one that is asked: where events are rare, more are needed.
REPEATS = {"meeting": 20, "introduction": 4, "place": 6, "accompaniment": 6, "support": 1}


def effects(
    values: Mapping[str, float] | None = None,
    rules: Mapping[str, str] | None = None,
    seed: int = 1,
    replicates: int = 30,
    territory: str = "",
    progress: Progress | None = None,
) -> tuple[Effect, ...]:
    """Run the five trials on the model; return nine effects in the order S1 to S5.

    Parameters
    ----------
    values : parameter -> value, where other than the ledger's default
    rules : rival rule -> choice, where other than the default
    replicates : of the last trial; the others are repeated as `REPEATS` says
    territory : code; empty for that of the scenario reference-2010
    progress : called with the number of trials done, of five

    Raises
    ------
    CosimError : an unknown parameter, rule or territory; fewer than 2 replicates
    """
    if replicates < 2:
        raise CosimError("an interval needs replicates", key="replicates", found=replicates,
                         expected="2 or more")  # fmt: skip
    bench = Bench(values or {}, rules or {}, territory)
    made: list[Effect] = []
    for done, (name, read) in enumerate(READERS.items(), 1):
        one = getattr(trials, name)(bench, seed)
        made.extend(read(results(one, replicates * REPEATS[name])))
        if progress:
            progress(done)
    return tuple(made)


def sets(sample: Posterior, n: int) -> list[dict[str, float]]:
    """Return `n` sets of a posterior, spread evenly over its file.

    Raises
    ------
    CosimError : there are not as many
    """
    if not 1 <= n <= len(sample):
        raise CosimError("not as many sets", key="posterior-draws", found=n,
                         expected=f"1 to {len(sample)}")  # fmt: skip
    return [sample.parameters(k * len(sample) // n) for k in range(n)]


def over(
    draws: Iterable[Mapping[str, float]], progress: Progress | None = None, **how: Any
) -> pd.DataFrame:
    """Return what the effects are over parameter sets, such as draws of a posterior.

    Parameters
    ----------
    draws : parameter -> value, one mapping per set
    progress : called with the number of sets done
    how : as of `effects`

    Returns
    -------
    DataFrame : code, effect, median, low, high (5 and 95 % of the sets), met (share of the sets)
    """
    import pandas as pd

    tables = []
    for draw in draws:
        tables.append(table(effects(draw, **how)))
        if progress:
            progress(len(tables))
    whole = pd.concat(tables)
    groups = whole.groupby(["code", "effect"], sort=False)
    return groups.agg(
        median=("value", "median"),
        low=("value", lambda x: x.quantile(0.05)),
        high=("value", lambda x: x.quantile(0.95)),
        met=("met", "mean"),
    ).reset_index()


# -- words --------------------------------------------------------------------------------


def table(found: Sequence[Effect]) -> pd.DataFrame:
    """Return a row per effect: code, effect, published, limits, value, interval, met, sure."""
    import pandas as pd

    hidden = ("fr", "en", "beside")
    return pd.DataFrame([{k: v for k, v in e.as_json().items() if k not in hidden} for e in found])


def cells(effect: Effect, lang: Lang = "fr") -> tuple[str, str, str, str, str, str]:
    """Return code, what is compared, published, accepted, the model's figure, whether it holds."""
    return (
        effect.code,
        effect.text(lang),
        "–" if effect.published is None else _figure(effect.published, lang),
        accepted(effect, lang),
        f"{_figure(effect.value, lang)} ({_figure(effect.low, lang)} – "
        f"{_figure(effect.high, lang)})",
        _verdict(effect, lang),
    )


def accepted(effect: Effect, lang: Lang = "fr") -> str:
    """Return the limits in words."""
    low, high = effect.at_least, effect.at_most
    if low is None:
        return "–" if high is None else f"≤ {_figure(high, lang)}"
    return f"≥ {_figure(low, lang)}" if high is None else (
        f"{_figure(low, lang)} – {_figure(high, lang)}"
    )  # fmt: skip


def _figure(value: float, lang: Lang) -> str:
    """Return a number with two decimals, or none where it is large."""
    if not np.isfinite(value):
        return "–"
    return number(value, 0 if abs(value) >= 100 else 2, lang)


def _verdict(effect: Effect, lang: Lang) -> str:
    word = {True: ("oui", "yes"), False: ("non", "no")}[effect.met][lang == "en"]
    if effect.sure:
        return word
    return f"{word} ({'limit inside the interval' if lang == 'en' else 'borne dans l’intervalle'})"


def conditions(found: Sequence[Effect], lang: Lang = "fr") -> list[str]:
    """Return a line per figure that stands beside an effect, with its limits if it has any."""
    lines = []
    for figure, code in dict.fromkeys((f, e.code) for e in found for f in e.beside):
        limits = ""
        if figure.low is not None and figure.high is not None:
            word = "wanted" if lang == "en" else "voulu"
            limits = f" ({word} {_figure(figure.low, lang)} – {_figure(figure.high, lang)})"
        text = figure.en if lang == "en" else figure.fr
        lines.append(f"{code}: {text} {_small(figure.value, lang)}{limits}")
    return lines


def _small(value: float, lang: Lang) -> str:
    """Return a figure that may be a rare share."""
    return number(value, 5, lang) if 0 < abs(value) < 0.01 else _figure(value, lang)


def markdown(found: Sequence[Effect], lang: Lang = "en") -> str:
    """Return the table and its conditions as a part of `docs/calibration.md`."""
    head = HEAD[lang == "en"]
    lines = [f"| {' | '.join(head)} |", "|---|---|--:|--:|--:|---|"]
    lines += [f"| {' | '.join(cells(effect, lang))} |" for effect in found]
    lines += ["", *(f"- {line}" for line in conditions(found, lang))]
    return "\n".join(lines) + "\n"


def over_cells(row: Mapping[Any, Any], lang: Lang = "fr") -> tuple[str, str, str, str]:
    """Return code, effect, median with the 90 % interval over sets, share of sets that hold."""
    low, median, high = (_figure(row[name], lang) for name in ("low", "median", "high"))
    share = percent(row["met"], lang, 0)
    return row["code"], row["effect"], f"{median} ({low} – {high})", share


#: Head of `over_cells` in French and English.
OVER_HEAD = (
    ("", "effet", "médiane (90 % des jeux)", "jeux où il tient"),
    ("", "effect", "median (90 % of sets)", "sets where it holds"),
)
#: Head of the table in French and English.
HEAD = (
    ("", "ce qui est comparé", "publié", "accepté", "modèle (95 %)", "tient"),
    ("", "what is compared", "published", "accepted", "model (95 %)", "holds"),
)
