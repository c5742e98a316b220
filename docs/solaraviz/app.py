"""The plain Mesa model in Mesa's own page: `solara run docs/solaraviz/app.py`.

The model is built inside the component, once for each visitor. A model at module level would be one
for everybody: a visitor's Step would be everybody's.
"""

import solara
from mesa.visualization import SolaraViz, make_plot_component

from cosim import CoSimModel

#: Small enough to be stepped while one looks at it.
SMALL = {
    "territory": {"code": "synthetic", "synthetic": {"communes": 6, "population": 6000}},
    "time": {"start": "2010-01", "end": "2019-12"},
    "catalysis": {"start": "2011-01"},
}
#: *Reset* builds a new model from these; `scenario` is a name that SolaraViz uses itself.
PARAMS = {
    "extends": SMALL,
    "rng": {
        "type": "SliderInt", "label": "graine — seed",
        "value": 1, "min": 1, "max": 50, "step": 1,
    },
    "catalysis__fte": {
        "type": "SliderFloat", "label": "catalyseurs (ETP) — catalysts (FTE)",
        "value": 2.0, "min": 0.0, "max": 6.0, "step": 0.5,
    },
}  # fmt: skip


def build():
    """Return a new model, as *Reset* would with the sliders as they start."""
    return CoSimModel(SMALL, rng=PARAMS["rng"]["value"],
                      catalysis__fte=PARAMS["catalysis__fte"]["value"])  # fmt: skip


def month(model):
    """The month that was simulated last, and how many agents of each type there are.

    A plain function: SolaraViz calls it again after each step, which it does not do with a
    component.
    """
    return solara.Markdown(
        f"**{model.month or 'avant le premier mois — before the first month'}** · "
        + ", ".join(
            f"{len(agents)} {kind.__name__}" for kind, agents in model.agents_by_type.items()
        )
    )


@solara.component
def Page():
    """Two languages on each line: Mesa's own buttons are in English only."""
    model = solara.use_memo(lambda: solara.reactive(build()), [])
    SolaraViz(
        model,
        components=[
            month,
            make_plot_component("alliances"),
            make_plot_component(["engaged", "convinced"]),
        ],
        model_params=PARAMS,
        play_interval=400,
        name="Alliances — un modèle Mesa, a Mesa model",
    )
