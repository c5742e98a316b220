"""A seminar room: who presents, what is shown, what is asked, who voted, what was moved. No Solara.

A room is a state machine. The presenter's moves are mirrored; a question hides the answer from
every screen until it is revealed:

    explore --ask--> ask --open_vote--> vote --reveal--> reveal --next--> explore
       ^______________|__________________|  (drop)

What a screen may show is a `Frame`; a room gives no other way to its answer. Nobody has a name: the
presenter is number 0, members are 1, 2, … and hold a token that only their browser keeps.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Protocol

from cosim.dashboard.view import View, to_query

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROOMS = 50
MOST_MEMBERS = 200
#: Moves that a room remembers; each holds a view, about 20 kB.
MOST_MOVES = 100
#: Seconds without anybody doing anything after which a room is forgotten.
IDLE = 6 * 3600.0
#: Pairs of simulations without which no vote is opened.
LEAST = 20
#: Moves less than so many seconds apart are one gesture: a lever that is dragged.
GESTURE = 1.0
#: Letters of a code: none that is read as another letter or digit, no vowel, so no word.
LETTERS = "BCDFGHJKMNPRSTVWXZ"
LENGTH = 5
#: Keys of an address that are a screen's own, not the room's.
SCREEN_KEYS = ("salle", "mode")
PRESENTER = 0

CHOICES = ("more", "same", "less")


class Phase(StrEnum):
    """Where a room stands."""

    EXPLORE = "explore"
    ASK = "ask"  # a question stands, its scenario is being set, the answer is hidden
    VOTE = "vote"  # the scenario rests, votes are taken, the answer is hidden
    REVEAL = "reveal"


#: Phases in which no screen gets an answer.
HIDDEN = (Phase.ASK, Phase.VOTE)


class RoomError(Exception):
    """Why somebody cannot come in or open a room: a key of `REASONS`."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


#: Reason -> French, English.
REASONS: Mapping[str, tuple[str, str]] = {
    "unknown": (
        "Aucune salle de ce code : vérifiez les cinq lettres avec la personne qui présente. Une "
        "salle disparaît quand elle est fermée, ou après six heures sans activité.",
        "No room has this code: check the five letters with the presenter. A room is gone once it "
        "is closed, or after six hours without activity.",
    ),
    "full": (
        f"Cette salle est pleine ({MOST_MEMBERS} participants).",
        f"This room is full ({MOST_MEMBERS} participants).",
    ),
    "rooms": (
        f"Ce serveur tient déjà {MOST_ROOMS} salles : réessayez plus tard.",
        f"This server already holds {MOST_ROOMS} rooms: try again later.",
    ),
    "ended": (
        "La personne qui présente a fermé la salle.",
        "The presenter has closed the room.",
    ),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the log: seconds since the room opened, who moved, what then stood."""

    at: float
    who: int
    view: View

    @property
    def query(self) -> str:
        """The address of what then stood."""
        return to_query(self.view)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an indicator's difference to the reference at the end of the period.

    `scale` is the largest estimate of either sign, in the indicator's unit; 0 before the vote.
    """

    indicator: str
    scale: float = 0.0


@dataclass(frozen=True, slots=True)
class Vote:
    """What a member expects: more, same or less, and an estimate in the indicator's unit."""

    choice: str
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """The answer to a question: mean of the paired differences, and its 9-in-10 interval."""

    mean: float
    low: float
    high: float

    @property
    def choice(self) -> str:
        """More or less where the interval is on one side of zero, as sentences tell it."""
        return "more" if self.low > 0.0 else "less" if self.high < 0.0 else "same"


class Answered(Protocol):
    """What a room needs of a slide: see `cosim.dashboard.room_slides.Slide`."""

    @property
    def view(self) -> View: ...
    @property
    def n(self) -> int: ...
    @property
    def truths(self) -> Mapping[str, Truth]: ...
    @property
    def scales(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """The votes beside the answer."""

    counts: tuple[tuple[str, int], ...]
    estimates: tuple[float, ...]
    truth: Truth
    scale: float

    @property
    def n(self) -> int:
        """Votes."""
        return sum(count for _, count in self.counts)

    @property
    def right(self) -> int:
        """Votes for what the answer is."""
        return dict(self.counts)[self.truth.choice]

    @property
    def within(self) -> int:
        """Estimates inside the answer's 9-in-10 interval."""
        return sum(self.truth.low <= x <= self.truth.high for x in self.estimates)

    @property
    def middle(self) -> float | None:
        """The median estimate."""
        return median(self.estimates) if self.estimates else None

    def bins(self, number: int = 8) -> tuple[tuple[float, float, int], ...]:
        """Return low end, high end and count of equal classes of the estimates, over the scale.

        The last class holds its high end. No class lies below the lowest estimate's or above the
        highest's, those of the answer's mean included.
        """
        width = 2.0 * self.scale / number

        def place(x: float) -> int:
            return min(number - 1, max(0, math.floor((x + self.scale) / width)))

        found = Counter(map(place, self.estimates))
        if not found:
            return ()
        ends = [*found, place(self.truth.mean)]
        return tuple(
            (k * width - self.scale, (k + 1) * width - self.scale, found[k])
            for k in range(min(ends), max(ends) + 1)
        )


@dataclass(frozen=True)
class Frame:
    """What any screen of the room may show at this moment.

    Attributes
    ----------
    phase, question : where the room stands
    head : what the presenter's levers say
    view : what is shown: the same, or a move that is replayed
    step, steps : number of the move shown, of all moves; from 1
    replaying : whether moves are replayed
    slide : the last answer, None while there is none or it is hidden
    ready : whether the answer to the question is there, so that a vote can be opened
    tally : votes and answer, after the reveal
    origin : who moved last: see `Room.move`
    failure : why the answer could not be computed
    ended : whether the room is closed
    """

    phase: Phase
    head: View
    view: View
    step: int
    steps: int
    replaying: bool
    question: Question | None
    slide: Answered | None
    ready: bool
    tally: Tally | None
    origin: str
    failure: str
    ended: bool

    @property
    def computing(self) -> bool:
        """Whether the slide is not, or not yet, that of what is shown."""
        return self.slide is None or self.slide.view != self.view


@dataclass(frozen=True)
class Seat:
    """A place in a room: the presenter's (0), a member's (1, 2, …) or a screen's (None)."""

    room: Room
    number: int | None
    token: str = ""

    @property
    def presents(self) -> bool:
        """Whether it is the presenter's."""
        return self.number == PRESENTER


class Subscription:
    """Calls back after changes, on a thread of its own; changes meanwhile count as one.

    Nobody waits for it: one that is slow hears of fewer changes, one that fails is dropped.
    """

    def __init__(self, call: Callable[[], None], leave: Callable[[Subscription], None]):
        self._call, self._leave = call, leave
        self._awake, self._over, self._last = threading.Event(), False, False
        threading.Thread(target=self._run, name="cosim-room", daemon=True).start()

    def wake(self) -> None:
        """Tell that something changed."""
        self._awake.set()

    def finish(self) -> None:
        """Tell a last time."""
        self._last = True
        self._awake.set()

    def close(self) -> None:
        """Hear no more."""
        self._over = True
        self._awake.set()
        self._leave(self)

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._awake.clear()
            if self._over:
                return
            last = self._last
            try:
                self._call()
            except Exception:
                logging.getLogger(__name__).exception("a screen of a room is dropped")
                last = True
            if last:
                self.close()
                return


@dataclass(slots=True)
class _Listener:
    number: int | None
    crowd: bool
    screen: bool


def mirrored(view: View) -> View:
    """Return what a room mirrors of a view: all but the language and the keys of a screen."""
    extra = tuple((key, text) for key, text in view.extra if key not in SCREEN_KEYS)
    return replace(view, lang="fr", extra=extra)


def onto(view: View, session: View) -> View:
    """Return a room's view in a session: with the session's language and screen's keys."""
    keys = {key: session.own(key) for key in SCREEN_KEYS}
    return replace(view, lang=session.lang).with_own(**keys)


@dataclass(eq=False)
class Room:
    """One room; every method may be called from any thread, and none of them waits for a screen."""

    code: str
    view: View
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._opened = self.touched = self.now()
        self._head = mirrored(self.view)
        self._log = [Move(0.0, PRESENTER, self._head)]
        self._gesture = False  # whether a move may join the last one
        self._at: int | None = None  # what is replayed
        self._round = 0  # number of the replay
        self._phase = Phase.EXPLORE
        self._question: Question | None = None
        self._votes: dict[int, Vote] = {}
        self._tokens: dict[str, int] = {}
        self._next = PRESENTER + 1
        self._slide: Answered | None = None
        self._failure = ""
        self._origin = ""
        self._ended = False
        self._listeners: dict[Subscription, _Listener] = {}
        self._frame = self._framed()

    # -- what is seen ---------------------------------------------------------------------

    def frame(self) -> Frame:
        """Return what screens may show."""
        return self._frame

    @property
    def log(self) -> tuple[Move, ...]:
        """The moves, the first one what the room opened with."""
        with self._lock:
            return tuple(self._log)

    def crowd(self) -> tuple[int, int]:
        """Return how many members are there and how many have voted."""
        with self._lock:
            return len(self._present()), len(self._votes)

    @property
    def attended(self) -> bool:
        """Whether any screen is there."""
        with self._lock:
            return any(listener.screen for listener in self._listeners.values())

    def _present(self) -> set[int]:
        return {one.number for one in self._listeners.values() if one.number}

    def _framed(self) -> Frame:
        hidden = self._phase in HIDDEN
        shown = self._head if self._at is None else self._log[self._at].view
        slide, question = self._slide, self._question
        ours = slide is not None and slide.view.scenario == self._head.scenario
        ready = ours and slide is not None and slide.n >= LEAST
        if self._phase == Phase.REVEAL and not ours:
            slide = None  # the answer to another question is none
        tally = None
        if self._phase == Phase.REVEAL and slide is not None and question is not None:
            counts = Counter(vote.choice for vote in self._votes.values())
            tally = Tally(
                tuple((choice, counts[choice]) for choice in CHOICES),
                tuple(sorted(v.estimate for v in self._votes.values() if v.estimate is not None)),
                slide.truths[question.indicator],
                question.scale,
            )
        return Frame(
            self._phase, self._head, shown, (len(self._log) if self._at is None else self._at + 1),
            len(self._log), self._at is not None, question, None if hidden else slide, ready,
            tally, self._origin, self._failure, self._ended,
        )  # fmt: skip

    # -- who is there ---------------------------------------------------------------------

    def seat(self, token: str) -> Seat | None:
        """Return the seat of a token, if it is one of this room."""
        with self._lock:
            self.touched = self.now()
            if secrets.compare_digest(token.encode(), self.token.encode()):
                return Seat(self, PRESENTER, token)
            number = self._tokens.get(token)
            return None if number is None else Seat(self, number, token)

    def join(self) -> Seat:
        """Return a new member's seat.

        A full room forgets the member who is away, has not voted and came first.

        Raises
        ------
        RoomError : the room is full or closed
        """
        with self._lock:
            if self._ended:
                raise RoomError("ended")
            if len(self._tokens) >= MOST_MEMBERS:
                kept = self._present() | self._votes.keys()
                gone = next((t for t, number in self._tokens.items() if number not in kept), None)
                if gone is None:
                    raise RoomError("full")
                del self._tokens[gone]
            token, number = secrets.token_urlsafe(16), self._next
            self._next += 1
            self._tokens[token] = number
            self.touched = self.now()
            return Seat(self, number, token)

    def subscribe(
        self, call: Callable[[], None], number: int | None = None, crowd: bool = False,
        screen: bool = True,
    ) -> Subscription:  # fmt: skip
        """Call back once now and after every change; with `crowd`, also as members come and vote.

        `number` is that of the member who listens: who listens is there. What is no `screen` does
        not keep a room in use.
        """
        subscription = Subscription(call, self._left)
        with self._lock:
            self._listeners[subscription] = _Listener(number, crowd, screen)
            ended = self._ended
        subscription.finish() if ended else subscription.wake()
        self._crowd_changed()
        return subscription

    def _left(self, subscription: Subscription) -> None:
        with self._lock:
            self._listeners.pop(subscription, None)
        self._crowd_changed()

    def _crowd_changed(self) -> None:
        with self._lock:
            awake = [s for s, listener in self._listeners.items() if listener.crowd]
        for subscription in awake:
            subscription.wake()

    def _changed(self) -> None:
        """Make the new frame and wake everybody; called with the lock held."""
        self.touched = self.now()
        self._frame = self._framed()
        for subscription in self._listeners:
            subscription.wake()

    # -- moves ----------------------------------------------------------------------------

    def move(self, view: View, origin: str = "", who: int = PRESENTER) -> bool:
        """Show what the presenter moved to; return whether that changed anything.

        During a vote the scenario rests. A move after a reveal ends the question. `origin` is of
        the session that moved, which need not be told of it.
        """
        scene = mirrored(view)
        with self._lock:
            if self._ended or self._phase == Phase.VOTE or scene == self._head:
                return False
            logged = replace(scene, extra=()) != replace(self._head, extra=())
            if self._phase == Phase.REVEAL and scene.scenario != self._head.scenario:
                self._explore()
            self._stop()
            self._head, self._origin = scene, origin
            if logged:
                self._remember(Move(self.now() - self._opened, who, scene))
            self._changed()
            return True

    def _remember(self, move: Move) -> None:
        last = self._log[-1]
        if self._gesture and move.at - last.at < GESTURE and move.who == last.who:
            self._log[-1] = move
        else:
            self._log = [*self._log, move][-MOST_MOVES:]
        self._gesture = True

    def undo(self) -> View | None:
        """Take the last move back, and return what stands then; None where there is none."""
        with self._lock:
            if self._ended or self._phase == Phase.VOTE or len(self._log) < 2:
                return None
            if self._phase == Phase.REVEAL:
                self._explore()
            self._stop()
            self._log = self._log[:-1]
            self._gesture = False
            self._head, self._origin = self._log[-1].view, ""
            self._changed()
            return self._head

    def replay(self) -> int:
        """Go back to the first move; return the number of this replay, 0 where it cannot be.

        `advance` goes on.
        """
        with self._lock:
            if self._ended or self._phase in HIDDEN or len(self._log) < 2:
                return 0
            self._explore()
            self._round += 1
            self._at = 0
            self._changed()
            return self._round

    def advance(self, number: int) -> bool:
        """Show the next move of this replay; return whether one is left after it."""
        with self._lock:
            if self._at is None or number != self._round or self._ended:
                return False
            self._at += 1
            if self._at >= len(self._log) - 1:
                self._at = None
            self._changed()
            return self._at is not None

    def stop(self) -> None:
        """End the replay: what stands is shown."""
        with self._lock:
            self._stop()
            self._changed()

    def _stop(self) -> None:
        self._at = None

    def _explore(self) -> None:
        self._phase, self._question, self._votes = Phase.EXPLORE, None, {}
        self._gesture = False

    # -- question, vote, answer -----------------------------------------------------------

    def ask(self, indicator: str) -> bool:
        """Ask about an indicator, and hide the answer from now on."""
        with self._lock:
            if self._ended or self._phase not in (Phase.EXPLORE, Phase.REVEAL):
                return False
            self._explore()
            self._stop()
            self._phase, self._question = Phase.ASK, Question(indicator)
            self._head = replace(self._head, shown=indicator)
            self._changed()
            return True

    def open_vote(self) -> bool:
        """Take votes on the scenario as it stands, once its answer is there."""
        with self._lock:
            if self._phase != Phase.ASK or not self._frame.ready or self._ended:
                return False
            assert self._question is not None and self._slide is not None
            scale = self._slide.scales[self._question.indicator]
            self._question = replace(self._question, scale=scale)
            self._phase = Phase.VOTE
            self._changed()
            return True

    def vote(self, number: int, vote: Vote) -> bool:
        """Take a member's vote, or change it; return whether it counts."""
        with self._lock:
            if self._phase != Phase.VOTE or self._ended or number not in self._tokens.values():
                return False
            assert self._question is not None
            if vote.choice not in CHOICES or not _fits(vote, self._question.scale):
                return False
            self._votes[number] = vote
            self.touched = self.now()
        self._crowd_changed()
        return True

    def vote_of(self, number: int | None) -> Vote | None:
        """Return the vote of a member."""
        return None if number is None else self._votes.get(number)

    def reveal(self) -> bool:
        """Close the vote and show the answer."""
        with self._lock:
            if self._phase != Phase.VOTE or self._ended:
                return False
            self._phase = Phase.REVEAL
            self._changed()
            return True

    def next(self) -> bool:
        """Leave the question, answered or not."""
        with self._lock:
            if self._phase == Phase.EXPLORE or self._ended:
                return False
            self._explore()
            self._changed()
            return True

    def show(self, slide: Answered) -> bool:
        """Take an answer; one of what is no longer shown is refused."""
        with self._lock:
            if self._ended or slide.view != self._frame.view:
                return False
            self._slide, self._failure = slide, ""
            if self._phase in HIDDEN and self._frame.ready:
                self._frame = self._framed()  # no screen can tell: nobody is woken
                return True
            self._changed_by_itself()
            return True

    def fail(self, view: View, words: str) -> None:
        """Tell that the answer of this view could not be computed."""
        with self._lock:
            if view == self._frame.view:
                self._failure = words
                self._changed_by_itself()

    def _changed_by_itself(self) -> None:
        """As `_changed`, where nobody did anything."""
        touched = self.touched
        self._changed()
        self.touched = touched

    def answer(self) -> Answered | None:
        """Return the last answer, hidden or not: for what computes it, never for a screen."""
        return self._slide

    def end(self) -> None:
        """Close the room; screens are told a last time."""
        with self._lock:
            self._ended, self._slide = True, None
            self._votes = {}
            self._stop()
            self._phase, self._question = Phase.EXPLORE, None
            self._changed()
            for subscription in self._listeners:
                subscription.finish()


def _fits(vote: Vote, scale: float) -> bool:
    """Return whether an estimate is on the scale and on the side of the choice."""
    x = vote.estimate
    if x is None:
        return True
    if not (math.isfinite(x) and abs(x) <= scale * (1.0 + 1e-9)):
        return False
    return {"more": x >= 0.0, "less": x <= 0.0, "same": x == 0.0}[vote.choice]


def play(room: Room, pause: float = 1.0) -> None:
    """Replay all moves of a room, one each `pause` seconds; returns when they are shown."""
    number = room.replay()
    while number:
        time.sleep(pause)
        if not room.advance(number):
            return


class Rooms:
    """The rooms of a server, by code."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._lock = threading.Lock()
        self._rooms: dict[str, Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def open(self, view: View) -> Room:
        """Return a new room; the caller presents in it by its `token`.

        A server that is full forgets the abandoned room (nobody there) that rested longest.

        Raises
        ------
        RoomError : all rooms are in use
        """
        self._sweep()
        with self._lock:
            if len(self._rooms) >= MOST_ROOMS:
                empty = [room for room in self._rooms.values() if not room.attended]
                if not empty:
                    raise RoomError("rooms")
                rested = min(empty, key=lambda room: room.touched)
                rested.end()
                del self._rooms[rested.code]
            code = self._free()
            room = self._rooms[code] = Room(code, view, now=self._now)
            return room

    def _free(self) -> str:
        while True:
            code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            if code not in self._rooms:
                return code

    def find(self, code: str) -> Room:
        """Return the room of a code, in any case, with or without spaces.

        Raises
        ------
        RoomError : there is none
        """
        self._sweep()
        with self._lock:
            room = self._rooms.get(tidy(code))
        if room is None:
            raise RoomError("unknown")
        return room

    def close(self, room: Room) -> None:
        """Close a room and forget it."""
        room.end()
        with self._lock:
            if self._rooms.get(room.code) is room:
                del self._rooms[room.code]

    def _sweep(self) -> None:
        """Forget the rooms in which nothing happened for `IDLE` seconds."""
        with self._lock:
            old = [r for r in self._rooms.values() if self._now() - r.touched > IDLE]
        for room in old:
            self.close(room)


def tidy(code: str) -> str:
    """Return a code as rooms write it: capitals, without spaces and hyphens."""
    return code.upper().replace(" ", "").replace("-", "")[: 2 * LENGTH]


#: The rooms of this server.
ROOMS = Rooms()
