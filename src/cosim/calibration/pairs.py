"""What a trial on the model reads of a State: which pairs are near, know each other, act together.

Compiled, because a trial looks at every pair of a territory in every replicate. Nothing here
changes a State.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cosim.compiled import kernel
from cosim.mechanisms.bonds import has_room, mean_maturity, mean_trust
from cosim.mechanisms.contacts import slot_of
from cosim.mechanisms.formation import eligible
from cosim.mechanisms.life import support_of
from cosim.state import CATALYSEUR, N_WORLDS, NEVER, NOBODY, PLACE_BORN


@kernel
def may_found(state: Any, i: Any, j: Any) -> Any:
    """Return whether `i` and `j`, once acquainted, could found an alliance."""
    actors = state.actors
    return actors.kind[i] < N_WORLDS and has_room(actors, i) and eligible(actors, i, j)


@kernel
def chance_of_meeting(state: Any, params: Any, i: Any, j: Any, through: Any, months: Any) -> Any:
    """Return about how likely `i` and `j`, of one commune, are to meet within `months`.

    The encounters of ODD §7.6 with contacts that stay as they are: `through` is the sum over
    common contacts of 1 / their number of contacts. It chooses pairs; what happens is counted.
    """
    actors = state.actors
    commune = actors.commune[i]
    neighbours = state.communes.start[commune + 1] - state.communes.start[commune]
    everyone = state.territory.seats[CATALYSEUR]
    near = params.p_commune / neighbours + (1.0 - params.p_commune) / everyone
    by_contact = through * (1.0 / actors.contacts[i] + 1.0 / actors.contacts[j])
    rate = params.p_closure * by_contact + 2.0 * (1.0 - params.p_closure) * near
    return 1.0 - math.exp(-params.encounters * rate * months)


@kernel
def at_distance_two(state: Any, params: Any, months: Any) -> Any:
    """Return [(i, j, chance of meeting within `months`)] of the pairs that a trial may treat.

    Of one commune, not acquainted, with a common contact, and able to found an alliance.
    """
    actors = state.actors
    ties = state.ties
    through = np.zeros(actors.shape[0])
    found = [(np.int64(0), np.int64(0), 0.0)]
    found.pop()
    for i in state.order:
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            b = ties.other[slot]
            for back in range(actors.first[b], actors.first[b] + actors.contacts[b]):
                through[ties.other[back]] += 1.0 / actors.contacts[b]
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            b = ties.other[slot]
            for back in range(actors.first[b], actors.first[b] + actors.contacts[b]):
                j = ties.other[back]
                if (
                    j > i
                    and through[j] > 0.0
                    and actors.commune[i] == actors.commune[j]
                    and may_found(state, i, j)
                    and slot_of(actors, ties, i, j) == NOBODY
                ):
                    p = chance_of_meeting(state, params, i, j, through[j], months)
                    found.append((i, j, p))
                through[j] = 0.0
    return found


@kernel
def _mark_reached(state: Any, reached: Any, i: Any) -> None:
    """Set reached[j] = i + 1 for `i`, its contacts and their contacts."""
    actors = state.actors
    ties = state.ties
    reached[i] = i + 1
    for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
        b = ties.other[slot]
        reached[b] = i + 1
        for back in range(actors.first[b], actors.first[b] + actors.contacts[b]):
            reached[ties.other[back]] = i + 1


@kernel
def count_strangers(state: Any) -> Any:
    """Return the number of pairs of strangers: no tie, no common contact, able to found."""
    reached = np.zeros(state.actors.shape[0], np.int64)
    n = 0
    for i in state.order:
        _mark_reached(state, reached, i)
        for j in range(i + 1, state.actors.shape[0]):
            n += reached[j] != i + 1 and may_found(state, i, j)
    return n


@kernel
def are_strangers(state: Any, pairs: Any) -> Any:
    """Return for each of `pairs`, int64[n, 2], whether the two are strangers."""
    reached = np.zeros(state.actors.shape[0], np.int64)
    strange = np.zeros(pairs.shape[0], np.bool_)
    for x in range(pairs.shape[0]):
        i = pairs[x, 0]
        j = pairs[x, 1]
        if may_found(state, i, j):
            _mark_reached(state, reached, i)
            strange[x] = reached[j] != i + 1
    return strange


@kernel
def are_able(state: Any, pairs: Any) -> Any:
    """Return for each of `pairs` whether the two could found an alliance once acquainted."""
    able = np.zeros(pairs.shape[0], np.bool_)
    for x in range(pairs.shape[0]):
        able[x] = may_found(state, pairs[x, 0], pairs[x, 1])
    return able


@kernel
def last_contact(state: Any, pairs: Any) -> Any:
    """Return the step of the last contact of each of `pairs`, -NEVER where not acquainted."""
    last = np.full(pairs.shape[0], -NEVER)
    for x in range(pairs.shape[0]):
        slot = slot_of(state.actors, state.ties, pairs[x, 0], pairs[x, 1])
        if slot != NOBODY:
            last[x] = state.ties.last[slot]
    return last


@kernel
def ties_of_places(state: Any) -> Any:
    """Return [(i, j)] of the acquaintances that a place has marked."""
    actors = state.actors
    found = [(np.int64(0), np.int64(0))]
    found.pop()
    for i in state.order:
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            if state.ties.marks[slot] & PLACE_BORN and state.ties.other[slot] > i:
                found.append((i, state.ties.other[slot]))
    return found


@kernel
def partners(state: Any, living: Any) -> Any:
    """Return [(i, j)], i < j, of those who sit, or with not `living` have sat, in one alliance."""
    alliances = state.alliances
    found = [(np.int64(0), np.int64(0))]
    found.pop()
    for a in range(state.territory.n_alliances):
        if living and alliances.ended[a] != NEVER:
            continue
        for x in range(alliances.n_members[a]):
            for y in range(x + 1, alliances.n_members[a]):
                i = alliances.members[a, x]
                j = alliances.members[a, y]
                found.append((min(i, j), max(i, j)))
    return found


@kernel
def trust_and_maturity(state: Any, params: Any) -> Any:
    """Return the mean trust and maturity of every alliance, float64[alliances, 2]."""
    n = state.territory.n_alliances
    levels = np.zeros((n, 2))
    for a in range(n):
        if state.alliances.ended[a] == NEVER:
            levels[a, 0] = mean_trust(state.actors, state.ties, state.alliances, params, a)
            levels[a, 1] = mean_maturity(state.actors, state.alliances, a)
    return levels


@kernel
def under_support(state: Any, month: Any) -> Any:
    """Return whether each alliance had a supported member in `month`, bool[alliances]."""
    n = state.territory.n_alliances
    supported = np.zeros(n, np.bool_)
    for a in range(n):
        supported[a] = support_of(state, a, month) > 0.0
    return supported


@kernel
def marked(state: Any, mark: Any) -> Any:
    """Return the number of acquaintances that bear `mark`."""
    actors = state.actors
    n = 0
    for i in state.order:
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            n += state.ties.marks[slot] & mark != 0 and state.ties.other[slot] > i
    return n
