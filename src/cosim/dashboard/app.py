"""The Solara page: choose a territory, move four levers, read the answer beside the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import solara
import solara.lab

from cosim import territory
from cosim.dashboard import compute, levers
from cosim.dashboard.levers import MIX_LABELS, RANGES, Levers
from cosim.effects import Effect
from cosim.effects_text import number, percent
from cosim.errors import CosimError
from cosim.indicators import INDICATORS


@solara.component_vue("components/FanChart.vue")
def FanChart(
    values: bytes, months: list[str], top: float, percent: bool, description: str, count: int
) -> None:
    """Draw bands, what-if and reference from float32[6, months]."""


@solara.component_vue("components/Slider.vue")
def Slider(
    name: str, label: str, low: float, high: float, step: float, reference: float, unit: str,
    hint: str, value: float, on_value: Callable[[float], None],
) -> None:  # fmt: skip
    """A native range input with the mark of the reference."""


@solara.component_vue("components/Finder.vue")
def Finder(
    text: str, on_text: Callable[[str], None], found: list[dict[str, str]], message: str,
    event_choose: Callable[[str], None],
) -> None:  # fmt: skip
    """A search box for territories."""


@solara.component_vue("components/Choice.vue")
def Choice(
    name: str, label: str, options: list[dict[str, str]], value: str,
    on_value: Callable[[str], None],
) -> None:  # fmt: skip
    """A native select."""


@solara.component_vue("components/Address.vue")
def Address(query: str) -> None:
    """Keep the address of the page equal to its state."""


STYLE = """
.v-application, .v-application--wrap { font-family: system-ui, "Segoe UI", Roboto, sans-serif; }
.cosim-page { max-width: 1320px; margin: 0 auto; padding: 0 20px 32px; color: #1b2733; }
.cosim-page header { display: flex; align-items: baseline; gap: 16px; flex-wrap: wrap;
  border-bottom: 3px solid #003F8C; padding: 16px 0 10px; margin-bottom: 18px; }
.cosim-page h1 { font-size: 24px; margin: 0; line-height: 1.2; }
.cosim-page header p { margin: 0; color: #444; }
.cosim-grid { display: grid; grid-template-columns: 340px minmax(0, 1fr); gap: 24px; }
.cosim-panel { background: #f4f6f9; border-radius: 10px; padding: 16px; align-self: start; }
.cosim-panel h2, .cosim-answer h2 { font-size: 15px; margin: 16px 0 8px; color: #003F8C; }
.cosim-panel h2:first-child { margin-top: 0; }
.cosim-place { margin: 8px 0 0; font-size: 14px; color: #333; }
.cosim-sentence { font-size: 20px; line-height: 1.4; margin: 0 0 14px; min-height: 56px; }
.cosim-status { font-size: 14px; color: #555; min-height: 20px; margin: 0 0 8px; }
.cosim-busy::before { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 8px;
  border-radius: 50%; background: #C25A00; }
.cosim-kpis { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 12px; margin: 0 0 12px; }
.cosim-kpi { border-left: 4px solid #003F8C; background: #fff; border-radius: 8px; padding: 10px 12px;
  box-shadow: 0 1px 3px rgba(0,0,0,.14); }
.cosim-kpi dt { font-size: 13px; color: #444; min-height: 34px; }
.cosim-kpi dd { margin: 0; }
.cosim-kpi .figure { font-size: 24px; font-weight: 700; }
.cosim-kpi .beside { font-size: 13px; color: #444; }
.cosim-card { background: #fff; border-radius: 10px; box-shadow: 0 1px 3px rgba(0,0,0,.14); padding: 14px; }
.cosim-limits { font-size: 14px; color: #444; margin-top: 14px; }
.cosim-warning { background: #fdf0e3; border-left: 4px solid #C25A00; padding: 8px 12px; border-radius: 6px; }
.cosim-skeleton { height: 360px; border-radius: 8px; background: #eef1f5; display: grid; place-items: center; color: #555; }
@media (max-width: 860px) {
  .cosim-grid { grid-template-columns: minmax(0, 1fr); }
  .cosim-grid > .cosim-answer { order: -1; }
  .cosim-kpis { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .cosim-sentence { font-size: 18px; }
  .cosim-page { padding: 0 14px 24px; }
}
"""  # noqa: E501
#: (levers, effect) of the last good answer.
NO_ANSWER: tuple[Levers, Effect] | None = None
LIMITS = (
    "Simulation exploratoire, pas une prévision : paramètres non encore calibrés, effets venus "
    "surtout d'études étrangères, hypothèses signalées comme telles dans les registres."
)


def _find(text: str) -> tuple[list[dict[str, str]], str]:
    """Return what the search box lists, and what it says when it lists nothing."""
    if len(text.strip()) < 2:
        return [], ""
    rows = territory.find(text[:80]).head(6)
    found = [
        {
            "code": str(row.code),
            "name": str(row.name),
            "detail": f"{row.dep} · {number(float(str(row.inhabitants)))} habitants · "
            f"{number(float(str(row.n_communes)))} communes",
        }
        for row in rows.itertuples(index=False)
    ]
    return found, "" if found else "Aucun territoire de ce nom : vérifiez l'orthographe."


def _figure(value: float, unit: str) -> str:
    return percent(value) if unit == "share" else number(value, 0 if unit == "count" else 2)


def _kpi(effect: Effect, name: str) -> tuple[str, str, str]:
    """Return label, mean, and what stands beside: difference and reference."""
    what = INDICATORS[name]
    before, after = effect.means(name)
    difference = after - before
    sign = "+" if difference > 0 else ""
    if what.unit == "share":
        change = f"{sign}{number(100 * difference, 1)} points"
    else:
        change = f"{sign}{number(difference, 0 if what.unit == 'count' else 2)}"
    reference = _figure(before, what.unit)
    return what.fr, _figure(after, what.unit), f"{change} · référence {reference}"


@solara.component
def Kpis(effect: Effect) -> None:
    """Four figures at the end of the period, each with its difference to the reference."""
    year = effect.reference.scenario.time.end[:4]
    cells = []
    for name in ("alliances", "engaged", "able", "convinced"):
        label, value, beside = _kpi(effect, name)
        cells.append(
            _box(
                "div", "cosim-kpi",
                [
                    _text("dt", f"{label} fin {year}"),
                    _text("dd", value, "figure"),
                    _text("dd", beside, "beside"),
                ],
            )
        )  # fmt: skip
    _box("dl", "cosim-kpis", cells)


def _box(tag: str, name: str = "", children: Any = (), **attributes: str) -> Any:
    """Return an HTML element of class `name`; text among its children is never read as HTML."""
    return solara.v.Html(tag=tag, class_=name, children=list(children), attributes=attributes)


def _text(tag: str, text: str, name: str = "", **attributes: str) -> Any:
    """Return an HTML element with one text."""
    return _box(tag, name, [text], **attributes)


@solara.component
def Page() -> None:
    """The whole page; its state is its address."""
    router = solara.use_router()
    started = solara.use_memo(lambda: levers.from_query(router.search or ""), [])
    state, set_state = solara.use_state(started[0])
    text, set_text = solara.use_state("")
    answer, set_answer = solara.use_state(NO_ANSWER)
    found, message = solara.use_memo(lambda: _find(text), [text])

    def work(cancel: Any) -> None:
        reference, scenario = levers.scenarios(state)
        for effect in compute.effects(reference, scenario, cancelled=cancel.is_set):
            if cancel.is_set():
                return
            set_answer((state, effect))

    key = replace(state, shown="")
    job = solara.use_thread(work, dependencies=[key], intrusive_cancel=False)

    solara.Style(STYLE)
    Address(query=levers.to_query(state))
    with solara.Div(classes=["cosim-page"]):
        with _box("header"):
            _text("h1", "Et si ? — Co-construire le territoire")
            _text(
                "p", "Déplacez un levier : la réponse se compare à la référence, sans catalyseur."
            )
        if started[1] and state == started[0]:
            _text("p", started[1], "cosim-warning", role="alert")
        with solara.Div(classes=["cosim-grid"]):
            Controls(state, set_state, text, set_text, found, message)
            with _box("main", "cosim-answer"):
                Answer(state, set_state, answer, job)


@solara.component
def Controls(
    state: Levers, set_state: Any, text: str, set_text: Any, found: Any, message: str
) -> None:
    """The left column: territory, then four levers and the mix of métiers."""

    def choose(code: str) -> None:
        set_text("")
        set_state(lambda now: replace(now, code=str(code)))

    with _box("aside", "cosim-panel"):
        _text("h2", "Territoire")
        Finder(text=text, on_text=set_text, found=found, message=message, event_choose=choose)
        try:
            place = territory.load(state.code)
        except CosimError as error:
            _text("p", str(error), "cosim-warning")
            return
        n = levers.counts(state.code)
        every = round(1 / levers.sample_of(state.code))
        _text("p", f"{place.name}", "cosim-place", style="font-weight:700")
        _text(
            "p",
            f"{number(place.inhabitants)} habitants, {number(place.n_communes)} communes, "
            f"{number(n['elu'])} élus, {number(n['company'])} entreprises de 10 salariés et plus, "
            f"{number(n['association'])} associations visibles."
            + (f" Simulés : 1 acteur sur {every}." if every > 1 else " Tous sont simulés."),
            "cosim-place",
        )
        _text("h2", "Vos leviers")
        for name, r in RANGES.items():
            Slider(
                name=name, label=r.label, low=r.low, high=r.high, step=r.step,
                reference=r.reference, unit=r.unit, hint=r.hint, value=getattr(state, name),
                on_value=lambda x, name=name: set_state(
                    lambda now: levers.with_value(now, name, float(x))
                ),
            )  # fmt: skip
        Choice(
            name="metier", label="Métier des catalyseurs", value=state.mix,
            options=[{"value": key, "label": label} for key, label in MIX_LABELS.items()],
            on_value=lambda mix: set_state(
                lambda now: replace(now, mix=mix) if mix in levers.MIXES else now
            ),
        )  # fmt: skip


@solara.component
def Answer(state: Levers, set_state: Any, answer: Any, job: Any) -> None:
    """The right column: sentence, figures, curve, limits; the last good answer stays."""
    current = answer is not None and replace(answer[0], shown="") == replace(state, shown="")
    effect: Effect | None = answer[1] if answer else None
    shown = state.shown
    sentence = effect.sentence("fr", shown) if effect else "Première réponse en cours de calcul…"
    _text("p", sentence, "cosim-sentence", **{"aria-live": "polite"})
    final = current and effect is not None and effect.n >= compute.STAGES[-1]
    if job.state == solara.ResultState.ERROR:
        _text("p", f"Le calcul a échoué : {job.error}", "cosim-warning")
    elif final and effect is not None:
        _text("p", f"{effect.n} simulations de chaque, à hasard égal.", "cosim-status")
    else:
        done = f" ({effect.n} simulations pour l'instant)" if current and effect else ""
        _text("p", f"calcul…{done}", "cosim-status cosim-busy")
    if effect is None:
        with solara.Div(classes=["cosim-card"]):
            _text(
                "div", "La première fois, le modèle se compile : environ une minute.",
                "cosim-skeleton",
            )  # fmt: skip
    else:
        Kpis(effect)
        with solara.Div(classes=["cosim-card"]):
            Choice(
                name="courbe", label="Courbe", value=shown,
                options=[{"value": key, "label": INDICATORS[key].fr} for key in levers.SHOWN],
                on_value=lambda key: set_state(
                    lambda now: replace(now, shown=key) if key in levers.SHOWN else now
                ),
            )  # fmt: skip
            FanChart(
                values=compute.bands(effect, shown),
                months=[f"{m.month:02d}/{m.year}" for m in effect.months],
                top=compute.top_of(effect, shown),
                percent=INDICATORS[shown].unit == "share",
                description=f"{INDICATORS[shown].fr}, de {effect.months[0].year} à "
                f"{effect.months[-1].year}. {sentence}",
                count=effect.n,
            )
            _text(
                "p",
                f"Trait plein : votre scénario (médiane) ; {compute.bands_words(effect)} ; "
                "tirets : référence. " + INDICATORS[shown].definition_fr,
                "cosim-place",
            )
    _text("p", LIMITS, "cosim-limits")
