"""The story of one replicate: it is the engine's run, told whole, on a map, within bounds."""

import threading

import numpy as np
import pytest

import cosim
from cosim.dashboard import landscape, story, story_text, view
from cosim.dashboard.pages import territoire
from cosim.indicators import column
from cosim.state import KINDS, TYPES

SMALL = "200007177"


@pytest.fixture(scope="module")
def scenario():
    return view.home().at(SMALL).scenario


@pytest.fixture(scope="module")
def told(scenario):
    return story.tell(scenario, seed=1, replicate=3)


@pytest.fixture(scope="module")
def run(scenario):
    return cosim.run(scenario, seed=1, replicate=3)


# -- the engine's run ---------------------------------------------------------------------


def test_a_story_is_the_run_of_the_engine_to_the_bit(told, run):
    assert np.array_equal(told.out, run.ensemble.values[0])


def test_engaged_and_present_actors_are_those_of_the_indicators(told):
    world = told.kind != KINDS.index("catalyseur")
    here = (told.levels != story.ABSENT) & world
    engaged = here & (told.levels >= story.ENGAGED)
    assert np.array_equal(here.sum(axis=1), told.out[:, column("actors")])
    share = engaged.sum(axis=1) / here.sum(axis=1)
    assert np.allclose(share, told.out[:, column("engaged")], atol=1e-12)


def test_levels_are_those_of_the_last_month_of_the_run(told, run):
    here = told.levels[-1] != story.ABSENT
    for name, table in (("commitment", told.commitment), ("know_how", told.know_how)):
        ours = np.sort(table[-1][here])
        theirs = np.sort(np.rint(100 * run.actors[name].to_numpy()).astype(np.uint8))
        assert np.array_equal(ours, theirs)
    assert ((told.levels[-1][here] & 127) <= 100).all()


def test_alliances_and_their_members_are_those_of_the_journal(told, run):
    ours, theirs = told.alliances, run.alliances
    assert [TYPES[k] for k in ours["type"]] == theirs.type.tolist()
    assert ours["successes"].tolist() == theirs.successes.tolist()
    living = [len(told.living(m)) for m in range(told.n_months)]
    assert np.allclose(living, told.out[:, column("alliances")] * told.scenario.territory.sample)
    assert len(told.members) == len(run.memberships)
    stayed = (told.members["left"] == told.n_months).sum()
    assert stayed == run.memberships.left.isna().sum()


def test_a_member_is_engaged_while_its_alliance_lives(told):
    row = told.members[len(told.members) // 2]
    months = slice(row["joined"], row["left"])
    assert (told.levels[months, row["seat"]] >= story.ENGAGED).all()


def test_an_acquaintance_is_trusted_as_the_mean_says(told):
    seat = int(np.flatnonzero(told.trust[-1] != story.ABSENT)[0])
    month, found = told.acquaintances(seat, told.n_months - 1)
    assert month == told.n_months - 1
    assert np.mean([trust for _, trust in found]) == pytest.approx(
        told.trust[-1, seat] / 100, abs=0.011
    )


# -- what happens -------------------------------------------------------------------------


def test_every_event_is_told_once(told, run):
    events = [tuple(row) for row in told.events.tolist()]
    births = [i for _, what, i in events if what == story.BORN]
    assert sorted(births) == np.flatnonzero(run.alliances.origin != "seeded").tolist()
    codes = {"completed": story.COMPLETED, "failed": story.FAILED, "faded": story.FADED}
    for cause, code in codes.items():
        found = [i for _, what, i in events if what == code]
        assert sorted(found) == np.flatnonzero(run.alliances.end_cause == cause).tolist()
    for what, name in ((story.SUCCESS, "successes"), (story.FAILURE, "failures")):
        assert sum(w == what for _, w, _ in events) == run.alliances[name].sum()
    votes = [told.scenario.month_label(m) for m, what, _ in events if what == story.ELECTION]
    assert votes == ["2020-06", "2026-03"]
    assert [m for m, *_ in events] == sorted(m for m, *_ in events)


def test_results_of_a_month_are_those_of_the_indicators(told):
    month = told.n_months // 2
    this = told.events[told.events["month"] == month]
    for what, name in ((story.BORN, "births"), (story.SUCCESS, "successes")):
        assert (this["what"] == what).sum() == told.out[month, column(name)]


def test_an_election_brings_newcomers(told):
    arrivals = told.events[told.events["what"] == story.ARRIVAL]
    elus = told.kind[arrivals["index"]] == KINDS.index("elu")
    vote = told.scenario.month_index("2026-03")
    by_month = np.bincount(arrivals["month"][elus], minlength=told.n_months)
    assert by_month[vote : vote + 2].sum() > 5 * by_month.mean()


# -- what is sent -------------------------------------------------------------------------


def test_what_is_packed_is_read_back_from_its_layout(told):
    tables = story.tables(told)
    values, layout = story.packed(tables)
    for part in layout:
        assert part["at"] % 8 == 0
        found = np.frombuffer(values, f"<{part['type']}", part["length"], part["at"])
        assert np.array_equal(found, tables[part["name"]].reshape(-1))
    assert tables["levels"].nbytes == told.n_months * told.n_seats
    assert len(values) < 3 * tables["levels"].nbytes + 100_000


# -- the map ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [SMALL, "cas-rural", "synthetic"])
def test_actors_stand_inside_their_commune_and_apart(code):
    one = story.tell(view.home().at(code).scenario.with_(**{"time.end": "2020-02"}))
    where = landscape.landscape(one.place)
    place = landscape.places(one, where)
    step = max(landscape.WIDTH, where.height) / landscape.FINE
    at = np.floor(place[:, :2] / step).astype(int)
    assert (where.nearest[at[:, 1], at[:, 0]] == one.commune).all()
    gaps = np.hypot(*(place[:, None, :2] - place[None, :, :2]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    own = one.commune[:, None] == one.commune[None, :]
    assert (np.where(own, gaps, np.inf).min(axis=1) > 0.99 * place[:, 2] - 1e-3).all()


def test_communes_cover_the_map_without_overlap(told):
    where = landscape.landscape(told.place)
    assert len(where.rings) == told.place.n_communes
    assert all(where.rings)
    areas = [sum(abs(_area(ring)) for ring in rings) for rings in where.rings]
    drawn = (where.nearest >= 0).sum() * (max(landscape.WIDTH, where.height) / landscape.FINE) ** 2
    assert sum(areas) == pytest.approx(drawn, rel=0.02)


def _area(ring):
    x, y = np.array(ring[::2], float), np.array(ring[1::2], float)
    return 0.5 * (x * np.roll(y, -1) - y * np.roll(x, -1)).sum()


def test_the_network_lies_within_its_frame_and_is_always_the_same(told):
    place = landscape.places(told, landscape.landscape(told.place))
    first, second = (landscape.network(told, place) for _ in range(2))
    assert np.array_equal(first, second)
    assert (first >= 0).all()
    assert (first <= [landscape.WIDTH, landscape.NETWORK_HEIGHT]).all()


# -- one for everybody --------------------------------------------------------------------


def test_the_shelf_is_bounded_and_tells_a_story_once(scenario):
    short = scenario.with_(**{"time.end": "2020-06"})
    shelf = story.Shelf()
    found = []
    threads = [threading.Thread(target=lambda: found.append(shelf.story(short))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1
    shelf.most_bytes = int(2.5 * found[0].nbytes)
    for replicate in range(5):
        shelf.story(short, replicate=replicate)
        assert shelf.nbytes <= shelf.most_bytes
    assert 1 < len(shelf) < 5


def test_a_cancelled_story_is_not_told(scenario):
    shelf = story.Shelf()
    assert shelf.story(scenario, cancelled=lambda: True) is None
    assert len(shelf) == 0


def test_the_median_simulation_has_as_many_above_as_below():
    final = np.array([5.0, 1.0, 9.0, 3.0, 7.0])
    assert final[story.quantile(final, 0.5)] == 5.0
    assert final[story.quantile(final, 0.9)] == 9.0
    assert final[story.quantile(final, 0.1)] == 1.0


# -- words --------------------------------------------------------------------------------


def test_nobody_has_a_personal_name_and_every_seat_is_found_by_its_key(told):
    for seat in range(told.n_seats):
        assert told.seat(told.name(seat)) == seat
    assert story_text.name(told, 0, "fr").split("\u00a0")[0].endswith("n°")
    assert told.seat("elu-99999") is None


def test_an_actor_is_told_in_the_language_asked_for(told):
    seat = int(told.members["seat"][0])
    last = told.n_months - 1
    french = story_text.profile(told, seat, last, "fr")
    english = story_text.profile(told, seat, last, "en")
    assert [a for a, _ in french][1:4] == ["Envie", "Savoir-faire", "Maturité"]
    assert [a for a, _ in english][1:4] == ["Commitment", "Know-how", "Maturity"]
    rows = story_text.alliances(told, seat, last, "fr")
    assert len(rows) == len(set(told.members["alliance"][told.members["seat"] == seat].tolist()))
    assert any("Déjà là au départ" in row[1] for row in rows)


def test_tables_add_up(told):
    born = [row[1] for row in story.by_year(told)]
    assert sum(born) == (told.events["what"] == story.BORN).sum()
    actors, here = story.by_commune(told)
    assert here.sum() == sum(born)
    assert actors.sum() == told.out[-1, column("actors")]


# -- the address --------------------------------------------------------------------------


def test_the_address_names_month_view_luck_and_reference():
    home = view.home()
    moved = territoire.showing(home, "reseau", "heureuse", True).with_own(mois="2024-05")
    restored, refused = view.from_query(view.to_query(moved))
    assert refused == ()
    assert territoire.shown(restored) == ("reseau", "heureuse", True)
    assert territoire.month_of(restored, restored.scenario) == 52
    assert territoire.shown(home) == ("carte", "mediane", False)
    assert territoire.month_of(home, home.scenario) == home.scenario.n_months - 1
    lost = home.with_own(mois="1789-07", carte="zut")
    assert territoire.month_of(lost, lost.scenario) == home.scenario.n_months - 1
    assert territoire.shown(lost) == ("carte", "mediane", False)
