"""Mesa agents over the rows of a State: élus, associations, companies, academics, catalysts.

An agent stands for the occupant of a seat and holds no value of its own: what it shows is read
from, and written to, the arrays of `agent.model.run.state`; what it does goes through the same
compiled functions as the mechanisms. Agents name one another by row, never by reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from cosim.compiled import kernel
from cosim.errors import CosimError
from cosim.mechanisms import bonds, catalysis, contacts, formation
from cosim.state import (
    CAUSES,
    DOMAIN_NAMES,
    KINDS,
    LIVING,
    N_WORLDS,
    NEVER,
    NOBODY,
    ORIGINS,
    PROFILES,
    RUNGS,
    SIZE_CLASSES,
    TYPES,
    State,
)
from cosim.streams import BIRTH, pair, uniform

if TYPE_CHECKING:
    from cosim.model import CoSimModel

#: Draw number, under the purpose BIRTH, of a proposal made by an agent (formation uses 0 and 1).
_PROPOSAL = 2
#: First session number of those that agents convene; the mechanism stays far below.
_CONVENED = 1 << 20


def _domains(bits: int) -> frozenset[str]:
    return frozenset(DOMAIN_NAMES[bit] for bit in range(bits.bit_length()) if bits >> bit & 1)


@kernel
def _consents(state, params, i, j, month, key):  # type: ignore[no-untyped-def]
    """Return whether the pair's luck of this step lets a proposal through (ODD §7.10)."""
    u = uniform(key, BIRTH, pair(state.actors.id[i], state.actors.id[j]), month, _PROPOSAL)
    return u < formation.birth_probability(state, params, i, j)


class Level:
    """A number in [0, 1] of the actor's row; what is outside is refused, not clipped."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: TerritorialActor | None, owner: type | None = None) -> Any:
        return self if agent is None else float(agent.read(self.name))

    def __set__(self, agent: TerritorialActor, value: float) -> None:
        agent.read(self.name)  # the actor must still be there
        agent.state.actors[self.name][agent.row] = _in_unit_interval(self.name, value)


class Count:
    """A whole number of the actor's row, to read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: TerritorialActor | None, owner: type | None = None) -> Any:
        return self if agent is None else int(agent.read(self.name))

    def __set__(self, agent: TerritorialActor, value: int) -> None:
        raise AttributeError(f"{self.name} follows from the model and cannot be set")


def _in_unit_interval(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise CosimError("out of range", key=name, found=value, expected="a number from 0 to 1")
    return float(value)


class TerritorialActor(mesa.Agent):  # type: ignore[misc]
    """The occupant of a seat; made and removed by the model, never by hand.

    Attributes
    ----------
    row : place of the seat in `model.run.state.actors`
    actor_id : persistent 64-bit id of the occupant; the next one has another
    commitment, know_how : float in [0, 1], read and write (*envie*, *savoir-faire*)
    capacity, load : alliances that it can carry, that it carries
    """

    model: CoSimModel
    commitment = Level()
    know_how = Level()
    capacity = Count()
    load = Count()

    def __init__(self, model: CoSimModel, row: int) -> None:
        self.row = row
        self.actor_id = int(model.run.state.actors["id"][row])
        super().__init__(model)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id} of {self.commune}>"

    @property
    def state(self) -> State:
        """The arrays that this agent is a view of."""
        return self.model.run.state

    @property
    def present(self) -> bool:
        """Whether the actor still holds its seat."""
        actors = self.state.actors
        return bool(actors["alive"][self.row] and int(actors["id"][self.row]) == self.actor_id)

    def read(self, column: str) -> Any:
        """Return this actor's value of a column of `state.actors`."""
        if not self.present:
            raise CosimError("this actor has left its seat", key=column, found=self.actor_id)
        return self.state.actors[column][self.row]

    # -- what it is -----------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """Name of the kind: elu, association, company, academic or catalyseur."""
        return KINDS[int(self.state.actors["kind"][self.row])]

    @property
    def maturity(self) -> float:
        """The smaller of commitment and know-how."""
        return min(self.commitment, self.know_how)

    @property
    def commune(self) -> str:
        """Code of its commune."""
        return self.model.place.commune_codes[int(self.state.actors["commune"][self.row])]

    @property
    def commune_name(self) -> str:
        """Name of its commune."""
        return self.model.place.commune_names[int(self.state.actors["commune"][self.row])]

    @property
    def size_class(self) -> str:
        """Size class within the kind (function of an élu, budget or staff of the others)."""
        return SIZE_CLASSES[self.kind][int(self.read("size_class"))]

    @property
    def profile(self) -> str:
        """Profile of its commune's collectivité; a catalyst has none."""
        return "" if self.kind == "catalyseur" else PROFILES[int(self.read("profile"))]

    @property
    def needs(self) -> frozenset[str]:
        """Names of the domains in which it needs others."""
        return _domains(int(self.read("needs")))

    @property
    def solutions(self) -> frozenset[str]:
        """Names of the domains in which it has something to offer."""
        return _domains(int(self.read("solutions")))

    # -- whom it knows --------------------------------------------------------------------

    @property
    def contacts(self) -> list[TerritorialActor]:
        """Its acquaintances, oldest first."""
        n = int(self.read("contacts"))
        first = int(self.state.actors["first"][self.row])
        rows = self.state.ties["other"][first : first + n]
        return [self.model.actor(int(row)) for row in rows]

    def trust_in(self, other: TerritorialActor) -> float:
        """Return its trust in `other`; what anybody of that kind meets, if not acquainted."""
        i, j = self._rows(other)
        state = self.state
        return float(contacts.trust_in(state.actors, state.ties, self.model.params, i, j))

    def set_trust(self, other: TerritorialActor, value: float) -> None:
        """Set its trust in an acquaintance; the other's trust in it stays."""
        i, j = self._rows(other)
        slot = contacts.slot_of(self.state.actors, self.state.ties, i, j)
        if slot == NOBODY:
            raise CosimError("they are not acquainted", key="trust", found=(self, other))
        self.state.ties["trust"][slot] = _in_unit_interval("trust", value)

    @property
    def alliances(self) -> list[Alliance]:
        """The living alliances in which it sits, in order of joining."""
        rows = self.read("seats")[: self.load]
        return [Alliance(self.model, int(row)) for row in rows]

    @property
    def coach(self) -> TerritorialActor | None:
        """The catalyst who accompanies it, if any."""
        row = int(self.read("coach"))
        return None if row == NOBODY else self.model.actor(row)

    @property
    def place(self) -> Place | None:
        """The place of which it is a regular, if any."""
        row = int(self.read("place"))
        return None if row == NOBODY else Place(self.model, row)

    # -- what it does ---------------------------------------------------------------------

    def meet(self, other: TerritorialActor) -> bool:
        """Meet `other` face to face, as in mechanism 3; return whether they are acquainted."""
        i, j = self._rows(other)
        model = self.model
        return bool(
            contacts.meet(self.state, model.params, i, j, 0, model.run.month, model.run.key)
        )

    def propose_alliance(self, other: TerritorialActor, force: bool = False) -> Alliance | None:
        """Propose an alliance to `other`; return it, or None if nothing comes of it.

        Both must have room, be of different worlds, need what the other offers and share no
        alliance yet. Then they meet, and it is founded with the probability of mechanism 7 (one
        draw for the pair and step, whoever asks); `force` founds it without the draw.
        """
        i, j = self._rows(other)
        model = self.model
        actors = self.state.actors
        if not (
            actors["kind"][i] < N_WORLDS
            and bonds.has_room(actors, i)
            and formation.eligible(actors, i, j)
        ):
            return None
        model.make_room()
        self.meet(other)
        state, params, month, key = self.state, model.params, model.run.month, model.run.key
        if not force and not _consents(state, params, i, j, month, key):
            return None
        alliance = int(formation.found_pair(state, params, i, j, month, key))
        return Alliance(model, alliance)

    def _rows(self, other: TerritorialActor) -> tuple[int, int]:
        if other.model is not self.model:
            raise CosimError("the two actors are of different models", found=(self, other))
        for actor in (self, other):
            actor.read("id")
        if other.row == self.row:
            raise CosimError("an actor cannot do this with itself", found=self)
        return self.row, other.row


class Elu(TerritorialActor):
    """A municipal councillor; `size_class` is maire, adjoint or conseiller."""


class Association(TerritorialActor):
    """An association; `size_class` is its budget class."""


class Company(TerritorialActor):
    """A company of ten staff or more; `size_class` is its staff class."""


class Academic(TerritorialActor):
    """A teacher or researcher of the territory."""


class Catalyseur(TerritorialActor):
    """A catalyst: belongs to no world, founds no alliance, lets others do so."""

    @property
    def cases(self) -> list[TerritorialActor]:
        """The actors that it accompanies, in id order."""
        self.read("id")
        actors = self.state.actors
        rows = np.flatnonzero(actors["alive"] & (actors["coach"] == self.row))
        return [self.model.actor(int(row)) for row in rows]

    def convene(self, actors: Iterable[TerritorialActor]) -> None:
        """Hold a dialogue session: it meets each one, and each pair of them may meet."""
        group = list(actors)
        rows = np.array([self._rows(actor)[1] for actor in group], dtype=np.int64)
        if len(set(rows.tolist())) < len(rows):
            raise CosimError("somebody is invited twice", key="actors", found=group)
        run = self.model.run
        catalysis.convene(
            run.state, run.plan.params, self.row, rows, len(rows),
            _CONVENED + self.model.next_session(), run.month, run.key,
        )  # fmt: skip


#: The class of each kind, by number.
CLASSES: tuple[type[TerritorialActor], ...] = (Elu, Association, Company, Academic, Catalyseur)


class View:
    """A row of one of the state's records, equal to another view of the same row."""

    def __init__(self, model: CoSimModel, row: int) -> None:
        self.model = model
        self.row = row

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, View)
            and type(other) is type(self)
            and other.model is self.model
            and other.row == self.row
        )

    def __hash__(self) -> int:
        return hash((type(self), id(self.model), self.row))


class Alliance(View):
    """An alliance, living or ended; row of `model.run.state.alliances`."""

    def __repr__(self) -> str:
        return f"<Alliance {self.row}: {self.type}, {self.domain}, {self.born}>"

    def _read(self, column: str) -> Any:
        return self.model.run.state.alliances[column][self.row]

    @property
    def alliance_id(self) -> int:
        """Its 64-bit id, a hash of founders and month of birth."""
        return int(self._read("id"))

    @property
    def living(self) -> bool:
        """Whether it has not ended."""
        return int(self._read("cause")) == LIVING

    @property
    def members(self) -> list[TerritorialActor]:
        """Who sits in it, in order of joining; nobody once it has ended."""
        if not self.living:
            return []
        rows = self._read("members")[: int(self._read("n_members"))]
        return [self.model.actor(int(row)) for row in rows]

    @property
    def domain(self) -> str:
        """Name of its domain."""
        return DOMAIN_NAMES[int(self._read("domain"))]

    @property
    def type(self) -> str:
        """Type of partnership."""
        return TYPES[int(self._read("type"))]

    @property
    def rung(self) -> str:
        """contrat-echange or contrat-alliance."""
        return RUNGS[int(self._read("rung"))]

    @property
    def origin(self) -> str:
        """How its founders came together."""
        return ORIGINS[int(self._read("origin"))]

    @property
    def born(self) -> str:
        """Month of birth, YYYY-MM (before the scenario for those that lived at the start)."""
        return self.model.month_of(int(self._read("born")))

    @property
    def ended(self) -> str:
        """Month of the end, empty while living."""
        step = int(self._read("ended"))
        return "" if step == NEVER else self.model.month_of(step)

    @property
    def end_cause(self) -> str:
        """completed, failed or faded; empty while living."""
        return CAUSES[int(self._read("cause"))]

    @property
    def successes(self) -> int:
        """Joint successes so far."""
        return int(self._read("successes"))

    @property
    def failures(self) -> int:
        """Joint failures so far."""
        return int(self._read("failures"))

    @property
    def recognised(self) -> bool:
        """Whether it is visible to others."""
        return int(self._read("recognised")) != NEVER

    @property
    def local(self) -> bool:
        """Whether it has no partner outside the territory."""
        return int(self._read("outside")) == NOBODY

    @property
    def trust(self) -> float:
        """Mean trust over the directed pairs of its members."""
        state = self.model.run.state
        return float(
            bonds.mean_trust(state.actors, state.ties, state.alliances, self.model.params, self.row)
        )


class Place(View):
    """A place that a catalyst runs; row of `model.run.state.places`."""

    def __repr__(self) -> str:
        return f"<Place {self.row} in {self.commune}>"

    def _read(self, column: str) -> Any:
        return self.model.run.state.places[column][self.row]

    @property
    def commune(self) -> str:
        """Code of its commune."""
        return self.model.place.commune_codes[int(self._read("commune"))]

    @property
    def capacity(self) -> int:
        """How many regulars it can have."""
        return int(self._read("capacity"))

    @property
    def regulars(self) -> list[TerritorialActor]:
        """Its regulars, in order of arrival."""
        rows = self._read("regulars")[: int(self._read("count"))]
        return [self.model.actor(int(row)) for row in rows]
