"""The page Explorer in a real browser: the answer, its curve, its reasons, a keyboard, a phone."""

# ruff: noqa: F401, F811 — fixtures are imported

from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import DRAWN, MARKS, SMALL, browser, open_page, page, port, watched

from cosim import attribution, effects
from cosim.dashboard import compute, who
from cosim.dashboard import view as views

pytestmark = MARKS

TWO = f"territoire={SMALL}&catalysis.fte=4&lieux.number=2"
#: Stacked heights and pixels of the drawn polygons, and the labels at their ends.
READ = """() => {
  const chart = echarts.getInstanceByDom(document.querySelector(".cosim-chart-box"));
  const option = chart.getOption();
  const data = Object.fromEntries(option.series.map((s) => [s.id, s.data]));
  const tops = {};
  for (const series of chart.getModel().getSeries()) {
    const points = series.getData().getLayout("points");
    const ys = [];
    const finder = { seriesIndex: series.seriesIndex };
    for (let k = 1; k < points.length; k += 2) {
      ys.push(chart.convertFromPixel(finder, [points[k - 1], points[k]])[1]);
    }
    tops[series.id] = ys;
  }
  const labels = [];
  for (const shape of chart.getZr().storage.getDisplayList(true)) {
    const text = shape.style && shape.style.text;
    if (text && /sc[eé]nario|R[eé]f[eé]rence/.test(text)) {
      const box = shape.getBoundingRect().clone();
      if (shape.transform) box.applyTransform(shape.transform);
      labels.push([text, box.y, box.y + box.height]);
    }
  }
  const axis = option.yAxis[0];
  const n = document.querySelector(".cosim-chart-box").dataset.drawn;
  return { n, data, tops, labels, low: axis.min, high: axis.max };
}"""
#: Reads the text of an element, which may just be being built anew.
SAYS = "(document.querySelector({!r})?.innerText ?? '')"


def settle(there):
    """Wait until the answer has all the pairs that one waits for."""
    status = SAYS.format(".cosim-status")
    there.wait_for_function(f"/^[0-9]+ simulations (de|of)/.test({status})", timeout=120_000)


@pytest.fixture(scope="module")
def computed():
    """What the library says of `TWO` with so many pairs; the page may have refined meanwhile."""
    view, refused = views.from_query(TWO)
    assert refused == ()
    direct = effects.compare(view.reference, view.scenario, replicates=100)
    wider = compute.Cache()  # gives the same, and grows: see test_dashboard_compute

    def answer(n):
        sides = [direct.reference, direct.scenario]
        if n > direct.n:
            sides = [wider.ensemble(one.scenario, n) for one in sides]
        effect = effects.Effect(*(replace(one, values=one.values[:n]) for one in sides))
        return compute.Answer(effect, effect)

    return answer


def plain(text):
    """A text without the spaces that browsers and sources write differently."""
    return " ".join(text.split())


def pairs_of(status):
    """The number of pairs that a status tells: « 100 simulations de chaque… »."""
    return int(plain(status.partition("simulations")[0]).replace(" ", ""))


# -- the answer -----------------------------------------------------------------------------


def test_sentence_figures_and_chances_are_those_of_compare(page, port, computed):
    open_page(page, port, query=TWO, ready=DRAWN)
    settle(page)
    said = page.evaluate("""() => ({
      sentence: document.querySelector(".cosim-sentence").innerText,
      frequency: document.querySelector(".explorer-frequency").innerText,
      figures: [...document.querySelectorAll(".explorer-kpis .figure")].map((e) => e.innerText),
      spoken: document.querySelector("#annonce").innerText,
      status: document.querySelector(".cosim-status").innerText,
    })""")
    effect = computed(pairs_of(said["status"])).effect
    assert plain(said["sentence"]) == plain(effect.sentence("fr"))
    assert plain(said["frequency"]) == plain(effect.frequency_sentence("fr"))
    better = compute.chances(effect, "alliances").better
    assert said["figures"][0].split()[0] == str(better)
    assert said["figures"][1] == f"{effect.means('alliances')[1]:.0f}"
    assert said["spoken"].startswith(said["sentence"])


def test_the_polygons_are_the_quantiles_in_both_views(page, port, computed):
    """The trap of ECharts 5.4.0: bands stacked wrongly, and no error."""
    open_page(page, port, query=TWO, ready=DRAWN)
    settle(page)
    for gap in (False, True):
        if gap:
            page.check("#ecart")
            page.wait_for_function("echarts.getInstanceByDom(document.querySelector("
                                   "'.cosim-chart-box')).getOption().yAxis[0].min < 0")  # fmt: skip
        found = page.evaluate(READ)
        answer = computed(int(found["n"]))
        rows = compute.fan(answer, "alliances", gap=gap)
        heights = np.cumsum([found["data"][name] for name in ("floor", "base", "b1", "b2", "b3")],
                            axis=0)  # fmt: skip
        for height, row in zip(heights[1:], (rows[0], rows[1], rows[3], rows[4]), strict=True):
            np.testing.assert_allclose(height, row, atol=1e-3)
        pixel = (found["high"] - found["low"]) / 200
        for name, row in (("base", 0), ("b1", 1), ("b2", 3), ("b3", 4), ("scenario", 2),
                          ("reference", 7)):  # fmt: skip
            np.testing.assert_allclose(found["tops"][name], rows[row], atol=pixel)
        low, high = compute.span(answer, "alliances", gap=gap)
        assert found["low"] <= low and high <= found["high"]


def test_labels_at_the_ends_can_both_be_read_and_the_axis_rests(page, port):
    open_page(page, port, query=f"territoire={SMALL}", ready=DRAWN)
    settle(page)
    first = page.evaluate(READ)
    slider = page.locator("#catalysis-fte")
    for _ in range(4):
        slider.press("ArrowRight")
    page.wait_for_function(f"!{SAYS.format('.cosim-sentence')}.includes('rien')")
    settle(page)
    second = page.evaluate(READ)
    for found in (first, second):
        (_, top, bottom), (_, top2, bottom2) = sorted(found["labels"], key=lambda one: one[1])
        assert bottom <= top2 + 1, found["labels"]
        assert top < bottom2
    assert (first["low"], first["high"]) == (second["low"], second["high"])


def test_what_is_spoken_waits_until_all_is_computed(page, port):
    open_page(page, port, query=f"territoire={SMALL}&catalysis.fte=2", ready=DRAWN)
    settle(page)
    page.evaluate("""() => {
      window.said = []; window.seen = [];
      const all = { childList: true, characterData: true, subtree: true };
      const watch = (query, list) => {
        const there = document.querySelector(query);
        new MutationObserver(() => list.push(there.innerText)).observe(there, all);
      };
      watch("#annonce", window.said); watch(".cosim-status", window.seen);
    }""")
    for _ in range(6):
        page.locator("#catalysis-fte").press("ArrowRight")
    page.wait_for_function("window.said.length > 0", timeout=60_000)
    assert page.evaluate("new Set(window.said).size") == 1
    status = page.evaluate("window.seen.join(' | ')")
    assert "calcul" in status
    assert page.locator(".cosim-sentence").get_attribute("aria-live") is None


# -- starting points, switches, cautions -----------------------------------------------------


def test_one_starts_from_a_shipped_scenario_and_takes_it_back(page, port):
    open_page(page, port, ready=DRAWN)
    page.select_option("#depart", "sans-crise-2020")
    page.wait_for_function(f"{SAYS.format('.cosim-sentence')}.includes('2020 sans crise')")
    assert "sans crise" in page.locator(".cosim-start .cosim-small").inner_text()
    assert page.input_value("#context-crises") == "0"
    page.wait_for_url("**context.crises=**")
    page.reload()
    page.wait_for_selector(DRAWN)
    assert page.input_value("#depart") == "sans-crise-2020"
    page.select_option("#depart", "reference-2020")
    page.wait_for_function("document.querySelector('#context-crises').value === '1'")
    page.get_by_role("button", name="Annuler").click()
    page.wait_for_function("document.querySelector('#depart').value === 'sans-crise-2020'")


def test_switches_and_cautions_lead_where_they_say(page, port):
    open_page(page, port, query=f"{TWO}&catalysis.caseload=40", ready=DRAWN)
    assert "hypothèse" in page.locator(".explorer-beware").inner_text()
    page.uncheck("#incertitude")
    page.wait_for_url("**parametres=fixes**")
    page.click("#suppose")
    page.get_by_text("Les paramètres sont fixes").wait_for()
    page.locator(".explorer-beware a").first.click()
    page.wait_for_url("**/methode?**")
    assert (
        "section=" in page.url and "lieux.number=2" in page.url and "parametres=fixes" in page.url
    )


# -- why, and for whom ----------------------------------------------------------------------


def test_why_says_what_contributions_says_and_for_whom_what_compare_says(page, port, computed):
    open_page(page, port, query=TWO, ready=DRAWN)
    settle(page)
    page.click("#qui")
    page.wait_for_selector(".cosim-bars-row.part")
    said = page.evaluate("""() => [document.querySelector(".cosim-status").innerText,
                                   document.querySelector("#qui").closest("section").innerText]""")
    effect = computed(pairs_of(said[0])).effect
    parts = who.kinds(effect, "engaged")
    assert plain(who.sentence(effect, parts, "fr")) in plain(said[1])
    page.click("#pourquoi")
    page.wait_for_selector(".cosim-bars-row.synergy", timeout=120_000)
    section = page.locator("section.cosim-card", has=page.locator("#pourquoi"))
    text = plain(section.inner_text())
    direct = attribution.contributions(
        effect.reference.scenario, effect.scenario.scenario,
        replicates=20 if "20 simulations de chaque" in text else 100,
    )  # fmt: skip
    assert plain(direct.sentence("fr")) in text
    assert "Un premier pas petit et réversible." in text  # the ledger of mechanisms
    section.get_by_role("button", name="Forces de ce levier").first.click()
    section.get_by_text("hypothèse", exact=False).first.wait_for()
    settle(page)
    assert not Axe().run(page).response["violations"]


# -- keyboard and phone -----------------------------------------------------------------------


def test_a_commune_is_found_without_accents_by_keyboard_alone(page, port):
    open_page(page, port, ready=DRAWN)
    field = page.locator("#territoire")
    field.focus()
    field.press_sequentially("chateau-thierry")
    page.wait_for_selector("[role=option]")
    assert field.get_attribute("aria-expanded") == "true"
    field.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    assert "Château-Thierry" in page.locator(f"#{active}").inner_text()
    assert not Axe().run(page, context="#leviers").response["violations"]
    field.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    field.press("ArrowDown")
    field.press("Enter")
    page.wait_for_function(f"{SAYS.format('.cosim-place')}.includes('Château-Thierry')")
    assert (
        "territoire=200072031" in page.url or page.wait_for_url("**territoire=200072031**") is None
    )


def test_on_a_phone_the_answer_comes_first_and_stays_in_sight(browser, port):
    phone = watched(browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True))
    open_page(phone, port, query=f"{TWO}&langue=en", ready=DRAWN)
    assert phone.locator(".cosim-sentence").bounding_box()["y"] < 800
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.click("a.cosim-jump")
    phone.locator("#lieux-number").scroll_into_view_if_needed()
    bar = phone.locator(".cosim-compact")
    box = bar.bounding_box()
    assert 0 <= box["y"] < 10 and "Living alliances" in bar.inner_text()
    before = bar.inner_text()
    for _ in range(3):
        phone.locator("#lieux-number").press("ArrowRight")
    phone.wait_for_function(f"(before) => {SAYS.format('.cosim-compact')} !== before", arg=before)
    settle(phone)
    assert not Axe().run(phone).response["violations"]
    assert phone.wrong == []
    phone.close()
