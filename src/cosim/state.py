"""State: everything that changes in a run, as tables of columns and a few NumPy record arrays.

`state.actors.commitment[i]` reads and writes the same memory from compiled and from plain Python
code. Rows of actors are seats: a seat is taken by successive occupants, and a vacant seat keeps
its row. Nothing here knows a rule; `mechanisms/contacts.py` and `mechanisms/bonds.py` hold the
operations that keep the tables consistent.

Actors, ties and alliances are a `Table` each: one array per column, as narrow as its values, so
that what a month reads of everybody stays in the nearest cache. What is read row by row (calendar,
journal, the territory itself) are NumPy records. `handle.py` hands all of it to compiled code.

Shapes: n actors (seats), s tie slots, a alliance rows, p places, m steps, C communes, 17 domains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
#: A record array: its fields are attributes, which a type checker cannot know.
Records = Any

ELU, ASSOCIATION, COMPANY, ACADEMIC, CATALYSEUR = range(5)
KINDS = ("elu", "association", "company", "academic", "catalyseur")
N_WORLDS = 4

N_DOMAINS = 17
#: Name of each domain by its bit: that of the SDG; six are the fragilities that people name first.
DOMAIN_NAMES = (
    "pauvrete", "faim", "vieillissement", "education", "egalite", "eau", "energie", "emploi",
    "innovation_industrie", "inegalites", "lien_social", "consommation", "environnement",
    "oceans", "biodiversite", "paix", "partenariats",
)  # fmt: skip
#: The six fragilities that people name first: (bit, name); bit = number of the SDG - 1.
DOMAINS = tuple((bit, DOMAIN_NAMES[bit]) for bit in (0, 2, 3, 7, 10, 12))
DEFAULT_DOMAINS = sum(1 << bit for bit, _ in DOMAINS)

MECENAT, INNOVATION, COOPERATION, RESPONSIBLE = range(4)
TYPES = ("mecenat", "innovation", "cooperation", "responsible")
RUNGS = ("contrat-echange", "contrat-alliance")
ENCOUNTER, EXPERIMENT, DIALOGUE, PLACE, SEEDED = range(5)
ORIGINS = ("encounter", "experiment", "dialogue", "place", "seeded")
LIVING, COMPLETED, FAILED, FADED = range(4)
CAUSES = ("", "completed", "failed", "faded")
METIERS = ("dialogue", "experimentation", "accompagnement", "lieu")

SIZE_CLASSES = {
    "elu": ("maire", "adjoint", "conseiller"),
    "association": ("<10k", "10-500k", "employeuse", ">500k"),
    "company": ("PME 10-19", "PME 20-49", "PME 50+", "ETI", "GE"),
    "academic": ("academique",),
    "catalyseur": ("catalyseur",),
}
PROFILES = ("batisseuse", "volontaire", "coordinatrice", "gestionnaire", "idealiste")

NEVER = 1 << 30
NOBODY = -1
MAX_SEATS = 16  # alliances in one actor's list; capacities stay below
MAX_MEMBERS = 12
MAX_REGULARS = 160
TIE_SLOTS = 24
CATALYST_SLOTS = 64

# Marks of a tie.
FRESH, BRIDGE, PLACE_BORN, DIALOGUE_BORN = 1, 2, 4, 8


#: One row per seat.
ACTORS = np.dtype(
    [
        ("id", "u8"),  # territory 30 bits, kind 3, ordinal 21, generation 10
        ("commitment", "f8"),  # in [0, 1]
        ("know_how", "f8"),  # in [0, 1]
        ("first", "i4"),  # first tie slot
        ("kind", "i1"),
        ("alive", "?"),  # the seat is taken
        ("ever", "?"),  # it has been taken before
        ("needs", "i4"),  # bit set of domains
        ("solutions", "i4"),  # bit set of domains
        ("contacts", "i1"),  # ties in the list
        ("fresh", "i1"),  # those of them that mechanism 4 has not seen
        ("load", "i1"),  # living alliances
        ("capacity", "i1"),  # alliances
        ("room", "i1"),  # tie slots
        ("soonest", "i4"),  # no tie of the list expires before
        ("commune", "i2"),
        ("size_class", "i1"),  # index in SIZE_CLASSES[kind]
        ("profile", "i1"),  # index in PROFILES
        ("seats", "i4", (MAX_SEATS,)),  # rows of alliances, in order of joining
        ("imitation", "f8"),  # per step
        ("learning", "f8"),  # factor of mean 1
        ("support", "f8"),  # K(caseload) of the accompaniment, or 0
        ("commitment0", "f8"),  # on entry
        ("know_how0", "f8"),  # on entry
        ("leaves", "i8"),  # step of leaving by itself
        ("coach", "i4"),  # row of the catalyst, or NOBODY
        ("place", "i4"),  # row, or NOBODY
        ("entered", "i4"),  # step
        ("coached_until", "i4"),  # step
        ("place_until", "i4"),  # step
        ("wins", "i2"),  # since mechanism 6 last read them
        ("setbacks", "i2"),  # since mechanism 5 last read them
        ("sessions", "i2"),  # since mechanism 5 last read them
    ]
)

#: Contact lists: actor i owns slots first[i] : first[i] + contacts[i], in no order.
TIES = np.dtype(
    [
        ("other", "i4"),  # row
        ("trust", "f8"),  # directed
        ("expiry", "i4"),  # step; NEVER while held by an alliance
        ("last", "i2"),  # step of the last contact (a run has at most 2 400)
        ("met", "i2"),  # step
        ("marks", "i1"),  # FRESH | BRIDGE | PLACE_BORN | DIALOGUE_BORN
        ("evidence", "f8"),  # counted results behind `trust`, of the rule *beta* only
    ]
)

#: One row per alliance, in order of birth, ended ones included.
ALLIANCES = np.dtype(
    [
        ("id", "u8"),
        ("outside_trust", "f8"),
        ("outside_evidence", "f8"),  # of the rule *beta* only
        ("members", "i4", (MAX_MEMBERS,)),  # rows in order of joining
        ("n_members", "i1"),
        ("domain", "i1"),  # bit
        ("type", "i1"),
        ("rung", "i1"),  # 0 or 1
        ("origin", "i1"),
        ("born", "i4"),  # step
        ("ended", "i4"),  # step; NEVER while living
        ("cause", "i1"),  # LIVING while living
        ("successes", "i2"),
        ("failures", "i2"),
        ("streak", "i2"),  # consecutive failures
        ("supported", "i4"),  # steps under support
        ("recognised", "i4"),  # step; NEVER while hidden
        ("outside", "i1"),  # kind of the outside partner, or NOBODY
        ("followed", "i4"),  # by an engineer until this step
    ]
)

#: One row per seat of a catalyst, then one per public place.
PLACES = np.dtype(
    [
        ("commune", "i4"),
        ("capacity", "i4"),  # 0 while closed
        ("count", "i4"),  # regulars
        ("regulars", "i8", (MAX_REGULARS,)),  # rows in order of arrival
    ]
)

#: Groups gathered by the experiments of this step.
PROPOSALS = np.dtype([("n_members", "i8"), ("domain", "i8"), ("members", "i8", (MAX_MEMBERS,))])

#: Who would found an alliance this step, found in one pass and visited by rank.
CANDIDATES = np.dtype(
    [
        ("first", "i8"),  # row
        ("second", "i8"),  # row; -2 - kind for a partner beyond the territory
        ("rank", "f8"),
        ("paid", "?"),  # founded only if the prime is paid
    ],
    align=True,
)

#: Seats of commune c: residents[start[c] : start[c + 1]]; one row more than communes.
COMMUNES = np.dtype([("start", "i8"), ("by_size", "i8")])  # by_size: most populated first

#: What a scenario spends on; the three volets of the usine apart.
LEVERS = (
    "catalysis", "lieux", "droit", "ingenierie", "prime", "donnees", "outils", "competences",
    "reconnaissance", "usine", "usine", "usine",
)  # fmt: skip
VOLETS = ("", "", "", "", "", "", "", "", "", "volet 1", "volet 2", "volet 3")
L_CATALYSIS, L_LIEUX, L_DROIT, L_INGENIERIE, L_PRIME = range(5)
L_DONNEES, L_OUTILS, L_COMPETENCES, L_RECONNAISSANCE, L_USINE = range(5, 10)
#: The levers of information and the publics that they serve.
SHARED = ("donnees", "outils", "competences")
DONNEES, OUTILS, COMPETENCES = range(3)
PUBLICS = ("organisations", "territoires", "collectivites", "institutions")
ORGANISATIONS, TERRITOIRES, COLLECTIVITES, INSTITUTIONS = range(4)

#: The scenario by step, resolved before the run.
CALENDAR = np.dtype(
    [
        ("shock", "f8"),  # summed depth of crises
        ("demand", "f8"),  # citizens' demand, share
        ("ahead", "f8"),  # by how much neighbouring élus are ahead in commitment
        ("spread", "f8"),  # visible successes brought home from the gathering, per 100 actors
        ("fte", "f8"),  # of catalysis, that of the usine included
        ("own_fte", "f8"),  # the part that the lever catalysis pays
        ("droit", "f8"),  # strength
        ("engineers", "f8"),  # FTE
        ("trials", "f8"),  # k€ a year for funded experiments
        ("prime", "f8"),  # k€ offered for one alliance
        ("purse", "f8"),  # euros newly granted for primes, once a year
        ("cases", "f8"),  # k€ a year for the recognition of cases
        ("amounts", "f8", (3, 4)),  # k€ a year by lever of SHARED and public
        ("spend", "f8", (12,)),  # k€ of the step by LEVERS, but what depends on the run
        ("lieux", "i4"),  # open public places
        ("election", "?"),  # first step of an election's month
        ("odd", "?"),
        ("july", "?"),  # first step of a July
    ],
    align=True,
)

FLOWS = ("births", "successes", "failures", "completed", "failed", "faded", "meetings",
         "births_pair", "births_group", "births_outside")  # fmt: skip
(F_BIRTHS, F_SUCCESSES, F_FAILURES, F_COMPLETED, F_FAILED, F_FADED, F_MEETINGS,
 F_PAIR, F_GROUP, F_OUTSIDE) = range(len(FLOWS))  # fmt: skip

#: Outcomes, counters of the current step, live counts of the other arrays (one record).
TERRITORY = np.dtype(
    [
        ("fragility", "f8", (N_DOMAINS,)),  # index 0..100
        ("engines", "f8"),  # index 0..100
        ("visible", "f8"),  # recognised successes of 12 months per 100 actors
        ("lag", "f8", (N_DOMAINS + 2, 2)),  # stages for the domains, then types 2 and 1
        ("flow", "f8", (len(FLOWS),)),  # this step
        ("doses", "f8", (3, 4)),  # share of each public that data, tools, skills reach
        ("spent", "f8", (12,)),  # k€ since the start by LEVERS
        ("purse", "f8"),  # euros left for primes this year
        ("engineering", "f8"),  # K(caseload) of the engineers, or 0
        ("successes", "i8", (N_DOMAINS, 4)),  # this step, by domain and type
        ("visible_log", "i8", (48,)),  # ring of 12 substeps
        ("seats", "i8", (6,)),  # place in `order` of the first of each kind
        ("domains", "i8"),  # bit set of the scenario's domains
        ("n_alliances", "i8"),
        ("n_proposals", "i8"),
        ("n_events", "i8"),
        ("journal", "?"),  # whether events are written
        ("overflow", "i8"),  # set when an array was too small: the run is void
    ],
    align=True,
)

#: Bits of `settings.measured`.
MEASURE_TIES, MEASURE_NETWORK = 1, 2
INVITATIONS = ("random", "hubs", "periphery", "complementary")
RANDOM, HUBS, PERIPHERY, COMPLEMENTARY = range(4)
MATCHINGS = ("needs", "solutions")
FROM_NEEDS, FROM_SOLUTIONS = range(2)
FIRST_STEPS = ("medium", "small", "large")
MEDIUM_STEP, SMALL_STEP, LARGE_STEP = range(3)
#: The métier (index in METIERS) that each profile answers best to: a reading of the typology.
PROFILE_METIERS = (3, 1, 0, 2, 0)
#: Rival rules: name of the rule -> its choices, the default first.
RULES = {
    "maturity": ("min", "scalar"),
    "trust": ("asymmetric", "beta", "confirmatory"),
    "imitation": ("linear", "bounded"),
    "third_party": ("on", "off", "warnings"),
}
SCALAR = 1
BETA, CONFIRMATORY = 1, 2
BOUNDED = 1
WITHOUT_THIRD_PARTY, WARNINGS = 1, 2

#: What the scenario sets once for the whole run (one record).
SETTINGS = np.dtype(
    [
        ("mix", "f8", (4,)),  # shares of the métiers
        ("caseload", "f8"),
        ("turnover", "f8"),
        ("scissors", "f8"),
        ("session", "i8"),  # invitees
        ("invitation", "i8"),
        ("matching", "i8"),
        ("first_step", "i8"),
        ("lieux_capacity", "i8"),  # regulars of one public place
        ("sample", "f8"),  # share of the actors simulated
        ("maturity", "i8"),  # rival rules
        ("trust", "i8"),
        ("imitation", "i8"),
        ("third_party", "i8"),
        ("substeps", "i8"),
        ("measured", "i8"),  # passes of `measure` over ties and over the network that are made
    ],
    align=True,
)

#: Events of the current month, drained between months.
JOURNAL = np.dtype(
    [
        ("actor", "u8"),  # id
        ("value", "f8"),
        ("what", "i4"),  # J_*
        ("step", "i4"),
        ("alliance", "i4"),  # row; the métier of an action; the lever of a spending
        ("other", "i4"),  # number of actors touched
    ],
    align=True,
)
J_JOIN, J_LEAVE, J_ACTION, J_SPENDING = range(4)


class Table:
    """Columns of one length: `table.trust[slot]`, `table.trust = 0.5` fills the whole column.

    `table["trust"]` is the column, `table[3]` a copy of one row, `table[:9]` a table of views,
    `table[mask]` a table of copies. `layout` is one of ACTORS, TIES, ALLIANCES.
    """

    __slots__ = ("_addresses", "_columns", "dtype")
    dtype: np.dtype[Any]
    _columns: dict[str, Array]
    _addresses: Array | None

    def __init__(self, layout: np.dtype[Any], columns: dict[str, Array]):
        object.__setattr__(self, "dtype", layout)
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_addresses", None)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            raise AttributeError(f"no column {name}") from None

    def __setattr__(self, name: str, values: Any) -> None:
        self[name] = values

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, str):
            return self._columns[at]
        if isinstance(at, int | np.integer):
            row = np.empty(1, self.dtype).view(np.recarray)
            for name, column in self._columns.items():
                row[name][0] = column[at]
            return row[0]
        return Table(self.dtype, {name: column[at] for name, column in self._columns.items()})

    def __setitem__(self, name: str, values: Any) -> None:
        if name not in self._columns:
            raise AttributeError(f"no column {name}")
        self._columns[name][...] = values

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def __reduce__(self) -> Any:
        return Table, (self.dtype, self._columns)

    @property
    def shape(self) -> tuple[int]:
        """Number of rows."""
        return (len(self),)

    @property
    def addresses(self) -> Array:
        """Number of rows and address of each column, int64: what compiled code receives."""
        if self._addresses is None:
            columns = self._columns.values()
            if not all(column.flags.c_contiguous for column in columns):
                raise TypeError("a table is not contiguous: copy the state first")
            places = [column.__array_interface__["data"][0] for column in columns]
            object.__setattr__(self, "_addresses", np.array([len(self), *places], np.int64))
        return self._addresses  # type: ignore[return-value]

    def copy(self) -> Table:
        """Return a table that shares no memory with this one."""
        return Table(self.dtype, {name: column.copy() for name, column in self._columns.items()})


class State(NamedTuple):
    """The whole of one replicate of one territory."""

    actors: Table  # ACTORS[n]
    ties: Table  # TIES[s]
    alliances: Table  # ALLIANCES[a]
    places: Records  # PLACES[p]
    proposals: Records  # PROPOSALS[k]
    communes: Records  # COMMUNES[C + 1]
    residents: Array  # int64[seats without catalysts], by commune in id order
    order: Array  # int64[n], rows of actors in id order
    old: Array  # float64[n], scratch: a level before this mechanism
    mark: Array  # int32[n], scratch: all 0 between two uses
    beta: Array  # float64[5, 2, 1025], quantiles of starting c and e by kind
    calendar: Records  # CALENDAR[m]
    journal: Records  # JOURNAL[j]
    territory: Any  # one TERRITORY record
    settings: Any  # one SETTINGS record


def table(rows: int, layout: np.dtype[Any]) -> Table:
    """Return a table of `rows` rows of zeros."""
    kinds = ((name, layout[name]) for name in layout.names or ())
    return Table(layout, {n: np.zeros((rows, *k.shape), k.base) for n, k in kinds})


def records(rows: int, dtype: np.dtype[Any]) -> Records:
    """Return `rows` records of zeros whose fields are attributes."""
    return np.zeros(rows, dtype=dtype).view(np.recarray)


def record(dtype: np.dtype[Any]) -> Any:
    """Return one record of zeros whose fields are attributes."""
    return records(1, dtype)[0]


def copy(state: State) -> State:
    """Return a copy of `state` that shares no memory with it."""

    def fresh(part: Any) -> Any:
        if isinstance(part, np.record):
            return np.array([part], dtype=part.dtype).view(np.recarray)[0]
        return part.copy()

    return State(*(fresh(part) for part in state))


def longer(rows: Table, n: int) -> Table:
    """Return the table with `n` rows; new ones are zeros."""
    wider = table(n, rows.dtype)
    for name in rows.dtype.names or ():
        wider[name][: len(rows)] = rows[name]
    return wider
