"""What one visitor's session holds: its view, its last good answer, and the ways to change them.

A module-level `solara.reactive` is one value per session. Pages read `view.value`, call the verbs
below, and never compute: `Engine` (one per session) does, and fills `answer`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import solara

from cosim.dashboard import compute, levers
from cosim.dashboard import view as views
from cosim.dashboard.compute import Answer
from cosim.dashboard.view import View
from cosim.effects_text import Lang
from cosim.errors import CosimError
from cosim.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Shown:
    """The last good answer and the what-if that it is of."""

    scenario: Scenario
    answer: Answer


log = logging.getLogger("cosim.dashboard")

_NOTHING: Shown | None = None
_NO_TEXTS: tuple[str, ...] = ()

#: What the address restores.
view = solara.reactive(views.home())
#: The last good answer; it stays on screen while the next one is computed.
answer = solara.reactive(_NOTHING)
#: What went wrong in the last computation, in words.
failure = solara.reactive("")
#: What was refused in the address or in a file.
refused = solara.reactive(_NO_TEXTS)
#: What-ifs before and after, for undo and redo.
past = solara.reactive(())
future = solara.reactive(())


def lang() -> Lang:
    """Return the language of the session."""
    return view.value.lang


def say(fr: str, en: str) -> str:
    """Return the text of the session's language."""
    return fr if view.value.lang == "fr" else en


def current() -> bool:
    """Return whether the answer on screen is that of the levers as they stand."""
    shown = answer.value
    return shown is not None and shown.scenario == view.value.scenario


def settled() -> bool:
    """Return whether the answer is that of the levers, with all its replicates."""
    shown = answer.value
    return current() and shown is not None and shown.answer.n >= compute.STAGES[-1]


# -- verbs --------------------------------------------------------------------------------


def go(change: Callable[[View], View], remember: bool = True) -> None:
    """Change the view; what is refused is told, and changes nothing."""
    before = view.value
    try:
        after = change(before)
    except CosimError as error:
        refused.value = (str(error),)
        return
    if after.scenario != before.scenario and remember:
        past.value = (*past.value[-49:], before.scenario)
        future.value = ()
    refused.value = ()
    view.value = after


def move(key: str, value: float) -> None:
    """Move one lever."""
    lever = levers.LEVERS[key]
    now = view.value
    changes = lever.change(now.reference, now.scenario, value)
    go(lambda v: v.moved(**changes))


def choose_mix(name: str) -> None:
    """Choose the métiers of catalysts."""
    if name in levers.MIXES:
        go(lambda v: v.moved(**{levers.MIX: levers.mix(name)}))


def undo() -> None:
    """Take the last move back."""
    _step(past, future)


def redo() -> None:
    """Make again the move that was taken back."""
    _step(future, past)


def _step(come: Any, leave: Any) -> None:
    if come.value:
        *rest, scenario = come.value
        leave.value = (*leave.value, view.value.scenario)
        come.value = tuple(rest)
        view.value = replace(view.value, scenario=scenario)


def keep() -> None:
    """Keep the scenario as it stands, beside the others."""

    def kept(v: View) -> View:
        taken = {one.title for one in v.kept}
        number = next(k for k in range(1, 99) if f"Scénario {k}" not in taken)
        named = v.scenario
        if not named.title:
            named = named.with_(title=f"Scénario {number}", title_en=f"Scenario {number}")
        return replace(v, kept=(*v.kept, named)[-views.MOST_KEPT :])

    go(kept)


def speak(language: Lang) -> None:
    """Change the language and nothing else."""
    view.value = replace(view.value, lang=language)


# -- computation --------------------------------------------------------------------------


def _watched() -> Callable[[], bool]:
    """Return what tells whether a page of this session is open; without a server, one is."""
    from solara.server import kernel_context

    if not kernel_context.has_current_context():
        return lambda: True
    pages = kernel_context.get_current_context().page_status
    closed = (kernel_context.PageStatus.DISCONNECTED, kernel_context.PageStatus.CLOSED)
    return lambda: any(status not in closed for status in list(pages.values()))


@solara.component
def Engine() -> None:
    """Compute the answer of the view, ever more precisely, until it changes.

    It is not refined beyond the hundred once the last page of the session is closed.
    """
    scenario, watched = view.value.scenario, _watched()

    def work(cancel: Any) -> None:
        def unwanted() -> bool:
            return cancel.is_set() or not watched()

        failure.value = ""
        try:
            for stages, urgency, stopped in (
                (compute.STAGES, 1, cancel.is_set), (compute.IDLE_STAGES, 3, unwanted),
            ):  # fmt: skip
                if urgency > 1 and cancel.wait(0.25):
                    return
                found = compute.effects(
                    views.reference(scenario), scenario, stopped, stages=stages, urgency=urgency
                )
                for one in found:
                    if stopped():
                        return
                    answer.value = Shown(scenario, one)
        except CosimError as error:
            failure.value = str(error)
        except Exception:
            log.exception("a computation failed")
            failure.value = say("Le calcul a échoué.", "The computation failed.")

    solara.use_thread(work, dependencies=[scenario], intrusive_cancel=False)
