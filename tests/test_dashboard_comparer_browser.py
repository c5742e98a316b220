"""Comparer, Chercheur and the files in a real browser: what arrives is opened, and compared."""

import io
import json
import re

import pandas as pd
from axe_playwright_python.sync_playwright import Axe
from browsing import MARKS, SMALL, browser, open_page, page, port  # noqa: F401
from playwright.sync_api import expect

from cosim import cli
from cosim.dashboard import again
from cosim.dashboard import view as views

pytestmark = MARKS

#: Two scenarios kept and one that moves, on a few years.
KEPT = (
    f"territoire={SMALL}&time.end=2021-12&catalysis.fte=4&lieux.number=2"
    "&garde=title%3DTrois%2520lieux%26time.end%3D2021-12%26lieux.number%3D3"
    "&garde=title%3D%253Cb%253EPrime%253C%252Fb%253E%26time.end%3D2021-12%26prime.amount%3D30"
)
ALL = "!document.querySelector('.cosim-lane-busy') && document.querySelector('.cosim-lane .level')"


def violations(page):  # noqa: F811
    """What axe-core finds, in few words."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]


def settled(page):  # noqa: F811
    """The words of the page at one moment, when its parts tell of as many simulations."""
    page.wait_for_function(
        """() => {
            const words = document.querySelector('main').innerText;
            const told = document.querySelector('.cosim-status').innerText;
            const status = told.replace(/\\s(?=\\d)/g, "");  // 1 000
            const n = words.match(/--replicates (\\d+)/);
            window.words = words;
            return n && Number(n[1]) >= 100 && status.startsWith(`${n[1]} simulations de`);
        }"""
    )
    return page.evaluate("window.words")


def cells(page, title):  # noqa: F811
    """The card of a scenario: name of a figure -> its text."""
    card = page.locator("article").filter(has=page.get_by_role("heading", name=title, exact=True))
    return {
        row.get_attribute("data-name"): row.inner_text().replace("\u202f", " ")
        for row in card.locator("dl > div").all()
    }


def said_by_compare(tmp_path, view, capsys, n):
    """What `cosim compare` says of a view's scenario."""
    for name, text in again.files(view).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pair = [str(tmp_path / name) for name in again.FILES]
    capsys.readouterr()
    shown = ["--indicator", view.shown]
    assert cli.main(["compare", *pair, "-n", str(n), "--seed", "1", *shown, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def french(x, decimals):
    text = f"{abs(x):,.{decimals}f}".replace(",", " ").replace(".", ",")
    return ("−" if round(x, decimals) < 0 else "+" if round(x, decimals) > 0 else "") + text


def test_scenarios_stand_side_by_side_and_say_what_cosim_compare_says(page, port, tmp_path, capsys):  # noqa: F811
    open_page(page, port, "/comparer", KEPT, ready="article")
    page.wait_for_function(ALL, timeout=120_000)
    expect(page.locator("article")).to_have_count(4)
    assert violations(page) == []
    view, refused = views.from_query(KEPT)
    assert refused == ()
    for title, scenario in (("Trois lieux", view.kept[0]), ("Scénario en cours", view.scenario)):
        theirs = views.replace(view, scenario=scenario)
        said = said_by_compare(tmp_path, theirs, capsys, 100)
        told = cells(page, title)
        assert told["cost"].endswith(said["cost"]["fr"].replace("\u202f", " "))
        last = max(row["month"] for row in said["table"])
        for row in said["table"]:
            if row["month"] != last or row["group"] or row["indicator"] not in told:
                continue
            share = row["indicator"] in ("engaged", "able", "convinced")
            decimals = 1 if share else 3 if row["indicator"] == "trust_across" else 0
            if row["indicator"] == "spending":
                continue
            factor = 100 if share else 1
            change, low, high = (
                french(factor * row[key], decimals) for key in ("difference", "low", "high")
            )
            cell = told[row["indicator"]]
            assert change in cell and f"de {low} à {high} dans 9" in cell
            assert f"dans {round(100 * row['in_favour'])} simulation" in cell
    assert "<b>Prime</b>" in page.inner_text("main")  # a name is a text


def test_a_scenario_is_kept_renamed_resumed_and_removed_and_the_link_remembers(page, port):  # noqa: F811
    start = f"territoire={SMALL}&time.end=2021-12&catalysis.fte=4"
    open_page(page, port, "/comparer", start, ready="article")
    expect(page.locator(".cosim-note")).to_contain_text("Aucun scénario")
    page.get_by_role("button", name="Garder ce scénario").click()
    name = page.get_by_label("Nom de ce scénario")
    expect(name).to_have_value("Scénario 1")
    expect(page.get_by_role("button", name="Scénario gardé")).to_be_disabled()
    name.fill("Plan d'Élise & co")
    name.press("Enter")
    expect(page.get_by_role("heading", name="Plan d'Élise & co")).to_be_visible()
    page.wait_for_function("location.search.includes('Plan')")
    page.reload()
    expect(page.get_by_role("heading", name="Plan d'Élise & co")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_role("heading", name="Plan d'Élise & co")).to_have_count(0)
    page.wait_for_function("!location.search.includes('garde')")


def test_the_page_fits_a_telephone_in_english(page, port):  # noqa: F811
    page.set_viewport_size({"width": 390, "height": 844})
    for path, ready in (("/comparer", ALL), ("/chercheur", "document.querySelector('#python')")):
        open_page(page, port, path, KEPT + "&langue=en")
        page.wait_for_function(ready, timeout=120_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        words = page.inner_text("main")
        assert not re.search(r"\b(référence|simulations sur|calcul…|Garder|Registre)\b", words)


def test_the_bench_says_what_cosim_compare_says_and_gives_its_files(page, port, tmp_path, capsys):  # noqa: F811
    import pyarrow.parquet as pq

    query = f"territoire={SMALL}&time.end=2020-12&catalysis.fte=4&courbe=engaged"
    open_page(page, port, "/chercheur", query)
    page.wait_for_function("document.querySelector('#commande')", timeout=120_000)
    expect(page.get_by_role("heading", level=3)).to_have_count(2)
    view, _ = views.from_query(query)
    words = settled(page)
    n = int(re.search(r"--replicates (\d+) --seed 1 --indicator engaged", words)[1])
    said = said_by_compare(tmp_path, view, capsys, n)
    assert said["sentences"][0]["fr"] in words and said["sentences"][0]["frequency_fr"] in words
    assert said["cost"]["fr"] in words and said["scenario"]["digest"] in words

    def given(label):
        with page.expect_download(timeout=60_000) as waiting:
            page.get_by_role("button", name=label).first.click()
        return waiting.value.suggested_filename, waiting.value.path().read_bytes()

    name, pdf = given("Page pour le conseil (PDF)")
    assert name.endswith(".pdf") and pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert given("Courbe (PNG)")[1].startswith(b"\x89PNG")
    table = pd.read_csv(
        io.BytesIO(given("Tableur (CSV)")[1]), sep=";", decimal=",", encoding="utf-8-sig"
    )
    last = table[(table["mois"] == "2020-12") & (table["code"] == "engaged")]
    said = said_by_compare(tmp_path, view, capsys, last["simulations"].iloc[0])
    ours = [row for row in said["table"] if row["indicator"] == "engaged" and not row["group"]]
    assert abs(last["écart moyen"].iloc[0] - ours[-1]["difference"]) < 1e-9
    rows = pq.read_table(io.BytesIO(given("Tous les indicateurs (Parquet)")[1]))
    assert rows.num_rows > 0 and "scenario" in rows.column_names
    for label, file in (("Scénario (TOML)", "scenario"), ("Référence (TOML)", "reference")):
        name, toml = given(label)
        assert name == f"{file}.toml" and toml.decode() == again.files(view)[name]
    assert violations(page) == []


def test_a_scenario_file_is_read_or_refused_in_words(page, port, tmp_path):  # noqa: F811
    open_page(page, port, "/chercheur", f"territoire={SMALL}&time.end=2021-12")
    good, bad, big = (tmp_path / name for name in ("bon.toml", "mauvais.toml", "gros.toml"))
    view, _ = views.from_query(f"territoire={SMALL}&time.end=2021-12&lieux.number=4&title=Bon")
    good.write_text(view.scenario.to_toml() + "# " + "é" * 400_000, encoding="utf-8")
    bad.write_text("[catalysis]\nftes = 3\n", encoding="utf-8")
    big.write_text("#" * 1_000_001, encoding="utf-8")
    upload = page.get_by_label("Reprendre un fichier de scénario")
    upload.set_input_files(bad)
    expect(page.get_by_role("alert")).to_contain_text("catalysis.ftes")
    expect(page.get_by_role("alert")).to_contain_text("peut-être catalysis.fte")
    upload.set_input_files(big)
    expect(page.get_by_text("Fichier trop gros")).to_be_visible()
    upload.set_input_files(good)
    expect(page.get_by_text("Fichier lu")).to_contain_text(view.scenario.digest)
    page.wait_for_function("location.search.includes('lieux.number=4')")


def test_the_qr_code_is_that_of_the_address(page, port):  # noqa: F811
    from cosim.dashboard import qr

    open_page(page, port, "/comparer", f"territoire={SMALL}&time.end=2021-12", ready="article")
    page.get_by_role("button", name="QR code du lien").click()
    picture = page.get_by_role("img", name="QR code du lien de cette page")
    expect(picture).to_be_visible()
    here = page.evaluate("location.href")
    assert picture.locator("path").get_attribute("d") == qr.code(here).path
    page.get_by_role("button", name="Garder ce scénario").click()
    page.wait_for_function("location.search.includes('garde')")
    expect(picture.locator("path")).to_have_attribute(
        "d", qr.code(page.evaluate("location.href")).path
    )


def test_ledgers_are_searched(page, port):  # noqa: F811
    open_page(page, port, "/chercheur", f"territoire={SMALL}&time.end=2021-12")
    page.get_by_label("Chercher").fill("cout complet")
    row = page.get_by_role("row").filter(has_text="fte_cost")
    expect(row).to_contain_text("publié")
    page.get_by_label("Registre", exact=True).select_option("levers")
    expect(page.get_by_text("0 lignes.")).to_be_visible()
