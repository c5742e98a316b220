"""Where others reach this server: the link of a room. No Solara."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from cosim.effects_text import Lang

#: Addresses that mean "all of this machine's".
ANY = ("0.0.0.0", "::")
#: An address of documentation (RFC 5737): asking for the way to it sends nothing.
NOWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class Bound:
    """What the server listens to, and the names under which it may be called."""

    host: str
    port: int
    names: frozenset[str]


_bound: list[Bound] = []


def listening(host: str, port: int, names: Iterable[str]) -> None:
    """Remember what this process serves."""
    _bound[:] = [Bound(host, port, frozenset(names))]


def bound() -> Bound | None:
    """Return what this process serves, None where nobody said it."""
    return _bound[0] if _bound else None


def local(origin: str) -> bool:
    """Return whether an address leads nowhere but to the machine that uses it."""
    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def outward() -> str:
    """Return this machine's address on its network, "" where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(NOWHERE)
        except OSError:
            return ""
        address = str(way.getsockname()[0])
    return "" if address.startswith("127.") or address in ANY else address


def advice(origin: str, bound: Bound | None, address: str, lang: Lang) -> str:
    """Return why phones cannot use the address of this page and what to do; "" where they can.

    Parameters
    ----------
    origin : the address that the browser uses
    bound : what the server listens to, None where it is not known
    address : this machine's on its network, "" where it has none
    """
    if not local(origin):
        return ""
    fr = lang == "fr"
    listens = bound is not None and not local(f"http://{bound.host}")
    if bound is not None and listens and address:
        if address in bound.names:
            link = f"http://{address}:{bound.port}"
            return (
                f"Cette page est ouverte à une adresse que les téléphones n'ont pas. Ouvrez-la "
                f"plutôt à l'adresse {link} : le code QR s'affichera."
                if fr
                else f"This page is open at an address that phones do not have. Open it at {link} "
                "instead: the QR code will show."
            )
        return (
            f"Cette page est ouverte à une adresse que les téléphones n'ont pas. Relancez avec "
            f"cosim dashboard --host {bound.host} --allow-host {address}, puis ouvrez la page à "
            f"l'adresse http://{address}:{bound.port}."
            if fr
            else "This page is open at an address that phones do not have. Start again with "
            f"cosim dashboard --host {bound.host} --allow-host {address}, then open the page at "
            f"http://{address}:{bound.port}."
        )
    return (
        "Pas de code QR : cette adresse ne mène qu'à cet ordinateur, les téléphones ne peuvent pas "
        "l'ouvrir. Relancez avec cosim dashboard --host 0.0.0.0 --allow-host NOM, où NOM est le "
        "nom ou l'adresse de cet ordinateur sur le réseau de la salle, puis ouvrez la page à "
        "l'adresse http://NOM:PORT."
        if fr
        else "No QR code: this address leads to this computer only, phones cannot open it. Start "
        "again with cosim dashboard --host 0.0.0.0 --allow-host NAME, where NAME is the name or "
        "address of this computer on the network of the room, then open the page at "
        "http://NAME:PORT."
    )


def link(origin: str, code: str) -> str:
    """Return the address that joins a room."""
    return f"{origin}/direct?salle={code}"
