"""Commands of the hypotheses: list them, run them, say what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.running import Dask, executor_at
from cosim.cli.shell import Json, Out, Workers, group, printable, say, say_json, table
from cosim.errors import CosimError

if TYPE_CHECKING:
    import pandas as pd

hypothesis = group("hypothesis", "Les hypothèses et leurs verdicts. / Hypotheses and verdicts.")

ALL = "all"
WHERE = Path("out/hypotheses")


@hypothesis.command("list")
def list_(as_json: Json = False) -> None:
    """Ce qui est supposé, écrit avant d'être simulé. / What is supposed, written beforehand."""
    from cosim.experiment import hypotheses

    known = hypotheses.registered()
    rows = [
        {"id": name, "fr": one.hypothesis.fr, "en": one.hypothesis.en, "source": one.source,
         "points": len(one.points), "runs": len(one.points) * one.least_replicates(),
         "contrasts": {key: c.estimate for key, c in one.contrasts.items()}}
        for name, one in known.items() if one.hypothesis
    ]  # fmt: skip
    if as_json:
        say_json(rows)
        return
    table(("", "Hypothèse / hypothesis", "Simulations / runs"),
          [(str(r["id"]), f"{r['fr']} / {r['en']}", str(r["runs"])) for r in rows],
          right="2")  # fmt: skip


@hypothesis.command()
def run(
    name: Annotated[
        str, typer.Argument(help="H1 … H12, un fichier, ou all. / H1 … H12, a file, or all.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=printable, help="Dossier. / Folder.")
    ] = WHERE,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
) -> None:
    """Simuler une hypothèse et dire son verdict. / Simulate a hypothesis, say its verdict.

    Ce qui est déjà simulé n'est pas refait. / What is there already is not done again.
    """
    import pandas as pd

    from cosim.cli.experimenting import perform
    from cosim.experiment import document, hypotheses

    paths = document.shipped().values() if name == ALL else [hypotheses.find(name)]
    experiments = [(path.stem, document.load(path)) for path in paths]
    if name == ALL:
        experiments = [(stem, one) for stem, one in experiments if one.hypothesis is not None]
    for stem, experiment in experiments:
        if experiment.hypothesis is None:
            raise CosimError("this experiment states no hypothesis", where=stem, key="hypothesis")
    found: list[pd.DataFrame] = []
    with executor_at(dask) as executor:
        for stem, experiment in experiments:
            store = perform(experiment, out / stem, workers=workers, executor=executor)
            found.append(hypotheses.verdicts(experiment, store.runs()))
    _print(pd.concat(found, ignore_index=True), as_json)
    if not as_json:
        say(f"Résultats / results : {out}")


@hypothesis.command()
def report(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Dossier de verdicts.csv (celui qui est livré). / Its folder."),
    ] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Les verdicts livrés, par règle et par cas-type. / The shipped verdicts."""
    from cosim.experiment import pages

    found = pages.verdicts(folder)
    if out is not None:
        from cosim.experiment import report as html

        say(f"{html.hypotheses(found, out)}")
    _print(found, as_json)


def _print(found: pd.DataFrame, as_json: bool) -> None:
    from cosim.experiment import hypotheses
    from cosim.experiment.hypotheses import WORDS

    whole = hypotheses.whole(found)
    summary = hypotheses.summary(found)
    if as_json:
        say_json({"contrasts": found.to_dict("records"), "hypotheses": whole.to_dict("records"),
                  "summary": summary.to_dict("records")})  # fmt: skip
        return
    wanted = found[found["sign"] != ""]
    table(
        ("", "Contraste / contrast", "Territoire", "Règles / rules", "Écart", "95 %", "Effet",
         "En faveur", "Verdict"),
        [(r["hypothesis"], r["fr"], r["territory"], r["rules"], _signed(r["estimate"]),
          f"{_signed(r['low'])} … {_signed(r['high'])}", _signed(r["effect"]),
          f"{100 * r['in_favour']:.0f} %", " / ".join(WORDS[r["verdict"]]))
         for r in wanted.to_dict("records")],
        right="4567",
    )  # fmt: skip
    table(
        ("", "Règles / rules", "Soutenue", "Indécise", "Contredite", "Verdict", ""),
        [(r["hypothesis"], r["rules"], *(str(r[k]) for k in ("supported", "undecided",
          "contradicted")), " / ".join(WORDS[r["verdict"]]),
          "change avec la règle / changes with the rule" if r["changes"] else "")
         for r in summary.to_dict("records")],
        title="Territoires de chaque verdict / territories of each verdict", right="234",
    )  # fmt: skip


def _signed(value: float) -> str:
    if value != value:
        return "–"
    text = f"{value:+.2f}".replace(".", ",").replace("-", "−")
    return "0" if text in ("+0,00", "−0,00") else text
