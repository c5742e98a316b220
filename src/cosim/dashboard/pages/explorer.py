"""The page Explorer: levers, one sentence, figures, a curve; why, for whom, what to beware of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import solara

from cosim.attribution import Contributions
from cosim.dashboard import compute, session, warnings, who, why
from cosim.dashboard import view as views
from cosim.dashboard.compute import Answer
from cosim.dashboard.controls import Controls
from cosim.dashboard.session import say
from cosim.dashboard.sharing import Exports, Kept, Share
from cosim.dashboard.warnings import Caution
from cosim.dashboard.widgets import (
    Bars,
    Check,
    Choice,
    Dots,
    FanChart,
    Fold,
    Jump,
    Link,
    Table,
    box,
    options,
    text,
)
from cosim.drawing import KINDS, REFERENCE, WHAT_IF
from cosim.effects_text import HARD, Lang, number, percent
from cosim.errors import CosimError
from cosim.indicators import INDICATORS
from cosim.scenario import Scenario

STYLE = (Path(__file__).parents[1] / "explorer.css").read_text(encoding="utf-8")
#: Figures at the end of the period.
FIGURES = ("alliances", "engaged", "able", "convinced")
#: Fewer pairs are a preview: their trend is shown, their frequencies are not.
ENOUGH = 20
_NO_PARTS: tuple[Scenario, Contributions] | None = None


@solara.component
def Page() -> None:
    """Levers on the left, answer on the right; the answer first on a narrow screen."""
    solara.Style(STYLE)
    text("h1", say("Explorer : et si… ?", "Explore: what if…?"))
    text(
        "p",
        say(
            "Déplacez un levier : la réponse se compare à la référence, sans catalyseur ni aide.",
            "Move a lever: the answer is compared with the reference, without catalyst or help.",
        ),
        "cosim-lead",
    )
    Jump(target="leviers", label=say("Leviers ↓", "Levers ↓"))
    with solara.Div(classes=["cosim-grid"]):
        Controls(said=short())
        with box("section", "cosim-answer", aria_label=say("Réponse", "Answer")):
            Result()


@solara.component
def Result() -> None:
    """Sentence, cautions, figures, curve, and what explains them; the last good answer stays."""
    shown = session.answer.value
    cautions = _cautions()
    with box("div"):  # its parts are always all there: a browser builds anew what changes places
        Spoken()
        Beware([one for one in cautions if one.kind != "assumption"])
        if shown is None:
            Waiting()
            return
        Figures(shown.answer)
        Curve(shown.answer)
        Sharing()
        Why()
        Who(shown.answer)
        Assumptions([one for one in cautions if one.kind == "assumption"])


@solara.component
def Sharing() -> None:
    """Keep the scenario beside others, share its link, take its files along."""
    with box("div", "cosim-card"):
        text("h2", say("Garder, partager, emporter", "Keep, share, take along"))
        with box("div", "cosim-row"):
            Kept()
            Share()
        Exports()


@solara.component
def Waiting() -> None:
    """What stands where figures and curve will be."""
    with box("div"), box("dl", "cosim-kpis explorer-kpis", aria_hidden="true"):
        for name in FIGURES:
            box("div", "cosim-kpi", [
                text("dt", INDICATORS[name].label(session.lang())), text("dd", "…", "figure"),
            ])  # fmt: skip
    with box("div", "cosim-card"):
        text(
            "div",
            say(
                "Première réponse en cours de calcul… La toute première fois, le modèle se "
                "compile : environ une minute.",
                "Computing the first answer… The very first time the model is compiled: about "
                "a minute.",
            ),
            "cosim-skeleton",
        )


# -- the sentence -------------------------------------------------------------------------


@solara.component
def Spoken() -> None:
    """The sentence that an élu can repeat and how sure it is.

    What is on screen follows the levers; what is spoken changes only once all is computed.
    """
    now, shown = session.view.value, session.answer.value
    spoken = solara.use_ref("")
    sentence, frequency = say("La réponse arrive…", "The answer is coming…"), ""
    if shown is not None:
        effect = shown.answer.effect
        sentence = effect.sentence(now.lang, now.shown)
        if effect.n >= ENOUGH:
            frequency = effect.frequency_sentence(now.lang, now.shown)
        if session.settled():
            spoken.current = f"{sentence} {frequency}"
    with box("div"):
        text("p", sentence, "cosim-sentence")
        text("p", frequency, "explorer-frequency")
        text("p", status(), "cosim-status" + ("" if session.settled() else " cosim-busy"),
             data_busy=say("calcul…", "computing…"))  # fmt: skip
        text("p", spoken.current, "explorer-hidden", role="status", id="annonce")
        failed = session.failure.value
        text("p", failed, "cosim-warning" if failed else "explorer-none", role="alert")


def status() -> str:
    """Return how many simulations the answer rests on, or that it is being computed."""
    shown = session.answer.value
    if shown is None or not session.current():
        return say("calcul… (l'ancienne réponse reste affichée)",
                   "computing… (the former answer stays on screen)")  # fmt: skip
    n = shown.answer.n
    if n < ENOUGH:
        return say(f"aperçu, sur {n} simulations seulement : calcul…",
                   f"preview, from {n} simulations only: computing…")  # fmt: skip
    if not session.settled():
        return say(
            f"calcul… ({n} simulations pour l'instant)", f"computing… ({n} simulations so far)"
        )
    return say(
        f"{number(n)} simulations de chaque, à hasard égal.",
        f"{number(n, 0, 'en')} simulations of each, with equal luck.",
    )


def short() -> str:
    """Return the answer in a few words, for the bar over the levers of a narrow screen."""
    now, shown = session.view.value, session.answer.value
    if shown is None:
        return say("La réponse arrive…", "The answer is coming…")
    what = INDICATORS[now.shown]
    before, after = compute.means(shown.answer, now.shown)
    busy = "" if session.settled() else " …"
    return (
        f"{what.label(now.lang)}{say(f'{HARD}: ', ': ')}{figure(after, what.unit, now.lang)} "
        f"({changed(after - before, what.unit, now.lang)}){busy}"
    )


# -- figures ------------------------------------------------------------------------------


def figure(value: float, unit: str, lang: Lang) -> str:
    """Return a value as the tiles show it."""
    return (
        percent(value, lang)
        if unit == "share"
        else number(value, 0 if unit == "count" else 2, lang)
    )


def changed(value: float, unit: str, lang: Lang) -> str:
    """Return a difference as the tiles show it."""
    shown = (number(100 * value, 1, lang) if unit == "share"
             else number(value, 0 if unit == "count" else 2, lang))  # fmt: skip
    sign = "+" if value > 0 and shown.strip("0.,") else ""
    return f"{sign}{shown}{HARD}points" if unit == "share" else sign + shown


@solara.component
def Figures(answer: Answer) -> None:
    """The chances of doing better, then four figures, each with its difference."""
    now = session.view.value
    year = answer.effect.reference.scenario.time.end[:4]
    with box("dl", "cosim-kpis explorer-kpis"):
        Chances(answer)
        for name in FIGURES:
            what = INDICATORS[name]
            before, after = compute.means(answer, name)
            beside = say("référence", "reference")
            with box("div", "cosim-kpi"):
                text("dt", f"{what.label(now.lang)}, {say('fin', 'end of')} {year}")
                text("dd", figure(after, what.unit, now.lang), "figure")
                text("dd", changed(after - before, what.unit, now.lang), "beside explorer-change")
                text("dd", f"{beside} {figure(before, what.unit, now.lang)}", "beside")


@solara.component
def Chances(answer: Answer) -> None:
    """In how many simulations the what-if ends better than the reference."""
    now, found = session.view.value, compute.chances(answer.effect, session.view.value.shown)
    name = INDICATORS[now.shown].label(now.lang)
    with box("div", "cosim-kpi explorer-chances"):
        text("dt", say(f"«{HARD}{name}{HARD}» : mieux que la référence",
                       f"“{name}”: better than the reference"))  # fmt: skip
        few = found.n < ENOUGH
        better, worse, same, n = (number(x, 0, now.lang) for x in found)
        with box("dd", "figure"):
            text("span", "…" if few else better)
            text("small", "" if few else say(f" simulations sur {n}", f" simulations out of {n}"))
        hundred = round(100 * found.better / found.n), round(100 * found.worse / found.n)
        counts = say(
            f"■ mieux{HARD}: {better} · ✕ moins bien{HARD}: {worse} · • égal{HARD}: {same}",
            f"■ better: {better} · ✕ worse: {worse} · • equal: {same}",
        )
        with box("dd", "beside"):
            Dots(better=-1 if few else hundred[0], worse=min(hundred[1], 100 - hundred[0]))
            text("span", say("trop peu de simulations pour l'instant", "too few simulations yet")
                 if few else counts)  # fmt: skip


# -- the curve ----------------------------------------------------------------------------


@solara.component
def Curve(answer: Answer) -> None:
    """The curve that was chosen, its switches, its words and its table."""
    now = session.view.value
    opened, set_opened = solara.use_state(False)

    def show(key: str) -> None:
        if key in views.SHOWN:
            session.go(lambda v: replace(v, shown=key))

    with box("div", "cosim-card"):
        with box("div", "explorer-switches"):
            Choice(
                name="courbe", label=say("Courbe", "Curve"), value=now.shown, on_value=show,
                options=options({key: INDICATORS[key].label(now.lang) for key in views.SHOWN}),
            )  # fmt: skip
            Check(
                name="ecart", label=say("Écart à la référence", "Difference to the reference"),
                value=now.gap, on_value=lambda on: session.go(lambda v: replace(v, gap=bool(on))),
            )  # fmt: skip
            Check(
                name="incertitude", value=now.scenario.draws,
                label=say("Tenir compte de l'incertitude des paramètres",
                          "Take the uncertainty of parameters into account"),
                on_value=lambda on: session.go(lambda v: v.drawing(bool(on))),
            )  # fmt: skip
        Chart(answer, now.shown, now.gap)
        Fold(
            title=say("Les chiffres de la courbe", "The figures of the curve"), opened=opened,
            on_opened=set_opened, name="chiffres",
        )  # fmt: skip
        if opened:
            Numbers(answer, now.shown, now.gap)


@solara.component
def Chart(answer: Answer, indicator: str, gap: bool) -> None:
    """The fan chart of one indicator, with its words; its axis only ever widens."""
    now = session.view.value
    what, effect = INDICATORS[indicator], answer.effect
    axis = solara.use_ref(((), (0.0, 0.0)))
    whole = answer.drawn.n >= compute.STAGES[-1]  # before, a few replicates say little of a range
    key = (answer.drawn.reference.scenario.digest, indicator, gap, whole)
    low, high = compute.span(answer, indicator, gap=gap)
    if whole and axis.current[0] == key:
        low, high = min(low, axis.current[1][0]), max(high, axis.current[1][1])
    axis.current = (key, (low, high))
    with box("div"):
        FanChart(
            values=compute.fan_bytes(answer, indicator, gap=gap),
            months=[f"{m.month:02d}/{m.year}" for m in effect.months],
            low=low, high=high, unit=what.unit, gap=gap, lang=now.lang, count=answer.n,
            words={
                "scenario": say("Votre scénario", "Your scenario"),
                "reference": say("Référence", "Reference"),
                "nine": say("9 sur 10", "9 in 10"),
                "to": say("à", "to"),
            },
            description=f"{what.label(now.lang)}, {effect.months[0].year}-"
            f"{effect.months[-1].year}. {effect.sentence(now.lang, indicator)}",
        )  # fmt: skip
        text(
            "p",
            (say("Écart entre les deux, simulation par simulation : médiane ; ",
                 "Difference of the two, simulation by simulation: median; ") if gap
             else say("Trait plein : votre scénario (médiane) ; ",
                      "Solid line: your scenario (median); "))
            + compute.bands_words(answer)[now.lang]
            + say(" ; tirets : référence. ", "; dashes: reference. ")
            + what.definition(now.lang),
            "cosim-small",
        )  # fmt: skip


@solara.component
def Numbers(answer: Answer, indicator: str, gap: bool) -> None:
    """What the curve shows, each December, as a table."""
    now, what = session.view.value, INDICATORS[indicator]
    months = answer.effect.months
    rows = compute.fan(answer, indicator, gap=gap)
    shown = changed if gap else figure
    december = [k for k in range(len(months)) if months[k].month == 12 or k == len(months) - 1]

    def cells(k: int) -> list[str]:
        low, middle, high, before = (
            shown(float(rows[r, k]), what.unit, now.lang) for r in (0, 2, 4, 7)
        )
        mine = [f"{months[k].month:02d}/{months[k].year}", middle, f"{low} {say('à', 'to')} {high}"]
        return mine if gap else [*mine, before]

    head = [say("Mois", "Month"), say("Votre scénario, médiane", "Your scenario, median"),
            say("9 simulations sur 10", "9 simulations in 10")]  # fmt: skip
    Table(
        caption=what.label(now.lang), align="lrrr", rows=[cells(k) for k in december],
        head=head if gap else [*head, say("Référence, médiane", "Reference, median")],
    )  # fmt: skip


# -- why ----------------------------------------------------------------------------------


@solara.component
def Why() -> None:
    """What each lever that has moved brings, and through which rules."""
    opened, set_opened = solara.use_state(False)
    with box("section", "cosim-card"):
        with box("h2", "explorer-fold"):
            Fold(title=say("Pourquoi ? Ce que chaque levier apporte",
                           "Why? What each lever brings"), opened=opened,
                 on_opened=set_opened, name="pourquoi")  # fmt: skip
        if opened:
            Parts()


@solara.component
def Parts() -> None:
    """The contributions, computed once the levers rest, after everybody's answers."""
    now = session.view.value
    parts, set_parts = solara.use_state(_NO_PARTS)
    done, set_done = solara.use_state((0, 0))
    failure, set_failure = solara.use_state("")
    scenario = now.scenario
    chains = solara.use_memo(
        lambda: why.chains(now.reference, scenario, now.shown, now.lang),
        [scenario.digest, now.shown, now.lang],
    )

    def work(cancel: Any) -> None:
        set_failure("")
        if not why.chains(views.reference(scenario), scenario, now.shown, now.lang) or cancel.wait(
            0.6
        ):
            return
        try:
            found = why.contributions(
                views.reference(scenario), scenario, cancel.is_set,
                progress=lambda k, n: set_done((k, n)),
            )  # fmt: skip
            for one in found:
                set_parts((scenario, one))
        except CosimError as error:
            set_failure(str(error))

    solara.use_thread(work, dependencies=[scenario.digest], intrusive_cancel=False)
    if not chains:
        text("p", why.nothing(now.lang), "cosim-note")
        return
    if failure:
        text("p", failure, "cosim-warning", role="alert")
    fresh = parts is not None and parts[0].digest == scenario.digest
    with box("div", aria_busy="false" if fresh else "true"):
        if parts is None or not fresh:
            k, n = done
            text("p", say("calcul… chaque levier est retiré, puis pris seul, avec le même hasard",
                          "computing… each lever is left out, then taken alone, with the same luck")
                 + (f" ({k}/{n})" if n and k < n else ""), "cosim-status cosim-busy")  # fmt: skip
        if parts is not None and fresh:
            Contributed(parts[1])
        for chain in chains:
            Chain(chain)


@solara.component
def Contributed(parts: Contributions) -> None:
    """The bars, and the same in a sentence."""
    now = session.view.value
    kinds = {
        "on top": say("en plus des autres", "on top of the others"),
        "alone": say("seul", "alone"),
        "synergy": say("l'ensemble moins la somme des leviers seuls",
                       "the whole less the sum of the levers alone"),
        "total": "",
    }  # fmt: skip
    with box("div"):
        Bars(
            caption=say("Ce que chaque levier apporte", "What each lever brings"),
            heads=[say("Levier", "Lever"), say("Écart (à 95 %)", "Difference (95%)"),
                   INDICATORS[now.shown].label(now.lang)],
            rows=[
                {"label": bar.label, "detail": kinds[bar.kind], "kind": bar.kind, "mean": bar.mean,
                 "low": bar.low, "high": bar.high, "words": bar.words, "shape": "",
                 "colour": WHAT_IF if bar.kind in ("on top", "alone") else REFERENCE}
                for bar in why.bars(parts, now.shown, now.lang)
            ],
        )  # fmt: skip
        text("p", parts.sentence(now.lang, now.shown), "cosim-small")
        n = number(parts.reference.n, 0, now.lang)
        text("p", say(f"{n} simulations de chaque, à hasard égal.",
                      f"{n} simulations of each, with equal luck."), "cosim-status")  # fmt: skip


@solara.component
def Chain(chain: why.Chain) -> None:
    """From one lever to the curve, in words, each rule and each strength one click away."""
    now = session.view.value
    opened, set_opened = solara.use_state(False)
    name = INDICATORS[now.shown].label(now.lang)
    assumed, every = sum(row.assumed for row in chain.parameters), len(chain.parameters)
    with box("div", "explorer-chain"):
        text("h3", chain.label)
        with box("ol"):
            for words in chain.channel:
                text("li", words[:1].upper() + words[1:] + ".")
            for step in chain.through:
                with box("li"):
                    More(step.name, step.label)
                    text("span", say(f"{HARD}: ", ": ") + step.sentence)
            for step in chain.reaches:
                with box("li"):
                    text("span", say(f"ce qui fait bouger «{HARD}{name}{HARD}», ",
                                     f"what moves “{name}”, "))  # fmt: skip
                    More(step.name, step.label)
                    text("span", say(f"{HARD}: ", ": ") + step.sentence)
        if chain.parameters:
            Fold(
                title=say(f"Forces de ce levier{HARD}: {assumed} hypothèses sur {every}",
                          f"Strengths of this lever: {assumed} assumptions out of {every}"),
                opened=opened, on_opened=set_opened,
            )  # fmt: skip
        if opened:
            with box("ul"):
                for row in chain.parameters:
                    with box("li"):
                        More(row.name, row.label)
                        text("span", f" — {row.confidence}")


@solara.component
def More(section: str, label: str) -> None:
    """A link to what the page Méthode says of a parameter, a figure or a mechanism."""
    router = solara.use_router()
    query = views.to_query(session.view.value.with_own(section=section))

    def go(*_: Any) -> None:
        session.go(lambda v: v.with_own(section=section))
        router.push(f"/methode?{query}")

    Link(path="/methode", query=query, label=label, event_go=go)


# -- for whom -----------------------------------------------------------------------------


@solara.component
def Who(answer: Answer) -> None:
    """Who gains and who does not, by kind of actor and by size of commune."""
    now = session.view.value
    opened, set_opened = solara.use_state(False)
    chosen, set_chosen = solara.use_state(who.LOOKED_AT[0])

    def choose(key: str) -> None:
        if key in who.LOOKED_AT:
            set_chosen(key)

    with box("section", "cosim-card"):
        with box("h2", "explorer-fold"):
            Fold(title=say("Qui y gagne, qui n'y gagne pas", "Who gains, and who does not"),
                 opened=opened, on_opened=set_opened, name="qui")  # fmt: skip
        if not opened:
            return
        if answer.n < who.LEAST:
            few = say("calcul… trop peu de simulations pour l'instant",
                      "computing… too few simulations yet")  # fmt: skip
            text("p", few, "cosim-status cosim-busy")
            return
        effect = answer.effect
        Choice(
            name="gain", label=say("Regarder", "Look at"), value=chosen, on_value=choose,
            options=options({key: INDICATORS[key].label(now.lang) for key in who.LOOKED_AT}),
        )  # fmt: skip
        Groups(answer, say("Par sorte d'acteur", "By kind of actor"), who.kinds(effect, chosen))
        if chosen == who.LOOKED_AT[0]:
            Groups(answer, say("Par taille de commune", "By size of commune"), who.communes(effect))
        else:
            only = say("Par taille de commune, seul l'engagement est mesuré.",
                       "By size of commune, only engagement is measured.")  # fmt: skip
            text("p", only, "cosim-small")


@solara.component
def Groups(answer: Answer, title: str, parts: list[who.Part]) -> None:
    """One sentence, then each group with its interval and its mark."""
    now = session.view.value
    plain = (REFERENCE, "o")
    with box("div"):
        text("h3", title)
        text("p", who.sentence(answer.effect, parts, now.lang))
        Bars(
            caption=title,
            heads=[say("Groupe", "Group"), say("Écart (à 95 %)", "Difference (95%)"),
                   say("Moins | plus que la référence", "Less | more than the reference")],
            rows=[
                {"label": one.label(now.lang)[:1].upper() + one.label(now.lang)[1:], "kind": "part",
                 "detail": say("référence", "reference") + f" {percent(one.before, now.lang)}",
                 "mean": one.mean, "low": one.low, "high": one.high, "words": one.words(now.lang),
                 "colour": KINDS.get(one.group, plain)[0], "shape": KINDS.get(one.group, plain)[1]}
                for one in parts
            ],
        )  # fmt: skip
        few = who.caution(parts, now.lang)
        if few:
            text("p", few, "cosim-small")


# -- what to beware of --------------------------------------------------------------------


def _cautions() -> list[Caution]:
    now = session.view.value

    def found() -> list[Caution]:
        try:
            actors = {} if now.code == "synthetic" else views.counts(now.code)
            return warnings.found(now.reference, now.scenario, actors)
        except CosimError:  # a territory that is not there: said beside its name
            return []

    made: list[Caution] = solara.use_memo(found, [now.scenario])
    return made


@solara.component
def Beware(cautions: list[Caution]) -> None:
    """Levers that contradict one another, and what nothing was fitted to."""
    titles = {
        "contradiction": say(
            "Ces réglages se contredisent", "These settings contradict one another"
        ),
        "outside": say(
            "Hors de ce que le modèle a pu apprendre", "Outside of what the model could learn"
        ),
    }
    with box("div", "cosim-warning explorer-beware" if cautions else "explorer-none"):
        for kind, title in titles.items():
            chosen = [one for one in cautions if one.kind == kind]
            if chosen:
                text("h2", title)
                Told(chosen)


@solara.component
def Told(cautions: list[Caution]) -> None:
    """Cautions, each with what it rests on and a way to more."""
    lang = session.lang()
    with box("ul"):
        for one in cautions:
            with box("li"):
                text("span", f"{one.words(lang)} (")
                More(one.section, one.source(lang))
                text("span", ")")


@solara.component
def Assumptions(cautions: list[Caution]) -> None:
    """What this answer supposes, whatever the levers."""
    opened, set_opened = solara.use_state(False)
    if not cautions:
        return
    with box("section", "cosim-card"):
        with box("h2", "explorer-fold"):
            Fold(title=say(f"Ce que cette réponse suppose ({len(cautions)})",
                           f"What this answer supposes ({len(cautions)})"),
                 opened=opened, on_opened=set_opened, name="suppose")  # fmt: skip
        if opened:
            Told(cautions)
