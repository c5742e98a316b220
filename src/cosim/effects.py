"""What a scenario changes from a reference: paired differences under the same luck.

The same replicate of two scenarios meets the same luck (random numbers are keyed, and not by the
scenario), so that a difference within a pair is the effect of what differs, and of nothing else
until the two histories part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import effects_text, uncertainty
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

__all__ = ["Cost", "Effect", "compare"]

BLUE, GREY = "#0072B2", "#444444"


class Cost(NamedTuple):
    """k€ of catalysis per additional living alliance; None with the reason why there is none."""

    k_euros: float | None
    low: float | None
    high: float | None
    reason_fr: str = ""
    reason_en: str = ""


@dataclass(frozen=True, eq=False)
class Effect:
    """A what-if beside its reference, replicate by replicate.

    Parameters
    ----------
    reference, scenario : ensembles with the same territory, period, seed and replicates
    names : language -> how sentences name the scenario, and the reference after "plus" (default:
        by what differs, or by its title)
    """

    reference: Ensemble
    scenario: Ensemble
    names: Mapping[str, tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        _check(self.reference.scenario, self.scenario.scenario)
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
        row = self._row(month)
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
        for row in (self._row(month) for month in months):
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
        if lang not in ("fr", "en"):
            raise ResultsError("unknown language", key="lang", found=lang, expected="'fr' or 'en'")
        row = self._row(month)
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
        scenarios = self.reference.scenario, self.scenario.scenario
        label = scenarios[0].month_label(row)
        names = self.names[lang] if self.names else effects_text.names(scenarios, lang)
        return effects_text.sentence(facts, indicator, group, label, names, lang)

    def cost(self, month: int | str = -1) -> Cost:
        """Return the k€ spent per additional living alliance, with a 90 % interval.

        None, with the reason, where nothing more is spent or where the interval of the
        additional alliances contains zero.
        """
        row = self._row(month)
        spent = float(self.difference("spending")[:, row].mean())
        more = self.difference("alliances")[:, row]
        low, high = (float(q) for q in np.quantile(more, (0.05, 0.95)))
        if spent <= 0.0:
            return Cost(None, None, None, "le scénario ne dépense pas plus que la référence",
                        "the scenario spends no more than the reference")  # fmt: skip
        if low <= 0.0:
            return Cost(
                None, None, None,
                "le nombre d'alliances de plus ne se distingue pas de zéro "
                f"({number(low)} à {number(high)})",
                "the number of additional alliances does not stand out from zero "
                f"({number(low, 0, 'en')} to {number(high, 0, 'en')})",
            )  # fmt: skip
        return Cost(spent / float(more.mean()), spent / high, spent / low)

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

    def _row(self, month: int | str) -> int:
        """Return the number of a month; negative ones count from the end."""
        scenario = self.reference.scenario
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
    replicates: int = 100,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> Effect:
    """Simulate both scenarios with the same luck and return what differs.

    Parameters
    ----------
    replicates : pairs of replicates
    progress : called with the number of replicates done and their total, 2 × `replicates`
    executor : runs the replicates instead of threads, as for `ensemble`

    Raises
    ------
    ResultsError : the scenarios name different territories, samples or periods

    Examples
    --------
    >>> import cosim
    >>> effect = cosim.compare(reference, scenario, replicates=100)  # doctest: +SKIP
    >>> print(effect.sentence())  # doctest: +SKIP
    """
    _check(reference, scenario)
    total = 2 * replicates

    def report(offset: int) -> Callable[[int], None] | None:
        return (lambda done: progress(offset + done, total)) if progress else None

    first = ensemble(reference, replicates, seed, workers, report(0), executor=executor)
    second = ensemble(
        scenario, replicates, seed, workers, report(replicates), place=first.place,
        executor=executor,
    )  # fmt: skip
    return Effect(first, second)


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


def _check(reference: Scenario, scenario: Scenario) -> None:
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
