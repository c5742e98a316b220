"""The sentences of a scenario: what it is, and what it changes from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from cosim.errors import CosimError, ScenarioError
from cosim.scenario import METIERS, POSTERIOR, Scenario, diff
from cosim.scenario_file import field_at, meta, table_of
from cosim.scenario_levers import Dated
from cosim.state import PUBLICS

Lang = Literal["fr", "en"]

_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}
_METIERS = {
    "fr": {
        "dialogue": "dialogue",
        "experimentation": "expérimentation",
        "accompagnement": "accompagnement",
        "lieu": "lieu",
    },
    "en": {
        "dialogue": "dialogue",
        "experimentation": "experimentation",
        "accompagnement": "coaching",
        "lieu": "places",
    },
}
#: Levers beside catalysis, in the order in which sentences tell them: that of the document.
LEVERS = tuple(
    name
    for name, field in Scenario.model_fields.items()
    if (table := table_of(field)) and issubclass(table, Dated)
)
_BASE = "parameters.base"
_CHOOSING = ("catalysis.", "territory.profile", "usine.", "france.", "rules.")
#: Values of the keys that are choices -> words.
_CHOICES = {
    "fr": {
        "needs": "à partir des besoins",
        "solutions": "à partir des solutions",
        "medium": "groupes de 3 à 5",
        "small": "petits premiers pas qui grandissent",
        "large": "grands premiers pas",
        "mixed": "de tous les profils",
        "batisseuse": "bâtisseuse",
        "idealiste": "idéaliste",
        "min": "le plus petit de l'envie et du savoir-faire",
        "scalar": "un seul niveau",
        "asymmetric": "gain lent, perte rapide",
        "beta": "comptes bêta avec oubli",
        "confirmatory": "ce qui confirme pèse plus",
        "linear": "tous les contacts comptent",
        "bounded": "seuls les proches d'avis comptent",
        "on": "prête sa confiance",
        "off": "ne prête pas sa confiance",
        "warnings": "prête sa confiance et met en garde",
        "random": "invités au hasard",
        "hubs": "les plus connus invités d'abord",
        "periphery": "la périphérie invitée d'abord",
        "complementary": "les complémentaires invités ensemble",
        "published": "les 350 postes publiés",
        "none": "aucun",
        "each": "ceux de chaque territoire",
        "shared": "ceux de toute la France, selon la population",
        "equal": "à parts égales entre territoires",
        "population": "selon la population",
        "need": "selon le besoin",
        "catalysts": "là où sont des catalyseurs",
        "elsewhere": "là où il n'y a pas de catalyseur",
    },
    "en": {
        "needs": "starting from needs",
        "solutions": "starting from solutions",
        "medium": "groups of 3 to 5",
        "small": "small first steps that grow",
        "large": "large first steps",
        "mixed": "all profiles",
        "min": "the smaller of commitment and know-how",
        "scalar": "one scalar",
        "asymmetric": "slow gain, fast loss",
        "beta": "beta counts with forgetting",
        "confirmatory": "what confirms weighs more",
        "linear": "all contacts count",
        "bounded": "only those of a similar mind count",
        "on": "lends its trust",
        "off": "lends no trust",
        "warnings": "lends its trust and warns",
        "random": "guests drawn at random",
        "hubs": "the best connected invited first",
        "periphery": "the periphery invited first",
        "complementary": "the complementary invited together",
        "published": "the 350 published posts",
        "none": "none",
        "each": "those of each territory",
        "shared": "those of all of France, by population",
        "equal": "equal between territories",
        "population": "by population",
        "need": "by need",
        "catalysts": "where catalysts are",
        "elsewhere": "where no catalyst is",
    },
}
_MECHANISMS = {
    "context": "contexte", "catalysis": "catalyse", "encounter": "rencontre",
    "trust": "confiance de départ", "commitment": "envie", "know_how": "savoir-faire",
    "formation": "naissance", "life": "vie", "outcomes": "effets",
    "recognition": "reconnaissance",
}  # fmt: skip


# -- sentences --------------------------------------------------------------------------------


def sentence(scenario: Scenario, lang: Lang, where: str | None = None) -> str:
    """What a scenario is: where, when, with which catalysts, crises and changes.

    `where` stands for the territory that the scenario names, as "France"; what it holds of
    catalysts beside those of the scenario is for the caller to say.
    """
    french = _french(lang)
    start, end = (month_name(m, lang) for m in (scenario.time.start, scenario.time.end))
    when = f"{_de(start)} à {end}" if french else f"from {start} to {end}"
    catalysts = [] if where and scenario.catalysis.fte == 0 else [catalysis_words(scenario, lang)]
    parts = [*catalysts, *lever_words(scenario, lang)]
    parts.append(_crises(scenario, lang))
    elections = [
        month_name(month, lang)
        for month in scenario.context.elections
        if 0 <= scenario.month_index(month) < scenario.n_months
    ]
    if elections:
        word = ("élections en " if french else "elections in ") if len(elections) > 1 else (
            "une élection en " if french else "one election in ")  # fmt: skip
        parts.append(word + _and(elections, lang))
    else:
        parts.append("sans élection" if french else "no election")
    plain = Scenario()
    told = (
        "time.", "territory.code", "territory.sample", "territory.synthetic.", "catalysis.",
        "context.elections", "context.crises", "parameters.base",
        *(f"{lever}." for lever in LEVERS),
    )  # fmt: skip
    others = [c for c in diff(plain, scenario) if not c.key.startswith(told)]
    parts += [f"{label(c.key, lang)}{_colon(lang)}{value_words(c.key, c.after, lang)}"
              for c in others]  # fmt: skip
    if scenario.draws:
        parts.append(f"{label('parameters', lang)} {value_words(_BASE, POSTERIOR, lang)}")
    if scenario.time.substeps > 1:
        steps = scenario.time.substeps
        parts.append(f"{steps} pas par mois" if french else f"{steps} steps a month")
    if scenario.territory.sample < 1:
        share = _percent(scenario.territory.sample, lang)
        parts.append(f"{share} des acteurs simulés" if french else f"{share} of actors simulated")
    place = where or territory_name(scenario, lang)
    return f"{place}, {when}{_colon(lang)}" + _semicolon(lang).join(parts) + "."


def difference_sentence(a: Scenario, b: Scenario, lang: Lang) -> str:
    """What `b` changes from `a`: the value of each key instead of the other."""
    french, changes = _french(lang), diff(a, b)
    name = scenario_name(a, lang)
    compared = f"Par rapport à {name}" if french else f"Compared with {name}"
    if not changes:
        return compared + (", rien ne change." if french else ", nothing changes.")
    parts = []
    if 0 in (a.catalysis.fte, b.catalysis.fte) and a.catalysis.fte != b.catalysis.fte:
        changes = [change for change in changes if not change.key.startswith("catalysis.")]
        parts.append(_instead(catalysis_words(b, lang), catalysis_words(a, lang), lang))
    for lever in LEVERS:
        was, now = ("".join(lever_words(x, lang, (lever,))) for x in (a, b))
        changed = [change for change in changes if change.key.startswith(f"{lever}.")]
        changes = [change for change in changes if change not in changed]
        if was != now:
            nothing = "rien" if french else "nothing"
            parts.append(_instead(now or nothing, was or nothing, lang))
    for change in changes:
        if not change.key.startswith("catalysis.mix."):
            after, before = (
                value_words(change.key, v, lang) for v in (change.after, change.before)
            )
            if change.key == "territory.code":
                after, before = territory_name(b, lang), territory_name(a, lang)
            name = "" if change.key == "context.crises" else label(change.key, lang) + _colon(lang)
            parts.append(name + _instead(after, before, lang))
    if any(change.key.startswith("catalysis.mix.") for change in changes):
        parts.append(
            "métiers" + _colon(lang) + _instead(mix_words(b, lang), mix_words(a, lang), lang)
        )
    if not parts:  # dates or budgets of a lever that gives nothing in either
        return compared + (", rien ne change en fait." if french else ", nothing changes in fact.")
    return f"{compared}{_colon(lang)}{_semicolon(lang).join(parts)}."


def _instead(after: str, before: str, lang: Lang) -> str:
    return (
        f"{after} (au lieu de\u00a0: {before})"
        if _french(lang)
        else f"{after} (instead of: {before})"
    )


def scenario_name(scenario: Scenario, lang: Lang) -> str:
    """The title in quotation marks, or words in its place."""
    if _french(lang):
        return f"«\u00a0{scenario.title}\u00a0»" if scenario.title else "la référence"
    title = scenario.title_en or scenario.title
    return f"“{title}”" if title else "the reference"


def territory_name(scenario: Scenario, lang: Lang) -> str:
    """The name of the territory; its code where no name is known."""
    code, stylised = scenario.territory.code, scenario.territory.synthetic
    if code == "synthetic":
        people = _number(stylised.population, lang)
        if _french(lang):
            return f"Territoire stylisé ({stylised.communes} communes, {people} habitants)"
        return f"Stylised territory ({stylised.communes} communes, {people} inhabitants)"
    try:
        from cosim.territory import load

        return str(load(code).name)
    except (CosimError, ImportError):
        return f"Territoire {code}" if _french(lang) else f"Territory {code}"


def catalysis_words(scenario: Scenario, lang: Lang) -> str:
    """Who catalyses, from when to when, and how."""
    french, catalysis = _french(lang), scenario.catalysis
    if catalysis.fte == 0:
        return "sans catalyseur" if french else "no catalyst"
    unit = "ETP de catalyseurs" if french else "FTE of catalysts"
    words = f"{_number(catalysis.fte, lang)} {unit}" + _dates(scenario, catalysis, lang)
    if catalysis.restart:
        again = month_name(catalysis.restart, lang)
        words += f" puis de nouveau à partir {_de(again)}" if french else f", again from {again}"
    words += f", {mix_words(scenario, lang)}"
    for choice in ("invitation", "matching", "first_step"):
        value = getattr(catalysis, choice)
        if value != getattr(type(catalysis)(), choice):
            words += f", {_CHOICES[lang][value]}"
    return words


def lever_words(scenario: Scenario, lang: Lang, names: tuple[str, ...] = LEVERS) -> list[str]:
    """Each lever that is in force: what, how much, from when to when, within which budget."""
    return [
        words + _dates(scenario, getattr(scenario, name), lang)
        for name in names
        if (words := _lever(name, getattr(scenario, name), lang))
    ]


def _lever(name: str, lever: Any, lang: Lang) -> str:
    """What a lever gives; empty when it gives nothing."""
    french = _french(lang)

    def k_euros(amount: float) -> str:
        return f"{_number(amount, lang)}\u00a0k€" + (" par an" if french else " a year")

    def n(amount: float) -> str:
        return _number(amount, lang)

    match name:
        case "lieux" if lever.number:
            one = lever.number == 1
            return (f"{n(lever.number)} {'lieu public' if one else 'lieux publics'} "
                    f"de {n(lever.capacity)} habitués" if french else
                    f"{n(lever.number)} public {'place' if one else 'places'} "
                    f"of {n(lever.capacity)} regulars")  # fmt: skip
        case "droit" if lever.strength:
            full = lever.strength == 1
            share = _percent(lever.strength, lang)
            if french:
                return "droit de l'alliance" + ("" if full else f" à {share} de son effet")
            return "law of the alliance" + ("" if full else f" at {share} of its effect")
        case "ingenierie" if lever.fte or lever.funds:
            what = []
            if lever.fte:
                what.append(f"{n(lever.fte)} ETP" if french else f"{n(lever.fte)} FTE")
            if lever.funds:
                first = "pour de premiers pas" if french else "for first steps"
                what.append(f"{k_euros(lever.funds)} {first}")
            head = "ingénierie de l'alliance" if french else "engineering of the alliance"
            return f"{head} ({_and(what, lang)})"
        case "prime" if lever.amount and lever.yearly_budget:
            most = k_euros(lever.yearly_budget)
            return (
                f"prime de {n(lever.amount)}\u00a0k€ par alliance, au plus {most}"
                if french
                else f"premium of {n(lever.amount)}\u00a0k€ for an alliance, at most {most}"
            )
        case "reconnaissance" if lever.funds:
            head = "reconnaissance" if french else "recognition"
            return f"{head} ({k_euros(lever.funds)})"
        case "usine" if lever.key != "none" and lever.factor:
            head = "usine de la co-construction" if french else "usine of co-construction"
            times = "" if lever.factor == 1 else f", {n(lever.factor)} fois" if french else (
                f", {n(lever.factor)} times")  # fmt: skip
            long = f"{n(lever.months)} mois" if french else f"{n(lever.months)} months"
            return f"{head} ({_CHOICES[lang][lever.key]}{times}, {long})"
        case "donnees" | "outils" | "competences":
            amounts = {getattr(lever, public) for public in PUBLICS}
            given = [f"{k_euros(amount)} {label(f'{name}.{public}', lang)}"
                     for public in PUBLICS if (amount := getattr(lever, public))]  # fmt: skip
            if len(given) == len(PUBLICS) and len(amounts) == 1:
                each = (
                    "pour chacun des quatre publics" if french else "for each of the four publics"
                )
                given = [f"{k_euros(amounts.pop())} {each}"]
            head = {"donnees": ("données", "data"), "outils": ("outils", "tools"),
                    "competences": ("compétences", "skills")}[name][not french]  # fmt: skip
            return f"{head} ({_and(given, lang)})" if given else ""
    return ""


def _dates(scenario: Scenario, lever: Any, lang: Lang) -> str:
    french, words = _french(lang), ""
    if lever.start:
        start = month_name(lever.start, lang)
        words += f" à partir {_de(start)}" if french else f" from {start}"
    if lever.end:
        end = month_name(scenario.month_label(scenario.month_index(lever.end) - 1), lang)
        words += f" jusqu'en {end}" if french else f" until {end}"
    budget = getattr(lever, "budget", None)
    if budget is not None:
        text = f"{_number(budget, lang)}\u00a0k€"
        words += f", {text} en tout" if french else f", {text} in all"
    if not scenario.months_of(lever):
        words += " (hors de la période simulée)" if french else " (outside the simulated period)"
    return words


def mix_words(scenario: Scenario, lang: Lang) -> str:
    """How the catalysts share their time between the four métiers."""
    names = _METIERS[lang]
    shares = {names[metier]: share for metier, share in scenario.catalysis.mix.shares.items()}
    used = {name: share for name, share in shares.items() if share > 0}
    if not used:
        return "aucun métier" if _french(lang) else "no métier"
    if len(used) == len(METIERS) and max(used.values()) - min(used.values()) < 1e-9:
        return (
            "à parts égales entre les quatre métiers"
            if _french(lang)
            else "in equal shares between the four métiers"
        )
    return _and([f"{_percent(share, lang)} {name}" for name, share in used.items()], lang)


def _crises(scenario: Scenario, lang: Lang) -> str:
    crises = [crisis.model_dump() for crisis in scenario.context.crises]
    return value_words("context.crises", crises, lang)


def label(key: str, lang: Lang) -> str:
    """The short name of a key; of a parameter, the name in the ledger."""
    table, _, name = key.partition(".")
    if table == "parameters" and name:
        return label(table, lang) if key == _BASE else name
    if key.startswith(("model.replace.", "model.after.")):
        mechanism = key.rpartition(".")[2]
        if _french(lang):
            word = "à la place de" if "replace" in key else "après"
            return f"{word} «\u00a0{_MECHANISMS[mechanism]}\u00a0»"
        return f"{'in place of' if 'replace' in key else 'after'} “{mechanism}”"
    if key.startswith("territory.fragility."):
        from cosim.indicators import group_label

        word = "fragilité au départ" if _french(lang) else "starting fragility"
        return f"{word}, {group_label(name.rpartition('.')[2], lang)}"
    field = field_at(tuple(key.split(".")))
    return meta(field, f"label-{lang}") if field else key


def value_words(key: str, value: Any, lang: Lang) -> str:
    """The value of a key, in plain words."""
    french = _french(lang)
    if key == "catalysis.start" and value is None:
        return "dès le début" if french else "the beginning"
    if key in ("catalysis.end", "catalysis.restart") and value is None:
        return "jamais" if french else "never"
    if key == _BASE:
        if value is None:
            return "ceux du registre" if french else "those of the ledger"
        return "tirés de la calibration" if french else "drawn from the calibration"
    if value is None and key.startswith(("parameters.", "territory.fragility.")):
        from cosim.parameters import PARAMETERS

        table, _, name = key.partition(".")
        value = PARAMETERS[name if table == "parameters" else "fragility_start"].default
    if key == "context.elections" and not value:
        return "aucune" if french else "none"
    if key == "context.crises" and not value:
        return "sans crise" if french else "no crisis"
    if value is None or (isinstance(value, list) and not value):
        return "rien" if french else "none"
    if isinstance(value, str) and value in _CHOICES[lang] and key.startswith(_CHOOSING):
        return _CHOICES[lang][value]
    if key == "territory.domains":
        from cosim.indicators import group_label

        return _and([group_label(name, lang) for name in value], lang)
    if key == "context.crises":
        return _and([_crisis(crisis, lang) for crisis in value], lang)
    if key == "model.without":
        names = [f"«\u00a0{_MECHANISMS[name]}\u00a0»" if french else f"“{name}”" for name in value]
        return _and(names, lang)
    if isinstance(value, bool):
        return {"fr": ("non", "oui"), "en": ("no", "yes")}[lang][value]
    if isinstance(value, int | float):
        return _number(value, lang)
    if isinstance(value, list):
        return _and([value_words("", item, lang) for item in value], lang)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", value):
        return month_name(value, lang)
    return str(value)


def _crisis(crisis: Mapping[str, Any], lang: Lang) -> str:
    start, months, depth = month_name(crisis["start"], lang), crisis["months"], crisis["depth"]
    if _french(lang):
        return f"crise de {months} mois à partir {_de(start)} (profondeur {_number(depth, lang)})"
    return f"a crisis of {months} months from {start} (depth {_number(depth, lang)})"


def month_name(month: str, lang: Lang) -> str:
    """ "2015-09" -> "septembre 2015"."""
    year, number = month.split("-")
    return f"{_MONTHS[lang].split()[int(number) - 1]} {int(year)}"


def _french(lang: str) -> bool:
    if lang not in ("fr", "en"):
        raise ScenarioError("unknown language", found=lang, expected="'fr' or 'en'")
    return lang == "fr"


def _de(month: str) -> str:
    return f"d'{month}" if month[0] in "ao" else f"de {month}"


def _and(words: list[str], lang: Lang) -> str:
    link = " et " if lang == "fr" else " and "
    return link.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _colon(lang: Lang) -> str:
    return "\u00a0: " if lang == "fr" else ": "


def _semicolon(lang: Lang) -> str:
    return "\u00a0; " if lang == "fr" else "; "


def _number(value: float, lang: Lang) -> str:
    text = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return text.replace(",", "\u00a0").replace(".", ",") if lang == "fr" else text


def _percent(share: float, lang: Lang) -> str:
    return _number(round(100 * share, 1), lang) + ("\u00a0%" if lang == "fr" else "%")
