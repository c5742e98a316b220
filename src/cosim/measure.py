"""Fill one month's row of indicators from the state (compiled).

One pass over actors, one over alliances, one over ties; clustering and components once a year.
Definitions: `indicators.py`.
"""

from __future__ import annotations

import numpy as np

from cosim.compiled import kernel
from cosim.indicators import (
    APPROACHES,
    COMMUNE_SIZES,
    ENGINEERING,
    LADDER,
    SURVEYED,
    WORLDS,
    column,
)
from cosim.mechanisms.bonds import popcount
from cosim.mechanisms.life import support_of
from cosim.mechanisms.outcomes import living_actors
from cosim.state import (
    ASSOCIATION,
    CATALYSEUR,
    COMPANY,
    DOMAIN_NAMES,
    ELU,
    F_BIRTHS,
    F_COMPLETED,
    F_FADED,
    F_FAILED,
    F_FAILURES,
    F_MEETINGS,
    F_SUCCESSES,
    LEVERS,
    MEASURE_NETWORK,
    MEASURE_TIES,
    N_DOMAINS,
    N_WORLDS,
    NEVER,
    NOBODY,
    ORIGINS,
    PLACE_BORN,
    PUBLICS,
    RUNGS,
    SHARED,
    TYPES,
)

_N_LEVELS = 6  # whole, four worlds, surveyed élus
_CONVINCED = column("convinced")
_ABLE = column("able")
_UNABLE = column("convinced_unable")
_COMMITMENT = column("commitment")
_KNOW_HOW = column("know_how")
_MATURITY = column("maturity")
_RUNG = column("rung", "1")
_ENGAGED = column("engaged")
_EMPLOYER = column("engaged", "association/employer")
_COMPANY = column("engaged", "company/PME 10-19")
_COMMUNE = column("engaged", f"commune/{COMMUNE_SIZES[0][0]}")
_LOCALLY = column("engaged_local")
_OF_TYPE = column("engaged_type", TYPES[0])
_CARRIED = column("carried")
_ALLIANCES = column("alliances")
_TYPE = column("alliances", TYPES[0])
_CONTRACT = column("alliances", RUNGS[0])
_ORIGIN = column("alliances", ORIGINS[0])
_DOMAIN = column("alliances", DOMAIN_NAMES[0])
_APPROACH = column("alliances", APPROACHES[0])
_KIND_RUNG = column("alliances", f"{TYPES[0]}/{RUNGS[0]}")
_BIRTHS = column("births")
_SUCCESSES = column("successes")
_FAILURES = column("failures")
_ENDINGS = column("endings")
_AGE = column("age")
_SIZE = column("size")
_LOAD = column("load")
_LOCAL = column("local")
_SUPPORTED = column("supported")
_RECOGNISED = column("recognised")
_WITHIN = column("trust_within")
_ACROSS = column("trust_across")
_CROSS = column("cross_ties")
_DEGREE = column("degree")
_CLUSTERING = column("clustering")
_COMPONENTS = column("components")
_FRAGILITY = column("fragility")
_ENGINES = column("engines")
_FORCE = column("force", "conscience")
_LEVER = column("lever", "vision")
_ACTORS = column("actors")
_SPENDING = column("spending")
_SPENDER = np.array([column("spending", name) for name in LEVERS])
_MEASURED = column("engaged_measured")
_MEASURED_EMPLOYER = column("engaged_measured", "association/employer")
_SEEN = column("alliances_measured")
_MEETINGS = column("meetings")
_REGULARS = column("regulars")
_PLACE_TIES = column("place_ties")
_VISIBLE = column("visible")
_REACH = column("reach", f"{SHARED[0]}/{PUBLICS[0]}")
_ENGINEERING = column("ingenierie", ENGINEERING[0])
assert column("convinced", SURVEYED) == _CONVINCED + _N_LEVELS - 1
assert len(WORLDS) == N_WORLDS and len(LADDER) == 4


@kernel
def _share(out, place, total):
    out[place] = out[place] / total if total > 0 else 0.0


@kernel
def _rung_of(m):
    return 3 if m >= 0.75 else 2 if m >= 0.5 else 1 if m >= 0.25 else 0


@kernel
def _levels(out, group, c, e):
    out[_CONVINCED + group] += c > 0.5
    out[_ABLE + group] += e > 0.5
    out[_UNABLE + group] += c > 0.5 and e < 0.5
    out[_COMMITMENT + group] += c
    out[_KNOW_HOW + group] += e
    out[_MATURITY + group] += min(c, e)


@kernel
def _actors(state, params, commune_class, out):
    actors = state.actors
    alliances = state.alliances
    n = np.zeros(_N_LEVELS)
    engaged = np.zeros(N_WORLDS + 1)
    companies = np.zeros(5)
    associations = np.zeros(2)
    communes = np.zeros(3)
    for i in range(actors.shape[0]):
        if not actors.alive[i]:
            continue
        kind = actors.kind[i]
        if kind == CATALYSEUR:
            out[_ACTORS + 1 + CATALYSEUR] += 1.0
            continue
        c = actors.commitment[i]
        e = actors.know_how[i]
        r = _rung_of(min(c, e))
        size = actors.size_class[i]
        is_engaged = actors.load[i] > 0
        local = False
        hidden = 1.0  # probability that a survey sees none of its alliances
        types = 0
        for s in range(actors.load[i]):
            a = actors.seats[i, s]
            local = local or alliances.outside[a] == NOBODY
            types |= 1 << alliances.type[a]
            if alliances.recognised[a] != NEVER:
                hidden *= 1.0 - params.survey_sees
        for group in (0, 1 + kind):
            n[group] += 1
            _levels(out, group, c, e)
            out[_RUNG + 4 * group + r] += 1.0
            out[_LOAD + group] += actors.load[i] / actors.capacity[i]
            out[_ENGAGED + group] += is_engaged
            out[_LOCALLY + group] += local
            out[_CARRIED + group] += actors.load[i]
            for k in range(4):
                out[_OF_TYPE + 4 * group + k] += types >> k & 1
            out[_MEASURED + group] += 1.0 - hidden
            engaged[group] += is_engaged
        if kind == ELU and size < 2:
            n[5] += 1
            _levels(out, 5, c, e)
        elif kind == ASSOCIATION:
            group = 0 if size >= 2 else 1
            associations[group] += 1
            out[_EMPLOYER + group] += is_engaged
            out[_MEASURED_EMPLOYER + group] += 1.0 - hidden
        elif kind == COMPANY:
            companies[size] += 1
            out[_COMPANY + size] += is_engaged
        group = commune_class[actors.commune[i]]
        communes[group] += 1
        out[_COMMUNE + group] += is_engaged
    for group in range(_N_LEVELS):
        _share(out, _UNABLE + group, out[_CONVINCED + group])
        for base in (_CONVINCED, _ABLE, _COMMITMENT, _KNOW_HOW, _MATURITY):
            _share(out, base + group, n[group])
    for group in range(N_WORLDS + 1):
        out[_ACTORS + group] = n[group]
        _share(out, _ENGAGED + group, n[group])
        _share(out, _MEASURED + group, n[group])
        _share(out, _LOCALLY + group, engaged[group])
        _share(out, _CARRIED + group, engaged[group])
        for k in range(4):
            _share(out, _OF_TYPE + 4 * group + k, engaged[group])
        _share(out, _LOAD + group, n[group])
        for r in range(4):
            _share(out, _RUNG + 4 * group + r, n[group])
    for group in range(2):
        _share(out, _EMPLOYER + group, associations[group])
        _share(out, _MEASURED_EMPLOYER + group, associations[group])
    for group in range(5):
        _share(out, _COMPANY + group, companies[group])
    for group in range(3):
        _share(out, _COMMUNE + group, communes[group])


@kernel
def _alliances(state, month, out):
    alliances = state.alliances
    substeps = state.settings.substeps
    living = 0.0
    models = 0.0
    for a in range(state.territory.n_alliances):
        if alliances.ended[a] != NEVER:
            continue
        living += 1.0
        out[_TYPE + alliances.type[a]] += 1.0
        out[_CONTRACT + alliances.rung[a]] += 1.0
        out[_ORIGIN + alliances.origin[a]] += 1.0
        out[_DOMAIN + alliances.domain[a]] += 1.0
        out[_APPROACH + (0 if alliances.type[a] < 2 else 1)] += 1.0
        out[_KIND_RUNG + 2 * alliances.type[a] + alliances.rung[a]] += 1.0
        out[_AGE] += (month - alliances.born[a]) / substeps
        outside = alliances.outside[a] != NOBODY
        out[_SIZE] += alliances.n_members[a] + outside
        out[_LOCAL] += not outside
        supported = support_of(state, a, month) > 0.0
        out[_SUPPORTED] += supported
        out[_RECOGNISED] += alliances.recognised[a] != NEVER
        models += alliances.rung[a] == 1 or supported
    out[_ALLIANCES] = living
    for place in (_AGE, _SIZE, _LOCAL, _SUPPORTED, _RECOGNISED):
        _share(out, place, living)
    flow = state.territory.flow
    out[_BIRTHS] = flow[F_BIRTHS]
    out[_SUCCESSES] = flow[F_SUCCESSES]
    out[_FAILURES] = flow[F_FAILURES]
    out[_ENDINGS + 1] = flow[F_COMPLETED]
    out[_ENDINGS + 2] = flow[F_FAILED]
    out[_ENDINGS + 3] = flow[F_FADED]
    out[_ENDINGS] = flow[F_COMPLETED] + flow[F_FAILED] + flow[F_FADED]
    return models / living if living > 0.0 else 0.0


@kernel
def _ties(state, out):
    actors = state.actors
    ties = state.ties
    within = np.int64(0)
    across = np.int64(0)
    trust_within = 0.0
    trust_across = 0.0
    n = np.zeros(N_WORLDS + 1)
    for i in range(actors.shape[0]):
        kind = actors.kind[i]
        if not actors.alive[i] or kind == CATALYSEUR:
            continue
        for group in (0, 1 + kind):
            n[group] += 1.0
            out[_DEGREE + group] += actors.contacts[i]
        # Sums of one actor first: the processor adds several of them up at once.
        inside = 0.0
        between = 0.0
        for slot in range(actors.first[i], actors.first[i] + actors.contacts[i]):
            other = actors.kind[ties.other[slot]]
            if ties.marks[slot] & PLACE_BORN:
                out[_PLACE_TIES] += 0.5 if other != CATALYSEUR else 1.0
            # Sums without a branch: which world comes next cannot be foreseen.
            trust = ties.trust[slot]
            same = np.int64(other == kind)
            cross = np.int64(other != CATALYSEUR) - same
            inside += same * trust
            between += cross * trust
            within += same
            across += cross
        trust_within += inside
        trust_across += between
    out[_WITHIN] = trust_within
    out[_ACROSS] = trust_across
    _share(out, _WITHIN, within)
    _share(out, _ACROSS, across)
    out[_CROSS] = across / (within + across) if within + across > 0 else 0.0
    for group in range(N_WORLDS + 1):
        _share(out, _DEGREE + group, n[group])


@kernel
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def _network(state, out):
    """Transitivity and largest component of the acquaintance network of the worlds."""
    actors = state.actors
    ties = state.ties
    n = actors.shape[0]
    mark = np.zeros(n, np.bool_)
    parent = np.arange(n)
    triads = 0
    closed = 0
    for i in range(n):
        if actors.kind[i] == CATALYSEUR:
            continue
        first = actors.first[i]
        last = first + actors.contacts[i]
        degree = 0
        for slot in range(first, last):
            if actors.kind[ties.other[slot]] != CATALYSEUR:
                mark[ties.other[slot]] = True
                degree += 1
        triads += degree * (degree - 1)
        for slot in range(first, last):
            j = ties.other[slot]
            if j < i or actors.kind[j] == CATALYSEUR:
                continue  # each acquaintance once
            a = _root(parent, i)
            b = _root(parent, j)
            if a != b:
                parent[a] = b
            for back in range(actors.first[j], actors.first[j] + actors.contacts[j]):
                closed += mark[ties.other[back]]
        for slot in range(first, last):
            mark[ties.other[slot]] = False
    members = np.zeros(n)
    alive = 0.0
    for i in range(n):
        if actors.alive[i] and actors.kind[i] != CATALYSEUR:
            alive += 1.0
            members[_root(parent, i)] += 1.0
    out[_CLUSTERING] = 2.0 * closed / triads if triads > 0 else 0.0
    out[_COMPONENTS] = members.max() / alive if alive > 0.0 else 0.0


@kernel
def _shared_needs(state):
    """Return the mean overlap (Jaccard) of the three first needs between worlds."""
    actors = state.actors
    counts = np.zeros((N_WORLDS, N_DOMAINS))
    for i in range(actors.shape[0]):
        if actors.alive[i] and actors.kind[i] < N_WORLDS:
            bits = actors.needs[i]
            while bits:
                counts[actors.kind[i], popcount((bits & -bits) - 1)] += 1.0
                bits &= bits - 1
    first = np.zeros(N_WORLDS, np.int64)
    for kind in range(N_WORLDS):
        for _ in range(3):
            top = np.argmax(counts[kind])
            if counts[kind, top] > 0.0:
                first[kind] |= 1 << top
                counts[kind, top] = 0.0
    total = 0.0
    for a in range(N_WORLDS):
        for b in range(a + 1, N_WORLDS):
            union = popcount(first[a] | first[b])
            total += popcount(first[a] & first[b]) / union if union else 0.0
    return total / 6.0


@kernel
def measure(state, params, month, scale, commune_class, out, previous):
    """Fill `out`, one row of `COLUMNS`, at the end of step `month`.

    `scale` (float64 per column) brings counts of a sample to the whole territory;
    `previous` is the row of the month before, or the row itself in the first month.
    """
    out[:] = 0.0
    substeps = np.int64(state.settings.substeps)
    _actors(state, params, commune_class, out)
    models = _alliances(state, month, out)
    if state.settings.measured & MEASURE_TIES:
        _ties(state, out)
    index = month // substeps
    if not state.settings.measured & MEASURE_NETWORK:
        pass
    elif index % 12 == 0:
        _network(state, out)
    else:
        out[_CLUSTERING] = previous[_CLUSTERING]
        out[_COMPONENTS] = previous[_COMPONENTS]
    n = 0.0
    for d in range(N_DOMAINS):
        if state.territory.domains >> d & 1:
            out[_FRAGILITY] += state.territory.fragility[d]
            n += 1.0
        out[_FRAGILITY + 1 + d] = state.territory.fragility[d]
    _share(out, _FRAGILITY, n)
    out[_ENGINES] = state.territory.engines
    living = max(1, living_actors(state.actors))
    fte = state.calendar.fte[month]
    visitors = 0.0
    for p in range(state.places.shape[0]):
        visitors += state.places.count[p]
    out[_FORCE] = out[_CONVINCED]
    out[_FORCE + 1] = _shared_needs(state)
    out[_FORCE + 2] = 100.0 * out[_BIRTHS] / living
    out[_FORCE + 3] = out[_ENGAGED]
    out[_FORCE + 4] = min(1.0, (100.0 * fte + visitors) / living)
    out[_FORCE + 5] = models
    out[_FORCE + 6] = out[_CROSS]
    total = out[_CONVINCED] + out[_ABLE] + out[_ENGAGED]
    if total > 0.0:
        out[_LEVER] = out[_CONVINCED] / total
        out[_LEVER + 1] = out[_ABLE] / total
        out[_LEVER + 2] = out[_ENGAGED] / total
    out[_LEVER + 3] = total
    territory = state.territory
    for lever in range(len(_SPENDER)):
        out[_SPENDER[lever]] += territory.spent[lever]
        out[_SPENDING] += territory.spent[lever]
    out[_SEEN] = params.survey_sees * out[_RECOGNISED] * out[_ALLIANCES]
    out[_MEETINGS] = territory.flow[F_MEETINGS]
    out[_REGULARS] = visitors
    out[_VISIBLE] = territory.visible
    for lever in range(3):
        for public in range(4):
            out[_REACH + 4 * lever + public] = territory.doses[lever, public]
    out[_ENGINEERING] = out[_ABLE + 1 + ELU]
    out[_ENGINEERING + 1] = out[_SUPPORTED]
    out[_ENGINEERING + 2] = 100.0 * fte / living
    for k in range(out.shape[0]):
        out[k] *= scale[k]
