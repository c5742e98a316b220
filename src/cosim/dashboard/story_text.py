"""What the page Territoire says of a story, in two languages. No Solara.

Labels of kinds, types, domains and origins are those of the indicators; nobody has a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.dashboard.story import ABSENT, ARRIVAL, BORN, FADED, Party, by_commune, by_year
from cosim.effects_text import number, percent
from cosim.indicators import INDICATORS, group_label
from cosim.scenario_text import month_name
from cosim.state import CATALYSEUR, DOMAIN_NAMES, KINDS, NOBODY, ORIGINS, TYPES

if TYPE_CHECKING:
    from cosim.dashboard.story import Story
    from cosim.effects_text import Lang
    from cosim.territory import Territory

#: One actor of each kind.
ONE: dict[str, tuple[str, str]] = {
    "elu": ("élu", "élu"),
    "association": ("association", "association"),
    "company": ("entreprise", "company"),
    "academic": ("acteur académique", "academic"),
    "catalyseur": ("catalyseur", "catalyst"),
}
#: How an alliance ended, by cause: (completed, failed, faded).
ENDINGS = (
    ("menée à son terme", "completed"),
    ("rompue", "broken off"),
    ("éteinte, faute d'envie ou de place", "faded, for want of will or room"),
)
#: Acquaintances that the panel lists.
NEAREST = 6


def one(kind: int, lang: Lang) -> str:
    """Return what one actor of a kind is called."""
    return ONE[KINDS[kind]][lang == "en"]


def many(n: int, kind: int, lang: Lang) -> str:
    """Return a number of actors of a kind.

    >>> many(2, 2, "fr")
    '2 entreprises'
    """
    words = one(kind, lang) if n == 1 else group_label(KINDS[kind], lang)
    return f"{number(n, 0, lang)} {words}"


def name(story: Story, seat: int, lang: Lang) -> str:
    """Return what a seat is called: its kind and its number, never a person's name."""
    words = one(int(story.kind[seat]), lang)
    sign = "n°\u00a0" if lang == "fr" else "no.\u00a0"
    return f"{words} {sign}{story.number[seat]}"


def party(what: Party, place: Territory, lang: Lang) -> str:
    """Return who founded an alliance, and where.

    >>> from cosim import territory
    >>> party((((0, 1), (2, 2)), (1,), -1), territory.synthetic(), "fr")
    'entre 1 élu et 2 entreprises, à Commune 2'
    """
    members, communes, outside = what
    fr = lang == "fr"
    who = [many(n, kind, lang) for kind, n in members]
    if outside != NOBODY:
        beyond = "d'un autre territoire" if fr else "from elsewhere"
        who.append(f"{many(1, outside, lang)} {beyond}")
    join = " et " if fr else " and "
    words = ", ".join(who[:-1]) + join + who[-1] if len(who) > 1 else who[0] if who else "?"
    between = "entre" if fr else "between"
    where = join.join(place.commune_names[k] for k in communes)
    return f"{between} {words}, {'à' if fr else 'in'} {where}" if where else f"{between} {words}"


def words(lang: Lang, sampled: bool = False) -> dict[str, Any]:
    """Return what the component says, but labels of the ledgers.

    Events of a sampled territory are those of its sample; its indicators are of the whole.
    """
    fr = lang == "fr"

    def say(a: str, b: str) -> str:
        return a if fr else b

    return {
        "play": say("Lire", "Play"), "pause": say("Pause", "Pause"),
        "month": say("Mois", "Month"), "speed": say("Vitesse", "Speed"),
        "speeds": [say("lente", "slow"), say("normale", "normal"), say("rapide", "fast")],
        "view": say("Vue", "View"), "map": say("Carte", "Map"), "network": say("Réseau", "Network"),
        "closer": say("Agrandir", "Zoom in"), "farther": say("Réduire", "Zoom out"),
        "events": say("Ce mois-ci, parmi les acteurs simulés", "This month, among those simulated")
        if sampled else say("Ce mois-ci", "This month"),
        "nothing": say("Ni naissance ni fin d'alliance ce mois-ci.",
                       "No alliance is born or ends this month."),
        "more": say("et {n} autres", "and {n} more"),
        "election": say("Élections municipales", "Municipal elections"),
        "crisis": say("Début d'une crise", "A crisis begins"),
        "relief": say("Fin de la crise", "The crisis ends"),
        "crises": say("crise", "crisis"), "elections": say("élections", "elections"),
        "born": say("Naissance d'une alliance", "An alliance is born"),
        "endings": [say("Alliance " + a, "Alliance " + b) for a, b in ENDINGS],
        "bilan": say("Bilans communs : {s} réussis, {f} manqués.",
                     "Joint results: {s} successes, {f} failures."),
        "arrivals": say("Nouveaux venus dans un siège : {n}.", "Newcomers in a seat: {n}."),
        "sentence_map": say("Carte du territoire en {month} : {engaged} des acteurs engagés, "
                            "{alliances} alliances.",
                            "Map of the territory in {month}: {engaged} of the actors engaged, "
                            "{alliances} alliances."),
        "sentence_network": say("Réseau des acteurs en {month} : {engaged} engagés, "
                                "{alliances} alliances.",
                                "Network of the actors in {month}: {engaged} engaged, "
                                "{alliances} alliances."),
        "share": say("Part des acteurs engagés par commune", "Share of actors engaged by commune"),
        "filled": say("plein : engagé dans une alliance", "filled: in an alliance"),
        "hollow": say("vide : pas encore", "hollow: not yet"),
        "size": say("plus grand : plus mûr", "larger: more mature"),
        "line": say("trait : alliance ; bleu : née dans les 3 derniers mois ; petit trait : "
                    "partenaire d'un autre territoire",
                    "line: alliance; blue: born in the last 3 months; short line: partner from "
                    "elsewhere"),
        "coached": say("pointillé : accompagné par un catalyseur",
                       "dotted: accompanied by a catalyst"),
        "outlines": say("Contours approchés : la commune la plus proche. La place d'un acteur "
                        "dans sa commune ne veut rien dire.",
                        "Outlines approximated: the nearest commune. Where an actor stands in its "
                        "commune means nothing."),
        "close": say("Proches : ceux qui ont travaillé ensemble. Autour : ceux qui n'ont travaillé "
                     "avec personne d'ici.",
                     "Close: those who worked together. Around: those who worked with nobody "
                     "here."),
    }  # fmt: skip


def labels(story: Story, lang: Lang) -> dict[str, list[str]]:
    """Return the labels of kinds, types, domains, origins and founders, by their numbers."""
    return {
        "one": [one(kind, lang) for kind in range(len(KINDS))],
        "kinds": [group_label(kind, lang) for kind in KINDS],
        "types": [group_label(kind, lang) for kind in TYPES],
        "domains": [group_label(domain, lang) for domain in DOMAIN_NAMES],
        "parties": [party(what, story.place, lang) for what in story.parties[1]],
        "communes": list(story.place.commune_names),
        "series": [INDICATORS[key].label(lang) for key in ("alliances", "engaged")],
    }


# -- one actor ----------------------------------------------------------------------------


def profile(story: Story, seat: int, month: int, lang: Lang) -> list[tuple[str, str]]:
    """Return what is known of an actor in a month: (what, value)."""
    fr = lang == "fr"
    commune = story.place.commune_names[int(story.commune[seat])]
    rows = [("Commune", commune)]
    mature = int(story.levels[month, seat])
    if mature == ABSENT:
        return [*rows, (("Siège", "vacant ce mois-là") if fr else ("Seat", "vacant that month"))]
    levels = (
        (("Envie", "Commitment"), story.commitment),
        (("Savoir-faire", "Know-how"), story.know_how),
    )
    rows += [
        (label[not fr], percent(int(table[month, seat]) / 100.0, lang, 0))
        for label, table in levels
    ]
    rows.append(("Maturité" if fr else "Maturity", percent((mature & 127) / 100.0, lang, 0)))
    trust = int(story.trust[month, seat])
    label = "Confiance dans ses connaissances" if fr else "Trust in its acquaintances"
    alone = "ne connaît personne" if fr else "knows nobody"
    rows.append((label, alone if trust == ABSENT else percent(trust / 100.0, lang, 0)))
    arrivals = story.events[(story.events["what"] == ARRIVAL) & (story.events["index"] == seat)]
    came = arrivals["month"][arrivals["month"] <= month]
    if len(came):
        when = month_name(story.scenario.month_label(int(came[-1])), lang)
        rows.append(("Dans ce siège depuis" if fr else "In this seat since", when))
    return rows


def acquaintances(story: Story, seat: int, month: int, lang: Lang) -> tuple[str, list[list[str]]]:
    """Return when acquaintances were looked at, and rows: who, commune, trust in it."""
    at, found = story.acquaintances(seat, month)
    rows = [
        [_capital(name(story, other, lang)), story.place.commune_names[int(story.commune[other])],
         percent(trust, lang, 0)]
        for other, trust in found[:NEAREST]
    ]  # fmt: skip
    label = month_name(story.scenario.month_label(at), lang)
    fr = lang == "fr"
    words = (
        f"{len(found)} connaissances en {label} ; les plus sûres :" if fr
        else f"{len(found)} acquaintances in {label}; the most trusted:"
    )  # fmt: skip
    return words, rows


def came_about(story: Story, alliance: int, lang: Lang) -> str:
    """Return how an alliance came about: its origin, and the catalysts whom both founders know."""
    row = story.alliances[alliance]
    words = _capital(group_label(ORIGINS[int(row["origin"])], lang))
    common = [name(story, int(seat), lang) for seat in row["common"] if seat != NOBODY]
    if not common:
        return words
    known = "connu des fondateurs" if lang == "fr" else "known to its founders"
    return f"{words} ({', '.join(common)}, {known})"


def became(story: Story, alliance: int, month: int, lang: Lang) -> str:
    """Return what became of an alliance until a month, and its results in the whole run."""
    row, fr = story.alliances[alliance], lang == "fr"
    if row["ended"] > month:
        return "vivante" if fr else "living"
    ends = story.events[(story.events["index"] == alliance) & (story.events["what"] > BORN)
                        & (story.events["what"] <= FADED)]  # fmt: skip
    when = month_name(story.scenario.month_label(int(row["ended"])), lang)
    cause = ENDINGS[int(ends["what"][0]) - BORN - 1][not fr]
    return f"{cause}, {when}"


def alliances(story: Story, seat: int, month: int, lang: Lang) -> list[list[str]]:
    """Return rows of the alliances that a seat was in until a month, the last born first.

    Month of birth, how it came about, type and domain, founders, results, what became of it.
    """
    mine = story.members[(story.members["seat"] == seat) & (story.members["joined"] <= month)]
    party_of, parties = story.parties
    rows = []
    for a in sorted(set(mine["alliance"].tolist()), reverse=True):
        row = story.alliances[a]
        rows.append(
            [
                month_name(story.scenario.month_label(int(row["born"])), lang)
                if ORIGINS[int(row["origin"])] != "seeded" else "—",
                came_about(story, a, lang),
                f"{_capital(group_label(TYPES[int(row['type'])], lang))}, "
                f"{group_label(DOMAIN_NAMES[int(row['domain'])], lang)}",
                _capital(party(parties[int(party_of[a])], story.place, lang)),
                f"{row['successes']} / {row['failures']}",
                became(story, a, month, lang),
            ]
        )  # fmt: skip
    return rows


def choices(story: Story, lang: Lang) -> list[dict[str, str]]:
    """Return every seat that was ever taken, by commune, as a select takes them."""
    taken = np.flatnonzero((story.levels != ABSENT).any(axis=0))
    order = sorted(
        taken.tolist(),
        key=lambda s: (story.commune[s], story.kind[s] != CATALYSEUR, story.kind[s],
                       story.number[s]),
    )  # fmt: skip
    return [
        {
            "value": story.name(seat),
            "label": _capital(name(story, seat, lang)),
            "group": story.place.commune_names[int(story.commune[seat])],
        }
        for seat in order
    ]


# -- tables -------------------------------------------------------------------------------


def year_rows(story: Story, lang: Lang) -> list[list[str]]:
    """Return rows: year, alliances born, ended, living at its end, among actors simulated."""
    return [
        [str(year), *(number(value, 0, lang) for value in values)]
        for year, *values in by_year(story)
    ]


def commune_rows(story: Story, lang: Lang) -> list[list[str]]:
    """Return rows: commune, inhabitants, councillors, actors simulated, alliances born there."""
    place, (actors, born) = story.place, by_commune(story)
    order = np.argsort(-place.population, kind="stable")
    return [
        [place.commune_names[k], *(number(float(column[k]), 0, lang) for column in
                                   (place.population, place.councillors, actors, born))]
        for k in order.tolist()
    ]  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
