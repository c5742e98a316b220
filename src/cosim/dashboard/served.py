"""The HTML that leaves the server: Solara's page in our words, and the pages of what goes wrong.

Solara's own page speaks English, forbids zoom, and shows an empty screen until its scripts have
come. No Solara import here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosim.effects_text import Lang

FAVICON = (Path(__file__).parent / "favicon.svg").read_bytes()

BRAND = {
    "fr": "Et si ? Co-construire le territoire",
    "en": "What if? Building the territory together",
}
DESCRIPTION = {
    "fr": "Et si… ? Déplacer un levier et voir ce que deviennent les alliances d'un territoire de "
    "France : élus, associations, entreprises, catalyseurs. Simulation exploratoire.",
    "en": "What if…? Move a lever and see what becomes of the alliances of a French territory: "
    "elected officials, associations, companies, catalysts. An exploratory simulation.",
}
LOADING = {"fr": "Chargement du tableau de bord…", "en": "Loading the dashboard…"}
NO_SCRIPT = {
    "fr": "Cette page a besoin de JavaScript.",
    "en": "This page needs JavaScript.",
}

#: What Solara's page says, in French and in English; "" is nothing.
WORDS: tuple[tuple[str, str, str], ...] = (
    ('"Loading resources"', f'"{LOADING["fr"]}"', f'"{LOADING["en"]}"'),
    ("'Loading app'", f"'{LOADING['fr']}'", f"'{LOADING['en']}'"),
    ("'Done'", "''", "''"),
    ("Could not restore session. Please refresh the page.",
     "La session n'a pas pu être reprise : rechargez la page.",
     "The session could not be restored: reload the page."),
    ("App is disconnected, and may not function properly. Please refresh the page.",
     "La connexion est perdue : rechargez la page.",
     "The connection is lost: reload the page."),
    ("Restoring session…", "Reprise de la session…", "Restoring the session…"),
    ("Please refresh the page", "Rechargez la page", "Reload the page"),
    ("Could not restore session. Please refresh.",
     "La session n'a pas pu être reprise. L'adresse garde vos réglages.",
     "The session could not be restored. The address keeps your settings."),
    ("Refresh now", "Recharger", "Reload"),
    ("                        Cancel\n", "                        Annuler\n",
     "                        Cancel\n"),
    ("Clear messages", "Effacer les messages", "Clear messages"),
)  # fmt: skip
#: What is changed in any language: zoom, messages of the kernel, doors to other people's kernels.
CHANGES: tuple[tuple[str, str], ...] = (
    (", maximum-scale=1, user-scalable=no, minimal-ui", ""),
    ("var debug = true;", "var debug = false;"),
    ("searchParams.get('kernelid')", "null"),
    ("searchParams.get('modelid')", "null"),
    ("searchParams.has('modelid')", "false"),
)
_ICONS = re.compile(r'<link rel="icon"[^>]*>\s*')
_DISCONNECTED = re.compile(r"Server\s+disconnected\.")
_LOADER = re.compile(r'<transition name="solara-transition".*?</transition>', re.DOTALL)
_MOUNT = '<div id="pre-rendered-html-present" style="display: none"></div>'
_SCRIPT = re.compile(r"<script(?=[\s>])")
_STYLE = """<style>
.cosim-loading { max-width: 1360px; margin: 0 auto; padding: 16px 20px; color: #1b2733;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
.cosim-loading b { display: block; font-size: 20px; border-bottom: 3px solid #003F8C;
  padding-bottom: 10px; margin-bottom: 22px; }
.cosim-loading i { display: block; height: 4px; width: 160px; margin-top: 12px; border-radius: 2px;
  background: linear-gradient(90deg, #003F8C 40%, #d5deea 40%); background-size: 200% 100%;
  animation: cosim-loading 1.4s linear infinite; }
@keyframes cosim-loading {
  from { background-position: 100% 0; } to { background-position: -100% 0; } }
@media (prefers-reduced-motion: reduce) { .cosim-loading i { animation: none; } }
</style>
"""


@dataclass(frozen=True, slots=True)
class Served:
    """What the page of one request says of itself.

    Attributes
    ----------
    lang : language
    title : of the window
    root : prefix of the paths, "" or "/prefix"
    nonce : what allows the scripts that stand in the page, and no others
    """

    lang: Lang
    title: str
    root: str
    nonce: str


def rewritten(page: str, served: Served) -> str:
    """Return Solara's page in our words, with something to read before its scripts have come."""
    lang, column = served.lang, 1 if served.lang == "fr" else 2
    for row in WORDS:
        page = page.replace(row[0], row[column])
    for old, new in CHANGES:
        page = page.replace(old, new)
    again = "Reconnexion…" if lang == "fr" else "Reconnecting…"
    page = _DISCONNECTED.sub(again, page)
    page = _LOADER.sub(_loader(lang).replace("\\", r"\\"), page)
    page = _ICONS.sub("", page)
    page = page.replace("<html>", f'<html lang="{lang}">', 1)
    page = page.replace("<title>cosim</title>", f"<title>{escape(served.title)}</title>", 1)
    page = page.replace("</head>", _head(served) + "</head>", 1)
    page = page.replace(_MOUNT, _MOUNT + _first_paint(lang), 1)
    return _SCRIPT.sub(f'<script nonce="{served.nonce}"', page)


#: Solara's router forgets the prefix when it writes an address.
_PREFIX = """<script>
for (const name of ["pushState", "replaceState"]) {
  const own = history[name].bind(history);
  history[name] = (state, title, url) => {
    const bare = typeof url === "string" && url.startsWith("/") && url !== ROOT
      && !url.startsWith(ROOT + "/");
    own(state, title, bare ? ROOT + url : url);
  };
}
</script>
"""


def _head(served: Served) -> str:
    icon = f"{served.root}/favicon.svg"
    about = escape(DESCRIPTION[served.lang], quote=True)
    prefix = _PREFIX.replace("ROOT", json.dumps(served.root)) if served.root else ""
    return (
        f'<meta name="description" content="{about}">\n'
        f'<link rel="icon" type="image/svg+xml" href="{escape(icon, quote=True)}">\n'
        f"{_STYLE}{prefix}"
    )


def _loader(lang: Lang) -> str:
    """Return what stands in the Vue template: a text while it loads, then the page."""
    return (
        f'<div v-if="loading" class="cosim-loading" role="status"><b>{BRAND[lang]}</b>'
        "{{ loading_text }}<i></i></div>"
        '<div v-else><jupyter-widget-mount-point v-if="!remounting" :key="remountKey" '
        'mount-id="solara-main"><span></span></jupyter-widget-mount-point></div>'
    )


def _first_paint(lang: Lang) -> str:
    return (
        f'<div class="cosim-loading" role="status"><b>{BRAND[lang]}</b>'
        f"<noscript>{NO_SCRIPT[lang]}</noscript><span>{LOADING[lang]}</span><i></i></div>"
    )


# -- what goes wrong ----------------------------------------------------------------------

#: Status -> title and text in French, title and text in English.
PROBLEMS: dict[int, tuple[str, str, str, str]] = {
    400: ("Adresse refusée", "Ce serveur ne répond pas sous ce nom.",
          "Address refused", "This server does not answer under this name."),
    403: ("Origine refusée", "Cette demande vient d'un autre site.",
          "Origin refused", "This request comes from another site."),
    404: ("Page introuvable", "Il n'y a pas de page à cette adresse.",
          "Page not found", "There is no page at this address."),
    405: ("Demande refusée", "Cette page se lit, et rien d'autre.",
          "Request refused", "This page is read, and nothing else."),
    413: ("Envoi trop grand", "Ce qui est envoyé est trop grand pour cette page.",
          "Too much sent", "What is sent is too large for this page."),
    414: ("Adresse trop longue", "Cette adresse est trop longue pour être lue.",
          "Address too long", "This address is too long to be read."),
    431: ("Demande trop longue", "Cette demande est trop longue pour être lue.",
          "Request too long", "This request is too long to be read."),
    503: ("Le tableau de bord est complet",
          "Trop de visiteurs l'utilisent en ce moment. Réessayez dans quelques minutes : l'adresse "
          "garde vos réglages.",
          "The dashboard is full",
          "Too many visitors are using it now. Try again in a few minutes: the address keeps your "
          "settings."),
}  # fmt: skip


def problem(status: int, lang: Lang, root: str = "") -> bytes:
    """Return the page of an HTTP status, with a way home.

    Parameters
    ----------
    status : one of `PROBLEMS`
    root : prefix of the paths, "" or "/prefix"
    """
    french = lang == "fr"
    title, words = PROBLEMS[status][:2] if french else PROBLEMS[status][2:]
    home = "Aller à l'accueil" if french else "Go to the home page"
    again = "Réessayer" if french else "Try again"
    query = "" if french else "?langue=en"
    link = (
        f'<a href="">{again}</a>' if status == 503
        else f'<a href="{escape(root, quote=True)}/{query}">{home}</a>'
    )  # fmt: skip
    page = f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<title>{title} — cosim</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" type="image/svg+xml" href="{escape(root, quote=True)}/favicon.svg">
<style>
body {{ margin: 0; color: #1b2733; font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }}
header, main {{ max-width: 1320px; margin: 0 auto; padding: 12px 20px; }}
header {{ border-bottom: 3px solid #003F8C; font-size: 20px; font-weight: 700; }}
h1 {{ font-size: 24px; line-height: 1.25; margin: 24px 0 8px; }}
p {{ max-width: 60ch; }}
a {{ display: inline-block; padding: 8px 14px; border-radius: 6px; background: #003F8C; color: #fff;
  text-decoration: none; }}
a:focus-visible {{ outline: 3px solid #C25A00; outline-offset: 2px; }}
</style>
</head>
<body>
<header>{BRAND[lang]}</header>
<main>
<h1>{title}</h1>
<p>{words}</p>
<p>{link}</p>
</main>
</body>
</html>
"""
    return page.encode()
