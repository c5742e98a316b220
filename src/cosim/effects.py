"""What a scenario changes from a reference: paired differences under the same luck.

The same replicate of two scenarios meets the same luck (random numbers are keyed, and not by the
scenario), so that a difference within a pair is the effect of what differs, and of nothing else
until the two histories part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import effects_text, uncertainty
from cosim.calibration.posterior import PAIR
from cosim.effects_text import FEW, Facts, Lang, number
from cosim.errors import ResultsError
from cosim.indicators import COLUMNS, INDICATORS, column, group_label
from cosim.results import Ensemble, ensemble
from cosim.state import Array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cosim.scenario import Scenario

__all__ = ["Cost", "Effect", "Stopping", "compare", "needed"]

BLUE, GREY = "#0072B2", "#444444"
#: Pairs of replicates before the first look at an interval, and from one look to the next. Even,
#: so that replicates that share a set of parameters come together.
LEAST = BATCH = 20
#: Pairs that a stopping rule adds at most, unless told otherwise.
MOST = 2000


class Cost(NamedTuple):
    """k€ of levers per additional living alliance, 95 % interval; None, and why there is none."""

    k_euros: float | None
    low: float | None
    high: float | None
    reason_fr: str = ""
    reason_en: str = ""


class Stopping(NamedTuple):
    """Why pairs were added until there were so many.

    Parameters
    ----------
    indicator, group, month : what was to be known, month as "YYYY-MM"
    half_width : the widest half of a 95 % interval of the mean difference that was asked for
    reached : half of that interval at the end
    most : pairs beyond which none was to be added
    """

    indicator: str
    group: str
    month: str
    half_width: float
    reached: float
    most: int

    @property
    def met(self) -> bool:
        """Whether the interval is as narrow as was asked for."""
        return self.reached <= self.half_width


@dataclass(frozen=True, eq=False)
class Effect:
    """A what-if beside its reference, replicate by replicate.

    Parameters
    ----------
    reference, scenario : ensembles with the same territory, period, seed and replicates
    names : language -> how sentences name the scenario, and the reference after "plus" (default:
        by what differs, or by its title)
    stopping : why there are so many pairs, where a half-width was asked for
    """

    reference: Ensemble
    scenario: Ensemble
    names: Mapping[str, tuple[str, str]] | None = None
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        check_pair(self.reference.scenario, self.scenario.scenario)
        for key, a, b in (
            ("territory", self.reference.place.code, self.scenario.place.code),
            ("seed", self.reference.seed, self.scenario.seed),
            ("replicates", self.reference.replicates, self.scenario.replicates),
            ("indicators", self.reference.columns, self.scenario.columns),
        ):
            if a != b:
                raise ResultsError(
                    "the two ensembles cannot be paired", key=key, found=b, expected=a
                )

    @property
    def n(self) -> int:
        """Number of pairs of replicates."""
        return self.reference.n

    @property
    def months(self) -> pd.DatetimeIndex:
        """First day of each month."""
        return self.reference.months

    def difference(self, indicator: str, group: str = "") -> Array:
        """Return scenario minus reference, float64[replicates, months]."""
        pairs: Array = self.scenario.array(indicator, group) - self.reference.array(
            indicator, group
        )
        return pairs

    @property
    def draws(self) -> bool:
        """Whether replicates draw their parameters, the same on both sides of a pair."""
        return self.reference.scenario.draws or self.scenario.scenario.draws

    def uncertainty(self, indicator: str, group: str = "", level: float = 0.9) -> pd.DataFrame:
        """Return what luck and parameters make of the spread of the difference, month by month.

        As `Ensemble.uncertainty`, of scenario minus reference.
        """
        import pandas as pd

        pairs = self.difference(indicator, group)
        bands = uncertainty.bands(pairs, self.reference.start, self.draws, level)
        return pd.DataFrame(bands._asdict(), index=self.months)

    def means(self, indicator: str, group: str = "", month: int | str = -1) -> tuple[float, float]:
        """Return the means of reference and scenario; they differ by the mean of the pairs."""
        row = self.row(month)
        before, after = self.reference, self.scenario
        return (
            float(before.array(indicator, group)[:, row].mean()),
            float(after.array(indicator, group)[:, row].mean()),
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """`table_at` each December and the last month, for every indicator and group."""
        december = np.flatnonzero(self.months.month == 12)
        return self.table_at(sorted({*december.tolist(), len(self.months) - 1}))

    def table_at(
        self, months: Sequence[int | str], indicators: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return one row per month, indicator and group.

        Parameters
        ----------
        months : numbers from the start (negative: from the end), or "YYYY-MM"
        indicators : names (default: all)

        Returns
        -------
        DataFrame : month, indicator, group; reference and scenario (medians); difference (mean
        of the pairs); low, high (quantiles .05 and .95 of the pairs); ci_low, ci_high (95 %
        interval of the mean); effect (mean over standard deviation of the pairs, NaN where all
        are equal and not zero); in_favour (share of pairs on the better side, NaN where neither
        side is better); parameters_share (of the variance of the pairs: 0 for fixed parameters,
        see `cosim.uncertainty`); replicates, territory
        """
        import pandas as pd

        names = list(INDICATORS) if indicators is None else list(indicators)
        for name in names:
            column(name, INDICATORS[name].groups[0] if name in INDICATORS else "")
        columns = self.reference.columns
        chosen = [k for k, (name, _) in enumerate(columns) if name in names]
        better = np.array([INDICATORS[columns[k][0]].better for k in chosen], dtype=np.float64)
        parts = []
        for row in (self.row(month) for month in months):
            before = self.reference.values[:, row, chosen]
            after = self.scenario.values[:, row, chosen]
            pairs = after - before
            mean = pairs.mean(axis=0)
            deviation, margin = spread(pairs, self.reference.start, self.draws)
            with np.errstate(divide="ignore", invalid="ignore"):
                effect = np.where(mean == 0.0, 0.0, mean / deviation)
            effect[(np.ptp(pairs, axis=0) == 0.0) & (mean != 0.0)] = np.nan
            in_favour = np.where(better == 0.0, np.nan, (pairs * better > 0.0).mean(axis=0))
            low, high = np.quantile(pairs, (0.05, 0.95), axis=0)
            parts.append(
                pd.DataFrame(
                    {
                        "month": self.months[row],
                        "indicator": [columns[k][0] for k in chosen],
                        "group": [columns[k][1] for k in chosen],
                        "reference": np.median(before, axis=0),
                        "scenario": np.median(after, axis=0),
                        "difference": mean,
                        "low": low,
                        "high": high,
                        "ci_low": mean - margin,
                        "ci_high": mean + margin,
                        "effect": effect,
                        "in_favour": in_favour,
                        "parameters_share": uncertainty.share(
                            pairs, self.reference.start, self.draws
                        ),
                        "replicates": self.n,
                        "territory": self.reference.place.code,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def sentence(
        self,
        lang: Lang = "fr",
        indicator: str = "alliances",
        group: str = "",
        month: int | str = -1,
    ) -> str:
        """Return what the scenario changes, as one sentence; honest when it is nothing."""
        row, names = self.row(month), self._names(lang)
        pairs = self.difference(indicator, group)[:, row]
        ends = (0.05, 0.95) if self.n >= FEW else (0.0, 1.0)
        low, high = np.quantile(pairs, ends)
        facts = Facts(
            reference=self.means(indicator, group, row)[0],
            mean=float(pairs.mean()),
            low=float(low),
            high=float(high),
            margin=float(spread(pairs, self.reference.start, self.draws)[1]),
            n=self.n,
            same=not pairs.any(),
            draws=self.draws,
        )
        label = self.reference.scenario.month_label(row)
        return effects_text.sentence(facts, indicator, group, label, names, lang)

    def frequency_sentence(
        self,
        lang: Lang = "fr",
        indicator: str = "alliances",
        group: str = "",
        month: int | str = -1,
    ) -> str:
        """Return in how many of the paired simulations the indicator is higher, lower, the same.

        Counts out of the number of pairs, as they are: what a reader understands best of a
        probability (Gigerenzer & Hoffrage 1995, Psychological Review 102:684).
        """
        row, names = self.row(month), self._names(lang)
        pairs = self.difference(indicator, group)[:, row]
        counts = int((pairs > 0.0).sum()), int((pairs < 0.0).sum()), self.n
        label = self.reference.scenario.month_label(row)
        return effects_text.frequencies(counts, indicator, group, label, names, lang)

    def _names(self, lang: Lang) -> tuple[str, str]:
        """Return how sentences name the scenario, and the reference after "plus"."""
        if lang not in ("fr", "en"):
            raise ResultsError("unknown language", key="lang", found=lang, expected="'fr' or 'en'")
        if self.names is not None:
            return self.names[lang]
        return effects_text.names((self.reference.scenario, self.scenario.scenario), lang)

    def cost(self, month: int | str = -1) -> Cost:
        """Return the k€ spent since the start per additional living alliance, on average.

        The ratio of the two mean differences and its 95 % interval (Fieller 1954, Journal of the
        Royal Statistical Society B 16:175). None, with the reason, where nothing more is spent or
        where the interval of the mean of additional alliances is not above zero.
        """
        row = self.row(month)
        spent, more = (self.difference(name)[:, row] for name in ("spending", "alliances"))
        if spent.mean() <= 0.0:
            return Cost(None, None, None, "le scénario ne dépense pas plus que la référence",
                        "the scenario spends no more than the reference")  # fmt: skip
        start, draws = self.reference.start, self.draws
        margin = float(spread(more, start, draws)[1])
        mean = float(more.mean())
        if np.isnan(margin):
            return Cost(None, None, None, "trop peu de simulations", "too few simulations")
        if mean - margin <= 0.0:
            fr, en = (
                [number(end, 1, lang) for end in (mean - margin, mean + margin)]
                for lang in ("fr", "en")
            )
            return Cost(
                None, None, None,
                "l'intervalle à 95\u202f% du nombre moyen d'alliances de plus n'est pas au-dessus "
                f"de zéro ({fr[0]} à {fr[1]})",
                "the 95% interval of the mean number of additional alliances is not above zero "
                f"({en[0]} to {en[1]})",
            )  # fmt: skip
        ratio = float(spent.mean()) / mean
        low, high = _fieller(spent, more, start, draws)
        return Cost(ratio, low, high)

    def cost_sentence(self, lang: Lang = "fr", month: int | str = -1) -> str:
        """Return what one more living alliance costs, or why that cannot be said."""
        label = self.reference.scenario.month_label(self.row(month))
        return effects_text.cost_sentence(self.cost(month), label, lang)

    def stopping_sentence(self, lang: Lang = "fr") -> str:
        """Return why there are so many pairs; empty where no half-width was asked for."""
        if self.stopping is None:
            return ""
        return effects_text.stopping_sentence(self.stopping, self.n, lang)

    def plot(
        self,
        indicator: str = "alliances",
        group: str = "",
        lang: Lang = "fr",
        ax: Axes | None = None,
    ) -> Figure:
        """Return a fan chart: medians, bands of 50 % and 90 % of the replicates.

        Where parameters are drawn, the inner band is the 90 % of luck alone.
        """
        from matplotlib.figure import Figure

        if ax is None:
            figure = Figure(figsize=(8, 4.5), layout="constrained")
            ax = figure.subplots()
        else:
            figure = ax.get_figure(root=True)  # type: ignore[assignment]
        what = INDICATORS[COLUMNS[column(indicator, group)][0]]  # an unknown one names the nearest
        words = ("référence", "scénario") if lang == "fr" else ("reference", "scenario")
        factor = 100.0 if what.unit == "share" else 1.0
        styles = ((self.reference, GREY, "--", words[0]), (self.scenario, BLUE, "-", words[1]))
        for which, colour, dash, word in styles:
            levels = factor * which.fan(indicator, group)
            months: Any = self.months.to_numpy()
            ax.fill_between(months, levels[0], levels[4], color=colour, alpha=0.12, linewidth=0)
            ax.fill_between(months, levels[1], levels[3], color=colour, alpha=0.25, linewidth=0)
            title = which.scenario.title if lang == "fr" else which.scenario.title_en
            label = f"{word} — {title}" if title else word
            ax.plot(months, levels[2], color=colour, linestyle=dash, linewidth=2, label=label)
        name = what.label(lang) + (f" — {group_label(group, lang)}" if group else "")
        unit = {"share": "%", "count": "", "level": ""}.get(what.unit, what.unit)
        ax.set_title(name, loc="left")
        ax.set_ylabel(unit)
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
        ax.margins(x=0)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="best")
        bands = ("50 % et 90 % d'entre elles", "50% and 90% of them")
        if self.draws:
            bands = (
                "chance seule, chance et paramètres (90 %)",
                "luck alone, luck and parameters (90%)",
            )
        note = (
            f"{self.n} simulations, même hasard ; bandes : {bands[0]}"
            if lang == "fr"
            else f"{self.n} simulations, same luck; bands: {bands[1]}"
        )
        ax.text(0.0, -0.12, note, transform=ax.transAxes, fontsize="small", color=GREY, va="top")
        return figure

    def row(self, month: int | str) -> int:
        """Return the number of a month; negative ones count from the end."""
        return _row(self.reference.scenario, month)


def _row(scenario: Scenario, month: int | str) -> int:
    row = scenario.month_index(month) if isinstance(month, str) else month
    if isinstance(month, int) and row < 0:
        row += scenario.n_months
    if not 0 <= row < scenario.n_months:
        raise ResultsError(
            "the month is outside the run", key="month", found=month,
            expected=f"{scenario.time.start} to {scenario.time.end}",
        )  # fmt: skip
    return int(row)


def compare(
    reference: Scenario,
    scenario: Scenario,
    replicates: int | None = None,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
    half_width: float | None = None,
    indicator: str = "alliances",
    group: str = "",
    month: int | str = -1,
    most: int = MOST,
) -> Effect:
    """Simulate both scenarios with the same luck and return what differs.

    With a `half_width`, pairs are added, 20 at a time, until the 95 % interval of the mean
    difference of one indicator in one month is at most ± `half_width`: the fixed-width sequential
    interval of Chow & Robbins (1965, Annals of Mathematical Statistics 36:457), with Student's
    quantile. It covers 95 % as the width goes to zero, a little less otherwise (`docs/whatif.md`).

    Parameters
    ----------
    replicates : pairs of replicates (default 100); with a `half_width`, those before the first
        look (default and least: 20)
    progress : called with the number of replicates done and their total, 2 × the pairs; the total
        is the largest possible with a `half_width`
    executor : runs the replicates instead of threads, as for `ensemble`
    half_width : in the unit of the indicator (a share: 0.01 for one point)
    indicator, group, month : what the `half_width` is about; month as for `Effect.table_at`
    most : pairs at which to stop at the latest; `Effect.stopping` says which it was

    Raises
    ------
    ResultsError : the scenarios name different territories, samples or periods; a number or a name
        is out of range

    Examples
    --------
    >>> import cosim
    >>> effect = cosim.compare(reference, scenario, replicates=100)  # doctest: +SKIP
    >>> print(effect.sentence())  # doctest: +SKIP
    """
    check_pair(reference, scenario)
    if half_width is None:
        n = 100 if replicates is None else replicates
        return _more(None, reference, scenario, n, seed, workers, progress, 2 * n, executor)
    first = LEAST if replicates is None else replicates
    row = _check_stopping(reference, half_width, (indicator, group), month, first, most)
    whole: Effect | None = None
    while True:
        n = first if whole is None else min(whole.n + BATCH, most)
        whole = _more(whole, reference, scenario, n, seed, workers, progress, 2 * most, executor)
        pairs = whole.difference(indicator, group)[:, row]
        reached = float(spread(pairs, 0, whole.draws)[1])
        if reached <= half_width or n == most:
            why = Stopping(indicator, group, reference.month_label(row), half_width, reached, most)
            return replace(whole, stopping=why)


def _fieller(above: Array, below: Array, start: int, draws: bool) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of two means, that of `below` being clear of zero."""
    from scipy.special import stdtrit

    if draws:
        above, below = (uncertainty.whole_pairs(x, start).mean(axis=1) for x in (above, below))
    n = len(above)
    variance = np.cov(above, below) * stdtrit(n - 1, 0.975) ** 2 / n
    a, b = float(above.mean()), float(below.mean())
    square = b * b - variance[1, 1]
    middle = a * b - variance[0, 1]
    root = max(0.0, middle * middle - square * (a * a - variance[0, 0])) ** 0.5
    return (middle - root) / square, (middle + root) / square


def _more(
    effect: Effect | None, reference: Scenario, scenario: Scenario, replicates: int, seed: int,
    workers: int | None, progress: Callable[[int, int], None] | None, total: int,
    executor: Executor | None,
) -> Effect:  # fmt: skip
    """Return the effect of so many pairs; those of `effect` are not simulated again."""
    done = 0 if effect is None else effect.n
    sides = [None, None] if effect is None else [effect.reference, effect.scenario]
    made: list[Ensemble] = []
    for which, (document, before) in enumerate(zip((reference, scenario), sides, strict=True)):
        offset = done + (replicates if which else done)
        report = partial(_report, progress, offset, total) if progress else None
        new = ensemble(
            document, replicates - done, seed, workers, report, done,
            place=made[0].place if made else None, executor=executor,
        )  # fmt: skip
        if before is not None:
            new = replace(new, values=np.concatenate((before.values, new.values)), start=0)
        made.append(new)
    return Effect(made[0], made[1])


def _report(progress: Callable[[int, int], None], offset: int, total: int, done: int) -> None:
    progress(offset + done, total)


def _check_stopping(
    reference: Scenario, half_width: float, what: tuple[str, str], month: int | str, first: int,
    most: int,
) -> int:  # fmt: skip
    """Return the number of the month that a stopping rule looks at."""
    if not 0.0 < half_width < np.inf:
        raise ResultsError("out of range", key="half_width", found=half_width,
                           expected="more than 0")  # fmt: skip
    for key, value, least in (("replicates", first, LEAST), ("most", most, first)):
        if value < least:
            raise ResultsError("too few pairs for a stopping rule", key=key, found=value,
                               expected=f"{least} or more")  # fmt: skip
    column(*what)
    return _row(reference, month)


def needed(pairs: Array, half_width: float, start: int = 0, draws: bool = False) -> int:
    """Return how many replicates would give a 95 % interval of ± `half_width`, from a pilot.

    The least n with t(n - 1)·s/√n at most `half_width`, s being the standard deviation of the
    pilot: Student's interval of the mean. Where parameters are drawn, whole pairs of replicates
    that share a set count as one, and the answer is even.

    Parameters
    ----------
    pairs : float64[replicates], differences of the pilot
    half_width : in the unit of the differences
    start, draws : as for `spread`

    Raises
    ------
    ResultsError : the half-width is not positive; the pilot has too few replicates

    Examples
    --------
    >>> needed(np.array([-1.0, 1.0] * 10), 0.2)
    104
    """
    from scipy.special import stdtrit

    if not 0.0 < half_width < np.inf:
        raise ResultsError("out of range", key="half_width", found=half_width,
                           expected="more than 0")  # fmt: skip
    apart = uncertainty.whole_pairs(pairs, start).mean(axis=1) if draws else pairs
    if len(apart) < 2:
        raise ResultsError("too few replicates for a pilot", key="pairs", found=len(pairs),
                           expected=f"{2 * PAIR if draws else 2} or more")  # fmt: skip
    deviation = float(apart.std(ddof=1))
    n = max(2, int((1.96 * deviation / half_width) ** 2))
    while stdtrit(n - 1, 0.975) * deviation / n**0.5 > half_width:
        n += 1
    return n * (PAIR if draws else 1)


def spread(pairs: Array, start: int = 0, draws: bool = False) -> tuple[Array, Array]:
    """Return standard deviation and half the 95 % interval of the mean (NaN for one pair).

    Where parameters are drawn, two replicates share one set and are not independent: the interval
    is then that of the mean of their means.

    Parameters
    ----------
    pairs : float64[replicates, ...], differences within pairs of equal luck
    start : number of the first replicate
    draws : whether parameters are drawn
    """
    from scipy.special import stdtrit

    unknown = np.full(pairs.shape[1:], np.nan)
    deviation = pairs.std(axis=0, ddof=1) if len(pairs) > 1 else unknown
    apart = uncertainty.whole_pairs(pairs, start).mean(axis=1) if draws else pairs
    n = len(apart)
    if n < 2:
        return deviation, unknown
    return deviation, stdtrit(n - 1, 0.975) * apart.std(axis=0, ddof=1) / n**0.5


def check_pair(reference: Scenario, scenario: Scenario) -> None:
    """Raise `ResultsError` where a difference would not be that of the scenarios alone."""
    for key, what in (("territory", "territories or samples"), ("time", "periods")):
        a, b = getattr(reference, key), getattr(scenario, key)
        if a != b:
            raise ResultsError(
                f"the two scenarios have different {what}: they cannot be compared", key=key,
                found=_words(b), expected=_words(a),
            )  # fmt: skip


def _words(table: Any) -> str:
    return ", ".join(f"{key} = {value}" for key, value in table.model_dump().items())
