"""What a visitor's session knows of a seminar room: its seat, the frame it shows, the verbs.

The room's code is a key of the address (`salle`); the token of a seat is kept by the browser tab
and never stands in an address.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import solara

from cosim.dashboard import room_slides, session
from cosim.dashboard.room import (
    HIDDEN,
    REASONS,
    ROOMS,
    Frame,
    Phase,
    RoomError,
    Seat,
    Vote,
    mirrored,
    onto,
    tidy,
)
from cosim.dashboard.view import View

PATH = "/direct"
CODE, MODE, PROJECTION = "salle", "mode", "projection"
#: Seats that a browser tab remembers.
MOST_SEATS = 5
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_CODE = re.compile(r"[A-Z]{5}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]{1,255}(/[A-Za-z0-9._~\-/]{0,100})?")


@dataclass(frozen=True)
class Browser:
    """What the browser tab tells: the address it uses for the server, the tokens that it keeps."""

    origin: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)


def browser_of(told: object) -> Browser:
    """Return what a browser tells; what is not of its form is left out."""
    if not isinstance(told, dict):
        return Browser()
    origin, tokens = told.get("origin"), told.get("tokens")
    if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
        origin = ""
    known = tokens.items() if isinstance(tokens, dict) else ()
    fitting = {
        code: token
        for code, token in known
        if isinstance(code, str) and isinstance(token, str)
        and _CODE.fullmatch(code) and _TOKEN.fullmatch(token)
    }  # fmt: skip
    return Browser(origin.rstrip("/"), dict(list(fitting.items())[-MOST_SEATS:]))


_NO_BROWSER: Browser | None = None
_NO_SEAT: Seat | None = None
_NO_FRAME: Frame | None = None
_NO_PHASE: Phase | None = None
_NOBODY: tuple[int, int] = (0, 0)

#: None until the browser has told.
browser = solara.reactive(_NO_BROWSER)
seat = solara.reactive(_NO_SEAT)
#: What the room shows; None outside a room.
frame = solara.reactive(_NO_FRAME)
#: Where the room stands, None outside a room: what changes a whole page.
phase = solara.reactive(_NO_PHASE)
#: Members there, votes.
crowd = solara.reactive(_NOBODY)
#: Why one is not in a room: a key of `REASONS`.
trouble = solara.reactive("")
#: This session's name in the room, so that it is not told of its own moves.
_origin = solara.reactive("")


def code() -> str:
    """Return the code of the room in the address."""
    return tidy(session.view.value.own(CODE))


def reason() -> str:
    """Return in words why one is not in a room."""
    return session.say(*REASONS[trouble.value]) if trouble.value else ""


def projecting() -> bool:
    """Return whether this screen is made to be projected."""
    return session.view.value.own(MODE) == PROJECTION


# -- coming and going ---------------------------------------------------------------------


def told(found: object) -> None:
    """Take what the browser tells; of tokens, the session knows better once it has any."""
    new, known = browser_of(found), browser.value
    browser.value = Browser(new.origin, known.tokens) if known and known.tokens else new


def open_room() -> None:
    """Open a room on what the session shows, and present in it."""
    try:
        room = ROOMS.open(session.view.value)
    except RoomError as error:
        trouble.value = error.reason
        return
    room_slides.begin(room)
    _sit(Seat(room, 0, room.token))


def enter(text: str) -> None:
    """Go to the room of a code that somebody typed."""
    try:
        found = ROOMS.find(str(text)[:40])
    except RoomError as error:
        trouble.value = error.reason
        return
    trouble.value = ""
    _address(**{CODE: found.code})


def take_seat(joins: bool) -> None:
    """Sit in the room of the address: on the seat that the browser keeps a token of, or a new one.

    Without `joins`, and for a room that is projected, no new one.
    """
    known, name, now = browser.value, code(), seat.value
    if known is None or (now is not None and now.room.code == name):
        return
    if not name:
        _stand()
        return
    try:
        room = ROOMS.find(name)
        found = room.seat(known.tokens.get(room.code, ""))
        if found is None and joins:
            found = Seat(room, None) if projecting() else room.join()
    except RoomError as error:
        _stand()
        if joins:
            trouble.value = error.reason
        return
    if found is not None:
        _sit(found)
        if found.presents:
            restore()


def leave() -> None:
    """Leave the room; its seat is forgotten."""
    now = seat.value
    if now is not None:
        _forget(now)
    _stand()
    _address(**{CODE: "", MODE: ""})


def end() -> None:
    """Close the room that one presents."""
    now = seat.value
    if now is not None and now.presents:
        ROOMS.close(now.room)
        leave()


def _sit(found: Seat) -> None:
    known = browser.value or Browser()
    if found.token:
        tokens = {**known.tokens, found.room.code: found.token}
        browser.value = Browser(known.origin, dict(list(tokens.items())[-MOST_SEATS:]))
    trouble.value = ""
    _origin.value = secrets.token_hex(4)
    _show(found.room.frame())
    crowd.value = found.room.crowd()
    seat.value = found
    if session.view.value.own(CODE) != found.room.code:
        _address(**{CODE: found.room.code})


def _stand() -> None:
    seat.value, crowd.value = None, _NOBODY
    _show(None)


def _show(found: Frame | None) -> None:
    """Take a frame; its answer goes before its phase does."""
    frame.value = found
    phase.value = None if found is None or found.ended else found.phase


def _forget(one: Seat) -> None:
    known = browser.value or Browser()
    tokens = {name: token for name, token in known.tokens.items() if name != one.room.code}
    browser.value = Browser(known.origin, tokens)


def _address(**keys: str) -> None:
    session.view.value = session.view.value.with_own(**keys)


# -- mirroring ----------------------------------------------------------------------------


def follow() -> Callable[[], None] | None:
    """Keep `frame` and `crowd` those of the room; return what ends it."""
    now = seat.value
    if now is None:
        return None
    counts = now.number is None or now.presents

    def changed() -> None:
        found = now.room.frame()
        if counts:
            crowd.value = now.room.crowd()
        if now.presents and found.origin != _origin.peek() and found.head is not _head.peek():
            restore()
        _show(found)
        if found.ended:
            trouble.value = "ended"

    return now.room.subscribe(changed, now.number, crowd=counts).close


#: The room's view that this session has, so that it is taken over once.
_NO_VIEW: View | None = None
_head = solara.reactive(_NO_VIEW)


def restore() -> None:
    """Make the session's view that of the room."""
    now = seat.peek()
    if now is None:
        return
    head = now.room.frame().head
    _head.value = head
    if mirrored(session.view.peek()) != head:
        session.view.value = onto(head, session.view.peek())


def present() -> None:
    """Show the room what the presenter's session shows."""
    now = seat.value
    if now is not None and now.presents:
        now.room.move(session.view.value, _origin.peek())


def explore_alone() -> None:
    """Take what the room shows into one's own session."""
    now = frame.value
    if now is not None:
        session.view.value = onto(now.head, session.view.value)


# -- verbs of the presenter ---------------------------------------------------------------


def direct(verb: Callable[[Any], object]) -> None:
    """Let the presenter do something with the room: what then stands, the session shows."""
    now = seat.value
    if now is not None and now.presents:
        verb(now.room)
        restore()


# -- verbs of a member --------------------------------------------------------------------


def vote_of(told: object) -> Vote | None:
    """Return the vote that a form tells, None where it is not of its form."""
    if not isinstance(told, dict):
        return None
    choice, estimate = told.get("choice"), told.get("estimate")
    number = isinstance(estimate, int | float) and not isinstance(estimate, bool)
    if not isinstance(choice, str) or not (estimate is None or number):
        return None
    return Vote(choice, None if estimate is None else float(estimate))


def vote(told: object) -> bool:
    """Vote; return whether it counts."""
    now, given = seat.value, vote_of(told)
    if now is None or now.number is None or given is None:
        return False
    return now.room.vote(now.number, given)


def hidden() -> bool:
    """Return whether the room hides its answer at the moment."""
    return phase.value in HIDDEN
