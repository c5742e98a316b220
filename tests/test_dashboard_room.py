"""A seminar room without a screen: what may be shown, who voted, what was moved."""

import itertools
import re
import threading
import time
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cosim.dashboard import compute, qr, reach, room_slides, room_words
from cosim.dashboard import room as rooms
from cosim.dashboard import view as views
from cosim.dashboard.room import (
    CHOICES,
    GESTURE,
    HIDDEN,
    IDLE,
    LEAST,
    LETTERS,
    MOST_MEMBERS,
    MOST_MOVES,
    MOST_ROOMS,
    Phase,
    Question,
    Room,
    RoomError,
    Rooms,
    Tally,
    Truth,
    Vote,
    mirrored,
    onto,
)

SMALL = "200007177"
HOME = views.home().at(SMALL)
VIEWS = [HOME.moved(**{"catalysis.fte": float(k)}) for k in range(5)]


class Clock:
    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@dataclass(frozen=True, eq=False)
class Answer:
    """A slide that was not computed."""

    view: views.View
    n: int = 100
    truths: dict = field(default_factory=lambda: dict.fromkeys(views.SHOWN, Truth(5.0, 1.0, 9.0)))
    scales: dict = field(default_factory=lambda: dict.fromkeys(views.SHOWN, 20.0))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(clock):
    return Room("BCDFG", VIEWS[0], now=clock)


def answered(room, n=100):
    assert room.show(Answer(room.frame().view, n))


def voting(room, members=1):
    """Bring a room to its vote; return the seats of its members."""
    seats = [room.join() for _ in range(members)]
    assert room.ask("alliances")
    answered(room)
    assert room.open_vote()
    return seats


# -- every order of things ----------------------------------------------------------------


class Seminar(RuleBasedStateMachine):
    """Any order of what people do keeps the promises of a room."""

    @initialize()
    def opened(self):
        self.clock = Clock()
        self.room = Room("BCDFG", VIEWS[0], now=self.clock)
        self.log = [mirrored(VIEWS[0])]
        self.seats = []
        self.votes = {}

    @rule(k=st.integers(0, len(VIEWS) - 1))
    def move(self, k):
        self.clock.time += 2 * GESTURE
        changes = self.room.move(VIEWS[k])
        if self.room.frame().phase == Phase.VOTE:
            assert not changes
        elif changes and self.log[-1] != mirrored(VIEWS[k]):
            self.log.append(mirrored(VIEWS[k]))

    @rule()
    def undo(self):
        back = self.room.undo()
        if back is not None:
            self.log.pop()
            assert back == self.log[-1]

    @rule()
    def answer(self):
        self.room.show(Answer(self.room.frame().view))

    @rule(name=st.sampled_from(["alliances"]))
    def ask(self, name):
        if self.room.ask(name):
            self.votes = {}

    @rule()
    def open_vote(self):
        ready = self.room.frame().ready and self.room.frame().phase == Phase.ASK
        assert self.room.open_vote() == ready

    @rule()
    def join(self):
        self.seats.append(self.room.join())

    @precondition(lambda self: self.seats)
    @rule(data=st.data(), choice=st.sampled_from([*CHOICES, "maybe"]))
    def vote(self, data, choice):
        seat = data.draw(st.sampled_from(self.seats))
        counts = self.room.vote(seat.number, Vote(choice))
        assert counts == (self.room.frame().phase == Phase.VOTE and choice in CHOICES)
        if counts:
            self.votes[seat.number] = choice

    @rule()
    def reveal(self):
        self.room.reveal()

    @rule()
    def go_on(self):
        self.room.next()

    @rule()
    def replay(self):
        number = self.room.replay()
        if number:
            shown = [self.room.frame().view]
            while self.room.advance(number):
                shown.append(self.room.frame().view)
            assert [*shown, self.room.frame().view] == self.log

    @invariant()
    def no_answer_before_the_reveal(self):
        frame = self.room.frame()
        if frame.phase in HIDDEN:
            assert frame.slide is None and frame.tally is None

    @invariant()
    def the_log_is_what_was_moved(self):
        assert [move.view for move in self.room.log] == self.log

    @invariant()
    def the_answer_revealed_is_that_of_what_was_asked(self):
        frame = self.room.frame()
        if frame.tally is not None:
            assert frame.slide.view.scenario == frame.head.scenario
            counted = {name: count for name, count in frame.tally.counts if count}
            assert counted == {
                c: list(self.votes.values()).count(c) for c in set(self.votes.values())
            }


TestSeminar = Seminar.TestCase
TestSeminar.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# -- moves --------------------------------------------------------------------------------


def test_a_room_mirrors_the_scenario_but_no_language_and_no_key_of_a_screen(room):
    theirs = replace(VIEWS[1], lang="en").with_own(salle="XXXXX", mode="projection", mois="12")
    room.move(theirs)
    head = room.frame().head
    assert head.scenario == VIEWS[1].scenario and head.own("mois") == "12"
    assert head.own("salle") == head.own("mode") == ""
    mine = replace(HOME, lang="en").with_own(salle="BCDFG")
    shown = onto(head, mine)
    assert (shown.lang, shown.own("salle"), shown.scenario) == ("en", "BCDFG", VIEWS[1].scenario)


def test_a_lever_that_is_dragged_is_one_move(room, clock):
    clock.time += 10
    for k in range(1, 5):
        room.move(VIEWS[k])
        clock.time += GESTURE / 2
    assert [move.view for move in room.log] == [mirrored(VIEWS[0]), mirrored(VIEWS[4])]
    clock.time += GESTURE
    room.move(VIEWS[2])
    assert len(room.log) == 3
    room.undo()
    room.move(VIEWS[3])  # at once: what was taken back is not replaced
    assert [move.view for move in room.log][1:] == [mirrored(VIEWS[4]), mirrored(VIEWS[3])]


def test_the_log_says_when_who_and_what_and_its_addresses_restore_it(room, clock):
    clock.time += 7.0
    room.move(VIEWS[3])
    first, second = room.log
    assert (first.at, second.at, second.who) == (0.0, 7.0, 0)
    assert views.from_query(second.query) == (mirrored(VIEWS[3]), ())


def test_the_log_is_bounded(room, clock):
    for k in range(MOST_MOVES + 20):
        clock.time += 2 * GESTURE
        room.move(VIEWS[k % 2 + 1])
    assert len(room.log) == MOST_MOVES


def test_the_state_of_a_page_is_mirrored_and_is_no_move(room):
    room.move(VIEWS[0].with_own(mois="36"))
    assert room.frame().head.own("mois") == "36"
    assert len(room.log) == 1


def test_a_replay_shows_each_move_and_ends_where_it_began(room, clock):
    for k in (1, 2, 3):
        clock.time += 2 * GESTURE
        room.move(VIEWS[k])
    seen = []
    done = room.subscribe(lambda: seen.append(room.frame().view))
    rooms.play(room, pause=0.1)
    time.sleep(0.1)
    done.close()
    kept = [view for k, view in enumerate(seen) if k == 0 or view != seen[k - 1]]
    assert [mirrored(VIEWS[k]) for k in (0, 1, 2, 3)] == kept[-4:]
    assert not room.frame().replaying and room.frame().head == mirrored(VIEWS[3])


def test_a_move_ends_a_replay(room, clock):
    clock.time += 10
    room.move(VIEWS[1])
    number = room.replay()
    assert room.frame().view == mirrored(VIEWS[0]) and room.frame().replaying
    clock.time += 10
    room.move(VIEWS[2])
    assert not room.frame().replaying and not room.advance(number)


# -- votes --------------------------------------------------------------------------------


def test_a_member_votes_once_and_may_change_it_until_the_answer(room):
    one, other = voting(room, 2)
    assert room.vote(one.number, Vote("less"))
    assert room.vote(one.number, Vote("more", 8.0))
    assert room.vote(room.seat(one.token).number, Vote("more", 8.0))  # after a reload
    assert room.vote(other.number, Vote("same"))
    assert room.crowd()[1] == 2
    room.reveal()
    assert not room.vote(one.number, Vote("less"))
    assert room.frame().tally.counts == (("more", 1), ("same", 1), ("less", 0))


@pytest.mark.parametrize(
    "vote",
    [Vote("more", -1.0), Vote("less", 1.0), Vote("same", 1.0), Vote("more", 21.0),
     Vote("more", float("nan")), Vote("more", float("inf")), Vote("perhaps")],
)  # fmt: skip
def test_a_vote_that_is_none_does_not_count(room, vote):
    (seat,) = voting(room)
    assert not room.vote(seat.number, vote)
    assert room.crowd()[1] == 0


def test_strangers_screens_and_the_presenter_do_not_vote(room):
    voting(room)
    assert not room.vote(99, Vote("more"))
    assert not room.vote(0, Vote("more"))


def test_no_vote_is_opened_before_its_answer_is_there(room):
    room.ask("alliances")
    assert not room.open_vote()
    room.move(VIEWS[2])
    assert not room.show(Answer(mirrored(VIEWS[0])))  # of what was shown before
    answered(room, LEAST - 1)
    assert not room.open_vote()
    answered(room, LEAST)
    assert room.frame().slide is None and room.open_vote()


def test_during_a_vote_the_scenario_rests(room, clock):
    voting(room)
    clock.time += 10
    assert not room.move(VIEWS[3]) and room.undo() is None and not room.replay()
    assert room.frame().head.scenario == VIEWS[0].scenario


def test_a_move_after_the_answer_ends_the_question_and_another_curve_does_not(room):
    (seat,) = voting(room)
    room.vote(seat.number, Vote("more"))
    room.reveal()
    room.move(replace(room.frame().head, shown="engaged"))
    assert room.frame().phase == Phase.REVEAL and room.frame().tally.n == 1
    room.move(VIEWS[2])
    assert room.frame().phase == Phase.EXPLORE and room.frame().tally is None
    assert room.crowd()[1] == 0


def test_the_tally_counts_who_was_right():
    tally = Tally((("more", 3), ("same", 1), ("less", 0)), (2.0, 8.0, 15.0), Truth(5, 1, 9), 20.0)
    assert (tally.n, tally.right, tally.within, tally.middle) == (4, 3, 2, 8.0)
    bins = tally.bins()
    assert sum(count for *_, count in bins) == 3
    assert bins[0][0] == 0.0 and bins[-1][1] == 20.0
    assert all(high == low for (_, high, _), (low, _, _) in itertools.pairwise(bins))


@pytest.mark.parametrize(
    ("low", "high", "choice"), [(0.1, 9, "more"), (-9, -0.1, "less"), (-1, 9, "same")]
)
def test_more_is_said_where_the_sentence_says_it(low, high, choice):
    assert Truth((low + high) / 2, low, high).choice == choice


# -- who is there -------------------------------------------------------------------------


def test_a_token_gives_its_seat_back_and_no_other_does(room):
    seat = room.join()
    assert room.seat(seat.token) == seat
    assert room.seat(room.token).presents
    assert room.seat("") is room.seat("é" * 30) is None


def test_a_full_room_forgets_who_is_away_and_did_not_vote(room):
    seats = [room.join() for _ in range(MOST_MEMBERS)]
    there = room.subscribe(lambda: None, seats[0].number)
    room.ask("alliances")
    answered(room)
    room.open_vote()
    room.vote(seats[1].number, Vote("more"))
    room.join()
    assert room.seat(seats[2].token) is None
    assert room.seat(seats[0].token) and room.seat(seats[1].token)
    there.close()


def test_a_room_full_of_people_who_are_there_refuses(room):
    listening = [room.subscribe(lambda: None, room.join().number) for _ in range(MOST_MEMBERS)]
    with pytest.raises(RoomError, match="full"):
        room.join()
    assert room.crowd()[0] == MOST_MEMBERS
    for one in listening:
        one.close()
    assert room.crowd()[0] == 0


def test_who_is_slow_or_dead_holds_up_nobody(room):
    def until(condition):
        end = time.monotonic() + 5
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)
        assert condition()

    stuck, calls, seen = threading.Event(), [], []

    def slow():
        calls.append(room.frame().head)
        stuck.wait(10)

    def dead():
        raise ConnectionError

    screens = [room.subscribe(slow), room.subscribe(dead, room.join().number)]
    screens.append(room.subscribe(lambda: seen.append(room.frame().head)))
    until(lambda: len(calls) == 1 and seen and room.crowd()[0] == 0)  # the dead one is gone
    start = time.monotonic()
    for k in (1, 2, 3, 4):
        room.move(VIEWS[k])
    assert time.monotonic() - start < 0.5
    until(lambda: seen[-1] == mirrored(VIEWS[4]))
    assert len(calls) == 1
    stuck.set()
    until(lambda: calls[-1] == mirrored(VIEWS[4]))
    assert len(calls) == 2  # four changes meanwhile are one
    for one in screens:
        one.close()


def test_fifty_threads_do_everything_at_once(room):
    def everything(k):
        try:
            seat = room.join()
            listening = room.subscribe(lambda: room.frame(), seat.number, crowd=True)
            for turn in range(20):
                room.move(VIEWS[(k + turn) % 5])
                room.ask("alliances")
                room.show(Answer(room.frame().view))
                room.open_vote()
                for _ in range(3):
                    room.vote(seat.number, Vote(CHOICES[k % 3]))
                frame = room.frame()
                assert frame.phase not in HIDDEN or (frame.slide is None and frame.tally is None)
                assert frame.tally is None or frame.tally.n <= 50
                (room.reveal, room.next, room.undo, room.replay, room.stop)[turn % 5]()
            listening.close()
        except BaseException as error:
            wrong.append(error)

    wrong = []
    threads = [threading.Thread(target=everything, args=(k,)) for k in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == [] and not any(thread.is_alive() for thread in threads)
    assert room.crowd()[0] == 0
    assert len({room.join().number for _ in range(10)}) == 10


# -- the rooms of a server ----------------------------------------------------------------


def test_codes_are_five_letters_that_nobody_misreads_and_are_found_in_any_case():
    all_rooms = Rooms()
    found = [all_rooms.open(HOME) for _ in range(20)]
    assert len({room.code for room in found}) == len({room.token for room in found}) == 20
    for room in found:
        assert re.fullmatch(f"[{LETTERS}]{{5}}", room.code)
        assert not set("ILOQ01") & set(room.code)
        assert all_rooms.find(f" {room.code[:2].lower()}-{room.code[2:].lower()} ") is room


@pytest.mark.parametrize("code", ["", "ZZZZ", "AEIOU", "é" * 500, "../..", "\x00" * 5])
def test_an_unknown_code_gets_a_message_in_both_languages(code):
    with pytest.raises(RoomError) as refused:
        Rooms().find(code)
    french, english = rooms.REASONS[refused.value.reason]
    assert "cinq lettres" in french and "five letters" in english


def test_a_room_is_gone_after_six_idle_hours(clock):
    all_rooms = Rooms(clock)
    idle, busy = all_rooms.open(HOME), all_rooms.open(HOME)
    clock.time += IDLE - 1
    busy.move(VIEWS[1])
    clock.time += 2
    assert all_rooms.find(busy.code) is busy
    with pytest.raises(RoomError, match="unknown"):
        all_rooms.find(idle.code)
    assert idle.frame().ended


def test_an_answer_alone_does_not_keep_a_room(clock):
    all_rooms = Rooms(clock)
    room = all_rooms.open(HOME)
    clock.time += IDLE - 1
    answered(room)
    clock.time += 2
    with pytest.raises(RoomError):
        all_rooms.find(room.code)


def test_a_full_server_forgets_the_room_that_nobody_is_in_and_refuses_else(clock):
    all_rooms = Rooms(clock)
    opened = [all_rooms.open(HOME) for _ in range(MOST_ROOMS)]
    screens = [room.subscribe(lambda: None) for room in opened[1:]]
    clock.time += 5
    newest = all_rooms.open(HOME)
    assert len(all_rooms) == MOST_ROOMS and opened[0].frame().ended
    screens.append(newest.subscribe(lambda: None))
    with pytest.raises(RoomError, match="rooms"):
        all_rooms.open(HOME)
    for one in screens:
        one.close()


def test_a_closed_room_tells_its_screens_and_answers_nothing_more():
    all_rooms = Rooms()
    room = all_rooms.open(HOME)
    told = threading.Event()
    room.subscribe(lambda: told.set() if room.frame().ended else None)
    all_rooms.close(room)
    assert told.wait(5)
    assert not room.move(VIEWS[1]) and not room.ask("alliances") and room.undo() is None
    with pytest.raises(RoomError, match="ended"):
        room.join()
    late = threading.Event()
    room.subscribe(late.set)
    assert late.wait(5)


# -- what is shown ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def computed():
    """A room whose first answers were computed."""
    room = Room("BCDFG", VIEWS[4])
    room.subscribe(lambda: None)
    shown = []
    take = room.show
    room.show = lambda slide: shown.append(slide) or take(slide)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room_slides, "STAGES", (2, LEAST))
        patch.setattr(room_slides, "IDLE_STAGES", (LEAST,))
        room_slides.conduct(room, compute.Cache(), rest=0.0)
    return room, shown


def test_a_slide_says_what_the_effect_says(computed):
    room, shown = computed
    slide = room.frame().slide
    assert [one.n for one in shown][:2] == [2, LEAST]
    cache = compute.Cache()
    (answer,) = compute.effects(VIEWS[4].reference, VIEWS[4].scenario, cache=cache, stages=(LEAST,))
    for lang in ("fr", "en"):
        assert slide.words[lang]["sentence"] == answer.effect.sentence(lang, "alliances")
    row = answer.effect.table_at([-1], ["engaged"])
    row = row[row["group"] == ""].iloc[0]
    truth = slide.truths["engaged"]
    assert (truth.mean, truth.low, truth.high) == (row.difference, row.low, row.high)
    assert slide.values == compute.fan_bytes(answer, "alliances")


def test_the_scale_of_estimates_does_not_depend_on_the_scenario(computed):
    cache = compute.Cache()
    scales = []
    for view in (VIEWS[1], VIEWS[4]):
        (answer,) = compute.effects(view.reference, view.scenario, cache=cache, stages=(LEAST,))
        scales.append([room_slides.scale(answer, name) for name in views.SHOWN])
    assert scales[0] == scales[1] and min(scales[0]) > 0


def test_what_nobody_looks_at_is_not_refined(monkeypatch):
    monkeypatch.setattr(room_slides, "STAGES", (2,))
    monkeypatch.setattr(room_slides, "IDLE_STAGES", (4,))
    room = Room("BCDFG", VIEWS[1])
    room_slides.conduct(room, compute.Cache(), rest=0.0)
    assert room.answer().n == 2
    room.subscribe(lambda: None).wake()
    room_slides.conduct(room, compute.Cache(), rest=0.0)
    assert room.answer().n == 4


def test_what_is_gone_is_not_computed_further():
    other = Room("BCDFG", VIEWS[1])
    taken = other.show
    other.show = lambda slide: taken(slide) and other.move(VIEWS[2])
    room_slides.conduct(other, compute.Cache(), rest=0.0)
    assert other.answer().n == compute.PREVIEW
    assert other.frame().computing


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_outcome_is_told_in_words(computed, lang):
    asked = Question("engaged", 0.4)
    tally = Tally((("more", 3), ("same", 1), ("less", 0)), (0.05, 0.1), Truth(0.12, 0.02, 0.3), 0.4)
    told = " ".join(room_words.outcome(tally, asked, lang))
    assert ("3 sur 4" if lang == "fr" else "3 out of 4") in told
    assert ("+12,0\xa0points" if lang == "fr" else "+12.0\xa0points") in told
    bars = room_words.counts(tally, lang)
    assert [bar["count"] for bar in bars] == [3, 1, 0]
    assert [bar["right"] for bar in bars] == [True, False, False]
    assert sum(bar["right"] for bar in room_words.histogram(tally, asked, lang)) == 1
    form = room_words.estimates(asked, lang)
    assert (form["factor"], form["high"], form["unit"]) == (100.0, 40.0, "points")


# -- the way in ---------------------------------------------------------------------------

HERE = reach.Bound("127.0.0.1", 8765, frozenset({"127.0.0.1"}))
OPEN = reach.Bound("0.0.0.0", 8765, frozenset({"0.0.0.0", "192.168.1.7"}))


def test_an_address_of_this_machine_only_gets_advice_instead_of_a_code():
    told = reach.advice("http://127.0.0.1:8765", HERE, "192.168.1.7", "fr")
    assert "--host 0.0.0.0 --allow-host NOM" in told and "192.168" not in told
    told = reach.advice("http://localhost:8765", OPEN, "192.168.1.7", "fr")
    assert "http://192.168.1.7:8765" in told and "--host" not in told
    told = reach.advice("http://localhost:8765", OPEN, "10.0.0.2", "en")
    assert "--host 0.0.0.0 --allow-host 10.0.0.2" in told
    assert reach.advice("http://192.168.1.7:8765", OPEN, "192.168.1.7", "fr") == ""


def test_the_code_to_scan_is_that_of_the_link():
    import segno

    link = reach.link("http://192.168.1.7:8765", "BCDFG")
    assert link == "http://192.168.1.7:8765/direct?salle=BCDFG"
    made = qr.code(link)
    dark = {
        (int(x) + k, int(y))
        for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", made.path)
        for k in range(int(run))
    }
    rows = segno.make(link, error="l", micro=False).matrix
    assert dark == {(x, y) for y, row in enumerate(rows) for x, bit in enumerate(row) if bit}
