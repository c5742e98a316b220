"""What leaves the page: scenarios kept, the link with its QR code, files; and a file that comes in.

`Kept`, `Link` and `Exports` stand on any page; `Given` reads a scenario file.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import solara

from cosim import scenario_file
from cosim.dashboard import again, compare, compute, exports, qr, refusals, session
from cosim.dashboard import view as views
from cosim.dashboard.session import say
from cosim.dashboard.view import View
from cosim.dashboard.widgets import Copy, Download, Fold, Press, text
from cosim.effects import Effect
from cosim.errors import CosimError, ScenarioError

#: Bytes of a file that one message brings: less than the server's limit of a message.
PART = 300_000
_NUMBERS = itertools.count(1)


@solara.component_vue("components/Qr.vue")
def Qr(
    address: str, on_address: Callable[[str], None], path: str, size: int, label: str,
    message: str,
) -> None:  # fmt: skip
    """Tell the address of the browser and draw its QR code."""


@solara.component_vue("components/Upload.vue")
def Upload(
    name: str, label: str, most: int, part: int, toolarge: str,
    event_part: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    """A native file input that sends a file of at most `most` bytes in parts."""


@solara.component_vue("components/Search.vue")
def Search(name: str, label: str, hint: str, text: str, on_text: Callable[[str], None]) -> None:
    """A native search box."""


# -- kept ---------------------------------------------------------------------------------


@solara.component
def Kept() -> None:
    """The button that keeps the scenario as it stands, and what it would replace."""
    now = session.view.value
    there = any(one.digest == now.scenario.digest for one in now.kept)
    full = len(now.kept) >= views.MOST_KEPT and not there
    with solara.Div(classes=["cosim-row"]):
        _kept_button(there)
        if full:
            first = compare.title_of(now.kept[0], now.lang)
            text(
                "span",
                say(
                    f"Il prendra la place de «\u00a0{first}\u00a0».", f"It will replace “{first}”."
                ),
                "cosim-small",
            )


def _kept_button(there: bool) -> None:
    Press(
        label=say("Scénario gardé", "Scenario kept") if there
        else say("Garder ce scénario", "Keep this scenario"),
        disabled=there, event_press=lambda *_: session.keep(),
    )  # fmt: skip


# -- link ---------------------------------------------------------------------------------


@solara.component
def Share() -> None:
    """Copy the address that restores everything; its QR code, to be projected."""
    opened, set_opened = solara.use_state(False)
    with solara.Div(classes=["cosim-link"]):
        with solara.Div(classes=["cosim-row"]):
            Copy(value="", label=say("Copier le lien", "Copy the link"),
                 done=say("Lien copié", "Link copied"), whole=True)  # fmt: skip
            Fold(title=say("QR code du lien", "QR code of the link"), opened=opened,
                 on_opened=set_opened, name="qr-code")  # fmt: skip
        if opened:
            Projected()


@solara.component
def Projected() -> None:
    """The QR code of the address that the browser shows."""
    address, set_address = solara.use_state("")
    made = solara.use_memo(lambda: qr.code(address), [address])
    message = say(
        "Ce lien est trop long pour un QR code : copiez-le, ou gardez moins de scénarios.",
        "This link is too long for a QR code: copy it, or keep fewer scenarios.",
    )
    Qr(
        address=address,
        on_address=lambda url: set_address(str(url)[:20_000]),
        path=made.path if made else "", size=made.size if made else 0,
        label=say("QR code du lien de cette page", "QR code of the link of this page"),
        message=message if address and not made else "",
    )  # fmt: skip


# -- files that leave ---------------------------------------------------------------------


class Kind(NamedTuple):
    """One kind of file: its ending, its type, what its button says."""

    ending: str
    mime: str
    fr: str
    en: str


KINDS = (
    Kind("pdf", exports.PDF, "Page pour le conseil (PDF)", "Page for the council (PDF)"),
    Kind("png", exports.PNG, "Courbe (PNG)", "Curve (PNG)"),
    Kind("csv", exports.CSV, "Tableur (CSV)", "Spreadsheet (CSV)"),
    Kind("parquet", exports.PARQUET, "Tous les indicateurs (Parquet)", "All indicators (Parquet)"),
    Kind("toml", exports.TOML, "Scénario (TOML)", "Scenario (TOML)"),
    Kind("reference", exports.TOML, "Référence (TOML)", "Reference (TOML)"),
)
#: Those of every page.
USUAL = ("pdf", "png", "csv", "parquet", "toml")


class Job(NamedTuple):
    """A file that was asked for, of the view as it stood."""

    number: int = 0
    ending: str = ""
    view: View | None = None
    effect: Effect | None = None


@solara.component
def Exports(endings: tuple[str, ...] = USUAL) -> None:
    """A button for each kind of file; the file is made when it is asked for."""
    job, set_job = solara.use_state(Job())
    made, set_made = solara.use_state({"number": 0})
    failed, set_failed = solara.use_state("")

    def ask(ending: str) -> None:
        shown = session.answer.value
        effect = shown.answer.effect if shown is not None and session.settled() else None
        set_failed("")
        set_job(Job(next(_NUMBERS), ending, session.view.value, effect))

    def work(cancel: Any) -> None:
        if job.view is None:
            return
        try:
            file = _file(job.ending, job.view, job.effect, cancel.is_set)
        except CosimError as error:
            set_failed(refusals.words(error, job.view.lang))
            file = None
        if not cancel.is_set():
            set_made({"number": job.number, **(file or {})})

    solara.use_thread(work, dependencies=[job.number], intrusive_cancel=False)
    with solara.Div(classes=["cosim-row"]):
        for kind in (kind for kind in KINDS if kind.ending in endings):
            mine = job.ending == kind.ending
            Download(
                label=say(kind.fr, kind.en), event_make=partial(_ignore, ask, kind.ending),
                file=made if mine and "name" in made and made["number"] == job.number else {},
                busy=mine and made["number"] != job.number, wait=say("Préparation…", "Preparing…"),
            )  # fmt: skip
        if failed:
            text("p", failed, "cosim-warning", role="alert")


def _ignore(ask: Callable[[str], None], ending: str, *_: Any) -> None:
    """Ask for a kind of file, whatever the button says."""
    ask(ending)


def _file(
    ending: str, now: View, effect: Effect | None, cancelled: Callable[[], bool]
) -> dict[str, Any] | None:
    """Return a file as `Download` takes it; None when cancelled meanwhile."""
    if ending in ("toml", "reference"):
        name = again.FILES[ending == "toml"]
        return {"name": name, "mime": exports.TOML, "content": again.files(now)[name].encode()}
    if effect is None:  # what is on screen is not yet of these levers, or of few replicates
        found = compute.effects(now.reference, now.scenario, cancelled, stages=compute.STAGES[-1:])
        answer = next(found, None)
        if answer is None:
            return None
        effect = answer.effect
    if ending == "parquet":
        values = exports.simulated(effect, cancelled)
        if values is None:
            return None
        content = exports.parquet(effect, values)
    elif ending == "pdf":
        content = exports.pdf(effect, now.shown, now.lang)
    elif ending == "png":
        content = exports.png(effect, now.shown, now.lang)
    else:
        content = exports.csv(effect, now.lang)
    mime = next(kind.mime for kind in KINDS if kind.ending == ending)
    return {"name": exports.name(effect, ending), "mime": mime, "content": content}


# -- a file that comes in -----------------------------------------------------------------


class Parts:
    """The parts of a file, in their order; what does not fit is forgotten."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, part: Any) -> bytes | None:
        """Take a part; return the whole file with its last one.

        Raises
        ------
        ScenarioError : the parts are not those of one file, or too many
        """
        try:
            number, count = int(part["number"]), int(part["count"])
            content = base64.b64decode(part["content"], validate=True)
        except (TypeError, KeyError, ValueError, binascii.Error):
            raise ScenarioError("cannot be read") from None
        if number == 0:
            self._parts = []
        if number != len(self._parts) or len(content) > PART:
            self._parts = []
            raise ScenarioError("cannot be read")
        self._parts.append(content)
        if sum(map(len, self._parts)) > scenario_file.MAX_BYTES:
            self._parts = []
            raise ScenarioError("the file is too large",
                                expected=f"at most {scenario_file.MAX_BYTES} bytes")  # fmt: skip
        if number + 1 < count:
            return None
        whole, self._parts = b"".join(self._parts), []
        return whole


@solara.component
def Given() -> None:
    """Read a scenario file with the loader's strict checks; say what is wrong with it."""
    said, set_said = solara.use_state(("", ""))
    parts = solara.use_memo(Parts, [])

    def take(part: Any) -> None:
        now = session.view.value
        try:
            data = parts.add(part)
            if data is None:
                return
            name = str(part.get("name", ""))[:80]
            loaded = views.uploaded(scenario_file.decoded(data, name), now, name)
        except CosimError as error:
            set_said(("cosim-warning", refusals.words(error, now.lang)))
            return
        session.go(lambda v: replace(loaded, lang=v.lang))
        set_said(("cosim-note", _taken(session.view.value)))

    most = scenario_file.MAX_BYTES
    Upload(
        name="fichier", label=say("Reprendre un fichier de scénario", "Load a scenario file"),
        most=most, part=PART, event_part=take,
        toolarge=say(f"Fichier trop gros : {most // 1000} ko au plus.",
                     f"The file is too large: {most // 1000} kB at most."),
    )  # fmt: skip
    if said[1]:
        text("p", said[1], said[0], role="alert" if said[0] == "cosim-warning" else "status")


def _taken(now: View) -> str:
    title = compare.title_of(now.scenario, now.lang)
    digest = now.scenario.digest
    return say(
        f"Fichier lu : «\u00a0{title}\u00a0», empreinte {digest}. Les leviers suivent.",
        f"File read: “{title}”, digest {digest}. The levers follow.",
    )
