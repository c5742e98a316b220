"""The pictures and the page of France show every territory, in numbers that add up."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from test_figures_concepts import check_readable

from cosim import drawing, figures_maps, figures_national, report_national, territory
from cosim.errors import ResultsError
from cosim.figures_maps import MAINLAND, OVERSEAS
from cosim.figures_national import MEASURES, SIZES, Tables

YEARS = (2013, 2016)


def places_of(codes=None):
    """The table of places as a run of France makes it, with one post in ten territories."""
    table = territory.territories().rename(columns={"code": "territory"})
    towns = territory.communes().dropna(subset=["territory"])
    counts = towns.groupby(["territory", "reg"])["population"].sum().reset_index()
    most = counts.sort_values("population").drop_duplicates("territory", keep="last")
    table["region"] = table["territory"].map(most.set_index("territory")["reg"])
    table["region_name"] = table["region"].map(territory.REGIONS)
    bounds = [0, 15_000, 30_000, 50_000, 100_000, 250_000, 1e9]
    table["size_class"] = pd.cut(
        table["inhabitants"], bounds, right=False,
        labels=["<15000", "15000-30000", "30000-50000", "50000-100000", "100000-250000", ">250000"],
    ).astype(str)  # fmt: skip
    table["neighbours"] = 4
    rng = np.random.default_rng(3)
    weights = table["inhabitants"].to_numpy() ** 0.7
    table["catalysts"] = rng.multinomial(350, weights / weights.sum())
    return table if codes is None else table[table["territory"].isin(codes)].reset_index(drop=True)


def run_of(places, more=0.0, replicates=2):
    """Tables of a run whose élus are the more convinced the farther north, plus `more`."""
    rng = np.random.default_rng(5)
    months = pd.date_range(f"{YEARS[0]}-01", f"{YEARS[1]}-12", freq="MS")
    rise = np.linspace(0.2, 1.0, len(months))
    n = len(places)
    north = 0.25 + 0.03 * (places["lat"].fillna(46).to_numpy() - 41).clip(0, 10)
    inhabitants = places["inhabitants"].to_numpy(float)
    parts = []
    for k in range(replicates):
        noise = rng.normal(0, 0.04, n)
        level = {
            ("convinced", "elu"): (north + noise + more * rng.normal(0.6, 1.0, n)).clip(0.01, 0.99),
            ("engaged", ""): (0.4 * north + noise / 2 + more / 2).clip(0.01, 0.9),
            ("alliances", ""): inhabitants**0.9 / 900 * (1 + more) * np.exp(4 * noise),
        }
        for (indicator, group), last in level.items():
            parts.append(pd.DataFrame({
                "replicate": k,
                "territory": np.repeat(places["territory"].to_numpy(), len(months)),
                "month": np.tile(months, n),
                "indicator": indicator,
                "group": group,
                "value": (last[:, None] * rise).ravel(),
            }))  # fmt: skip
    series = pd.concat(parts, ignore_index=True)
    return Tables(series, places, communes_of(places, series), groups_of(places, series))


def communes_of(places, series):
    """One row per replicate and commune; small communes have fewer engaged actors."""
    towns = territory.communes()
    towns = towns[towns["territory"].isin(set(places["territory"]))]
    last = series[series["month"] == series["month"].max()]
    parts = []
    for k, rows in last.groupby("replicate"):
        by = rows.pivot(index="territory", columns="indicator", values="value")
        actors = (10 + towns["population"] / 60).round().to_numpy(float)
        size = (np.log10(towns["population"].clip(10)) / 6).to_numpy()
        elus = towns["conseillers"].to_numpy(float)
        convinced = by["convinced"].loc[towns["territory"]].to_numpy()
        engaged = by["engaged"].loc[towns["territory"]].to_numpy()
        parts.append(pd.DataFrame({
            "replicate": k, "commune": towns["code"].to_numpy(),
            "territory": towns["territory"].to_numpy(),
            "inhabitants": towns["population"].to_numpy(), "actors": actors,
            "engaged": np.round(actors * engaged * 2 * size), "elus": elus,
            "elus_convinced": np.round(elus * convinced),
            "elus_engaged": np.round(elus * engaged * size),
            "memberships": np.round(actors * engaged * 3 * size),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def groups_of(places, series):
    """Shares weighted by inhabitants, counts summed; the whole and by region, size and type."""
    about = places.set_index("territory")
    paths = {"convinced": "convinced/elu", "engaged": "engaged", "alliances": "alliances"}
    parts = []
    for by, column in (("all", None), ("region", "region"), ("size", "size_class"),
                       ("type", "type")):  # fmt: skip
        table = series.assign(
            weight=series["territory"].map(about["inhabitants"]).to_numpy(float),
            part="" if column is None else series["territory"].map(about[column]),
        )
        count = (table["indicator"] == "alliances").to_numpy()
        table["weight"] = np.where(count, 1.0, table["weight"])
        table["sum"] = table["value"] * table["weight"]
        found = table.groupby(["replicate", "part", "month", "indicator"])[["sum", "weight"]].sum()
        found = found.reset_index()
        share = found["indicator"] != "alliances"
        found["value"] = found["sum"] / found["weight"].where(share, 1.0)
        found["indicator"] = found["indicator"].map(paths)
        parts.append(found.assign(by=by).rename(columns={"part": "group"}))
    columns = ["replicate", "by", "group", "month", "indicator", "value"]
    return pd.concat(parts, ignore_index=True)[columns]


def effect_of(run, reference):
    """The effect by group at the end, with an interval as wide as the effect."""
    rows = []
    for by in ("all", "region"):
        for path in ("convinced/elu", "engaged", "alliances"):
            gap = (run.country(path, by) - reference.country(path, by)).iloc[:, -1]
            for group, mean in gap.groupby(level="group").mean().items():
                rows.append({"by": by, "group": group, "indicator": path, "mean": mean,
                             "low": 0.5 * mean, "high": 1.5 * mean, "k_euros": 2_000.0,
                             "per_100k": mean / 20})  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def france():
    return run_of(places_of())


@pytest.fixture(scope="module")
def more():
    return run_of(places_of(), more=0.06)


@pytest.fixture(scope="module")
def morbihan():
    table = territory.territories()
    return run_of(places_of(set(table.loc[table["dep"] == "56", "code"])))


@pytest.fixture(scope="module")
def effect(france, more):
    return effect_of(more, france)


# -- the grid -----------------------------------------------------------------------------


def town(name):
    table = territory.communes()
    return table[table["nom"] == name].sort_values("population").iloc[-1]


def found_at(frame, lon, lat):
    """The name of the commune that a map of this frame has at a place; None off the land."""
    x, y = figures_maps.project(frame.area, np.array([lon]), np.array([lat]))
    grid = figures_maps.nearest_communes(frame)
    rows, columns = grid.shape
    row = int((y[0] - frame.bottom) / frame.height * rows)
    column = int((x[0] - frame.left) / frame.width * columns)
    nearest = grid[row, column]
    return None if nearest < 0 else figures_maps.land(frame.area)["nom"].iloc[nearest]


@pytest.fixture(scope="module")
def windows(france):
    return figures_maps.frames(set(france.places["territory"]))


def test_the_mainland_comes_first_then_overseas_by_code_then_ile_de_france(windows):
    assert [frame.area for frame in windows] == [MAINLAND, *OVERSEAS, MAINLAND]
    assert [bool(frame.region) for frame in windows] == [False] * 6 + [True]


def test_every_territory_of_france_has_points_on_the_map(france, windows):
    seen = set()
    for frame in windows[:6]:
        grid = figures_maps.nearest_communes(frame)
        rows = np.unique(grid[grid >= 0])
        seen |= set(figures_maps.land(frame.area)["territory"].iloc[rows].dropna())
    assert seen == set(france.places["territory"])


def test_a_kilometre_of_the_map_is_a_kilometre_of_the_ground():
    lille, nice = town("Lille"), town("Nice")
    (x0, x1), (y0, y1) = figures_maps.lambert(
        np.array([lille.lon, nice.lon]), np.array([lille.lat, nice.lat])
    )
    a, b = np.radians([lille.lat, nice.lat])
    cosine = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(
        np.radians(nice.lon - lille.lon)
    )
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(6371 * np.arccos(cosine), rel=0.01)


def test_the_middle_of_the_projection_is_at_three_degrees_east(windows):
    x, y = figures_maps.lambert(np.array([3.0]), np.array([46.5]))
    assert x[0] == pytest.approx(0.0) and y[0] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["Limoges", "Bourges", "Gap", "Ajaccio"])
def test_a_town_stands_where_it_is(windows, name):
    here = town(name)
    assert found_at(windows[0], here.lon, here.lat) == name


def test_the_sea_and_the_neighbouring_countries_are_no_land(windows):
    for lon, lat in ((-4.0, 45.5), (5.0, 42.2), (8.0, 46.8), (0.0, 41.9), (-1.0, 50.5),
                     (-1.45, 44.7), (3.6, 43.18)):  # fmt: skip
        assert found_at(windows[0], lon, lat) is None


def test_there_is_no_hole_inside_the_land(windows):
    grid = figures_maps.nearest_communes(windows[0])
    rows, columns = grid.shape
    middle = grid[int(0.45 * rows) : int(0.6 * rows), int(0.4 * columns) : int(0.65 * columns)]
    assert (middle >= 0).all()


def test_a_part_of_france_is_zoomed_on(morbihan):
    (frame,) = figures_maps.frames(set(morbihan.places["territory"]))
    assert 100 < frame.width < 200
    towns = figures_maps.land(MAINLAND)
    mine = towns[towns["territory"].isin(set(morbihan.places["territory"]))]
    x, y = figures_maps.lambert(*mine[["lon", "lat"]].to_numpy(float).T)
    assert frame.holds(x, y).all()


def test_the_inset_of_ile_de_france_has_no_commune_of_another_region(windows):
    grid = figures_maps.nearest_communes(windows[-1])
    regions = figures_maps.land(MAINLAND)["reg"].iloc[np.unique(grid[grid >= 0])]
    assert set(regions) == {"11"}


# -- maps ---------------------------------------------------------------------------------


def test_a_territory_has_the_colour_of_its_value(france):
    figure = figures_national.choropleth(france)
    (frame, *_), axes = figures_maps.frames(set(france.places["territory"])), figure.axes[0]
    image = np.asarray(axes.images[0].get_array())
    values = france.at_end()["convinced"]
    colours, scale, bounds = figures_maps.classes(values.to_numpy(), "YlGnBu")
    assert len(bounds) >= 3
    for name in ("Limoges", "Lille", "Bourges"):
        here = town(name)
        x, y = figures_maps.lambert(np.array([here.lon]), np.array([here.lat]))
        row = int((y[0] - frame.bottom) / frame.height * image.shape[0])
        column = int((x[0] - frame.left) / frame.width * image.shape[1])
        expected = colours(scale(values[here.territory]))
        assert image[row, column] == pytest.approx(expected)


def test_of_fewer_than_ten_territories_the_extremes_are_told():
    table = territory.territories()
    island = run_of(places_of(set(table.loc[table["dep"] == "974", "code"])))
    values = island.at_end()["convinced"]
    assert figures_national.span(island, "convinced") == (values.min(), values.max())
    figure = figures_national.choropleth(island)
    assert "8 territoires sur 10" not in figure.texts[1].get_text()
    assert not any("Huit territoires" in line for line in report_national.sentences(island))


def test_colours_of_the_classes_darken_with_the_value():
    colours, scale, bounds = figures_maps.classes(np.linspace(0, 1, 100), "YlGnBu")
    light = [np.dot(colours(scale(x))[:3], (0.21, 0.72, 0.07)) for x in (-1.0, *bounds)]
    assert (np.diff(light) < 0).all()


def test_zero_divides_the_colours_of_a_difference():
    colours, scale, bounds = figures_maps.classes(np.linspace(-1, 9, 50), "PuOr", centred=True)
    assert bounds == [-b for b in reversed(bounds)]
    red_below, blue_above = colours(scale(-1e-6)), colours(scale(1e-6))
    assert red_below[0] > red_below[2] and blue_above[2] > blue_above[0]


def test_one_value_everywhere_still_makes_a_map(morbihan):
    flat = Tables(
        morbihan.series.assign(value=0.0), morbihan.places, morbihan.communes, morbihan.groups
    )
    for measure in MEASURES:
        check_readable(figures_national.choropleth(flat, measure))
    check_readable(figures_national.difference_map(flat, flat))


def test_every_territory_that_holds_a_post_has_a_dot(france):
    figure = figures_national.catalyst_map(france)
    held = int((france.places["catalysts"] > 0).sum())
    dots = [sum(len(found.get_offsets()) for found in axes.collections) for axes in figure.axes[:6]]
    assert sum(dots) == held
    capital = france.places[france.places["region"] == "11"]
    inset = sum(len(found.get_offsets()) for found in figure.axes[6].collections)
    assert inset == (capital["catalysts"] > 0).sum()
    assert f"{int(france.places['catalysts'].sum())} postes" in figure.texts[0].get_text()
    assert "tirés au sort" in figure.texts[1].get_text()


def test_the_map_of_a_difference_counts_who_gains_and_who_loses(france, more):
    gap = more.at_end()["convinced"] - france.at_end()["convinced"]
    title = figures_national.difference_map(more, france).texts[0].get_text()
    above, below = (drawing.number(int(n.sum())) for n in (gap > 0, gap < 0))
    assert f"{above} territoires" in title and title.endswith(f"dans {below}")


# -- numbers ------------------------------------------------------------------------------


def test_the_gradient_counts_every_commune_once(france):
    table = figures_national.gradient(france)
    for what in ("convinced", "elus", "engaged"):
        rows = table[table["what"] == what]
        assert rows["communes"].sum() == france.communes["commune"].nunique()
        assert len(rows) == len(SIZES) + 1


def test_a_class_s_share_is_that_of_its_people_not_the_mean_of_its_communes(france):
    table = figures_national.gradient(france).set_index(["what", "size"])
    small = france.communes[france.communes["inhabitants"].between(200, 499)]
    sums = small.groupby("replicate")[["engaged", "actors"]].sum()
    expected = (sums["engaged"] / sums["actors"]).mean()
    assert table.loc[("engaged", 1), "share"] == pytest.approx(expected)
    each = small.groupby(["replicate", "territory"])[["engaged", "actors"]].sum()
    ends = (each["engaged"] / each["actors"]).groupby("replicate").quantile([0.1, 0.9]).unstack()
    found = table.loc[("engaged", 1), ["low", "high"]].to_numpy(float)
    assert found == pytest.approx(ends.mean().to_numpy())


def test_regions_add_up_to_the_country(france):
    table = figures_national.by_region(france)
    assert len(table) == 18 and set(table["region"]) == set(territory.REGIONS.values())
    whole = france.country("alliances").iloc[:, -1].mean()
    assert table["alliances"].sum() == pytest.approx(whole)
    assert table["territories"].sum() == 1266
    assert table["catalysts"].sum() == 350
    assert table["convinced"].is_monotonic_decreasing


def test_regions_may_come_by_name_as_well_as_by_code(france):
    groups = france.groups.copy()
    by = groups["by"] == "region"
    groups.loc[by, "group"] = groups.loc[by, "group"].map(territory.REGIONS)
    named = Tables(france.series, france.places, france.communes, groups)
    pd.testing.assert_frame_equal(
        figures_national.by_region(named), figures_national.by_region(france)
    )


def test_at_the_end_a_territory_is_the_mean_of_its_replicates(france):
    code = "200000172"
    rows = france.series[
        (france.series["territory"] == code) & (france.series["indicator"] == "alliances")
        & (france.series["month"] == france.series["month"].max())
    ]  # fmt: skip
    end = france.at_end().loc[code]
    assert len(rows) == 2
    assert end["alliances"] == pytest.approx(rows["value"].mean())
    assert end["per_10k"] == pytest.approx(1e4 * rows["value"].mean() / end["inhabitants"])


def test_the_bands_of_the_curves_hold_eight_territories_in_ten(france):
    figure = figures_national.curves(france)
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    last = band[np.isclose(band[:, 0], band[:, 0].max()), 1]
    values = france.territories("convinced", "elu").iloc[:, -1]
    inside = values.between(last.min(), last.max()).mean()
    assert inside == pytest.approx(0.8, abs=0.02)


def test_elections_and_the_frame_of_the_odd_are_marked(france):
    def marks(tables):
        return [text.get_text() for text in figures_national.curves(tables).axes[0].texts]

    assert marks(france).count("élections") == 1 and "ODD" in marks(france)
    none = Tables(france.series, france.places, france.communes, france.groups, elections=())
    assert "élections" not in marks(none)


def test_every_territory_is_a_dot_of_the_variation(france):
    dots = figures_national.variation(france).axes[0].collections
    offsets = [len(found.get_offsets()) for found in dots if hasattr(found, "get_sizes")]
    assert sum(offsets) == 1266


def test_a_territory_that_a_scenario_leaves_as_it_is_has_no_colour(morbihan):
    code = town("Vannes").territory
    series = morbihan.series.copy()
    series.loc[series["territory"] != code, "value"] *= 1.1
    changed = Tables(series, morbihan.places, morbihan.communes, morbihan.groups)
    figure = figures_national.difference_map(changed, morbihan)
    image = np.asarray(figure.axes[0].images[0].get_array())
    (frame,) = figures_maps.frames(set(morbihan.places["territory"]))
    for name, grey in (("Vannes", True), ("Lorient", False)):
        x, y = figures_maps.lambert(np.array([town(name).lon]), np.array([town(name).lat]))
        row = int((y[0] - frame.bottom) / frame.height * image.shape[0])
        column = int((x[0] - frame.left) / frame.width * image.shape[1])
        assert (np.ptp(image[row, column, :3]) < 0.03) == grey


@pytest.mark.parametrize(
    ("x", "share", "text"),
    [
        (0.0123, True, "+1,2\u00a0pt"),
        (-0.00067, True, "\u22120,067\u00a0pt"),
        (23.4, False, "+23"),
        (0.0, False, "0"),
        (float("nan"), True, "–"),
    ],
)
def test_an_effect_per_100k_keeps_two_figures_that_count(x, share, text):
    assert figures_national.per_100k(x, share, "fr") == text


# -- pictures and page --------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_no_text_of_a_picture_of_france_is_cut_or_covered(france, more, effect, lang):
    shown = report_national.pictures(more, lang, reference=france, effect=effect)
    assert len(shown) == 12
    for name, picture in shown.items():
        figure = picture.draw()
        try:
            check_readable(figure)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_no_text_of_a_picture_of_a_part_is_cut_or_covered(morbihan):
    for picture in report_national.pictures(morbihan).values():
        check_readable(picture.draw())


class Reader(HTMLParser):
    """Collects what a page asks for, and whether its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.asked, self.alts = [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.asked += [v for k, v in attrs if k in ("src", "href", "srcset", "action")]
        if tag == "img":
            self.alts.append(found.get("alt", ""))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    page = Reader()
    page.feed(html)
    page.close()
    assert not page.open
    return page


def test_the_page_of_france_is_small_and_asks_nothing_from_outside(france, more, effect):
    html = report_national.render(more, reference=france, effect=effect)
    page = read(html)
    assert page.asked and all(asked.startswith("data:image/") for asked in page.asked)
    assert len(page.alts) == 12 and all(alt.strip() for alt in page.alts)
    assert not re.search(r"@import|url\(", html)
    assert len(html.encode()) < 3_000_000


@pytest.mark.parametrize(("lang", "word"), [("fr", "habitants"), ("en", "inhabitants")])
def test_the_page_is_in_one_language(morbihan, lang, word):
    html = report_national.render(morbihan, lang=lang)
    assert f'<html lang="{lang}">' in html and f"712\u202f484 {word}" in html.replace(",", "\u202f")
    strange = {"fr": ("luck", "élus convinced"), "en": ("hasard", "convaincus")}[lang]
    assert not any(text in html for text in strange)


def test_an_indicator_that_a_run_lacks_is_named(morbihan):
    with pytest.raises(ResultsError, match="spending"):
        morbihan.territories("spending")
    with pytest.raises(ResultsError, match="spending"):
        morbihan.country("spending")


def test_the_page_says_what_is_an_assumption(morbihan):
    html = report_national.render(morbihan, "Morbihan")
    for wanted in ("tirés au sort", "hypothèse", "exploration", "hasard", "approchés"):
        assert wanted in html
    assert "Ce que change le scénario" not in html


def test_the_sentences_are_made_of_the_numbers(france, effect):
    told = report_national.sentences(france, "fr", effect)
    convinced = france.country("convinced/elu").iloc[:, -1].mean()
    assert any(f"{round(100 * convinced)}\u202f% des élus sont convaincus" in line for line in told)
    low, high = figures_national.span(france, "convinced")
    assert any(f"entre {round(100 * low)}\u202f% et {round(100 * high)}" in line for line in told)
    mean = effect[(effect["by"] == "all") & (effect["indicator"] == "convinced/elu")]["mean"]
    assert drawing.number(100 * mean.iloc[0], 1, sign=True) in told[0]


def test_an_effect_that_chance_explains_is_said_to_be_chance(france, effect):
    doubtful = effect.assign(low=-1.0, high=1.0)
    told = report_national.sentences(france, "fr", doubtful)
    assert sum("hasard suffit" in line for line in told) == 3
    assert not any("100 k€" in line for line in told)


def test_a_title_is_never_read_as_html(morbihan):
    html = report_national.render(morbihan, "<b>Essai</b>", again="<i>")
    assert "<b>Essai" not in html and "&lt;b&gt;Essai" in html and "<i>" not in html


def test_stylised_territories_have_a_page_without_a_map(morbihan):
    def renamed(table):
        return table.assign(territory="S" + table["territory"])

    places = renamed(morbihan.places).assign(region=None, region_name=None)
    groups = morbihan.groups[morbihan.groups["by"] != "region"]
    stylised = Tables(renamed(morbihan.series), places, renamed(morbihan.communes), groups)
    shown = report_national.pictures(stylised)
    assert set(shown) == {"curves", "gradient", "variation"}
    read(report_national.render(stylised))


def test_the_pictures_stand_beside_the_page(morbihan, tmp_path):
    path = report_national.write(morbihan, tmp_path, "Morbihan")
    drawn = {found.stem for found in (tmp_path / "figures").glob("*.svg")}
    assert drawn == {found.stem for found in (tmp_path / "figures").glob("*.png")}
    assert drawn == set(report_national.pictures(morbihan))
    assert read(path.read_text(encoding="utf-8")).alts
