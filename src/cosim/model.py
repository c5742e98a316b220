"""CoSimModel: the engine as a Mesa model. A face over `engine.Run`, with no rule of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import mesa
import numpy as np

from cosim import engine, streams
from cosim.agents import CLASSES, TerritorialActor
from cosim.errors import CosimError, ScenarioError
from cosim.indicators import column
from cosim.scenario import Scenario, load
from cosim.state import copy

if TYPE_CHECKING:
    import pandas as pd

    from cosim.territory import Territory

ScenarioLike = Scenario | Mapping[str, Any] | str | os.PathLike[str]


class CoSimModel(mesa.Model):  # type: ignore[misc]
    """One replicate of a scenario, with one agent for each actor present.

    Parameters
    ----------
    scenario : a `Scenario`, the name or path of one, or a document as a dictionary; default: the
        default document
    rng : root seed, 0 to 2**32 - 1 (anything else that Mesa takes: the seed is drawn from it)
    replicate : number of the replicate under that seed
    changes : keys of the scenario with `__` for the dot, `catalysis__fte=2`; `extends` names the
        scenario in place of `scenario`, which Mesa's `SolaraViz` overwrites when it resets

    Attributes
    ----------
    run : `engine.Run`, with `.state`, `.month` (next step) and `.out`
    document : the `Scenario` (`model.scenario` is Mesa's own)
    time : steps done; one step is a month, or 1/`time.substeps` of one
    running : False once the scenario's last month is simulated; further steps change nothing
    datacollector : indicators of `REPORTED` at the end of each month

    Examples
    --------
    >>> model = CoSimModel(rng=1, territory__code="synthetic", time__end="2010-12")
    >>> model.run_model()
    >>> model.month
    '2010-12'
    """

    #: (indicator, group) that the DataCollector reports; a group gives `indicator/group`.
    REPORTED: ClassVar[tuple[tuple[str, str], ...]] = (
        ("alliances", ""),
        ("births", ""),
        ("engaged", ""),
        ("convinced", ""),
        ("able", ""),
        ("commitment", ""),
        ("know_how", ""),
        ("maturity", ""),
        ("commitment", "elu"),
        ("engaged", "company"),
        ("trust_across", ""),
        ("cross_ties", ""),
        ("fragility", ""),
        ("engines", ""),
        ("spending", ""),
    )

    def __init__(
        self,
        scenario: ScenarioLike | None = None,
        rng: Any = 1,
        replicate: int = 0,
        **changes: Any,
    ) -> None:
        if isinstance(rng, np.integer):
            rng = int(rng)
        super().__init__(rng=rng)
        document = resolve(scenario, changes)
        seed = rng if isinstance(rng, int) else int(self.rng.integers(1 << 32))
        self.run = engine.Run(engine.plan(document), seed, replicate)
        self._seats: list[TerritorialActor | None] = [None] * len(self.run.state.actors)
        self._occupants = np.zeros(len(self._seats), dtype=np.uint64)
        self._sessions = 0
        self.datacollector = mesa.DataCollector(
            model_reporters={
                f"{name}/{group}" if group else name: partial(reported, name=name, group=group)
                for name, group in self.REPORTED
            }
        )
        self._seat_agents()

    # -- what it is -----------------------------------------------------------------------

    @property
    def document(self) -> Scenario:
        """The scenario."""
        return self.run.plan.scenario

    @property
    def place(self) -> Territory:
        """The territory."""
        return self.run.plan.place

    @property
    def params(self) -> Any:
        """The parameters, per step, as mechanisms receive them."""
        return self.run.plan.params

    @property
    def month(self) -> str:
        """The last month simulated, YYYY-MM; empty before the first."""
        return self.month_of(self.run.month - 1) if self.run.month else ""

    def month_of(self, step: int) -> str:
        """Return the month of a step, YYYY-MM."""
        return self.document.month_label(step // self.document.time.substeps)

    def actor(self, row: int) -> TerritorialActor:
        """Return the agent that stands for the occupant of a row of `run.state.actors`."""
        agent = self._seats[row]
        if agent is None:
            raise CosimError("nobody has this seat", key="row", found=row)
        return agent

    # -- time -----------------------------------------------------------------------------

    def step(self) -> None:
        """Simulate one step, then let agents come and go with the occupants of the seats."""
        if self.run.done:
            return
        self.run.step()
        self._sessions = 0
        self._seat_agents()
        self.running = not self.run.done
        if self.run.month % self.document.time.substeps == 0:
            self.datacollector.collect(self)

    def _seat_agents(self) -> None:
        """Give every present occupant its agent: a new occupant of a seat is a new agent."""
        actors = self.run.state.actors
        occupants = np.where(actors["alive"], actors["id"], np.uint64(0))
        for row in np.flatnonzero(occupants != self._occupants).tolist():
            before = self._seats[row]
            if before is not None:
                before.remove()
            taken = bool(actors["alive"][row])
            self._seats[row] = CLASSES[int(actors["kind"][row])](self, row) if taken else None
        self._occupants = occupants

    def make_room(self) -> None:
        """Make sure that an alliance can be founded now; the state may be replaced."""
        self.run.state = engine.room(self.run.state)

    def next_session(self) -> int:
        """Return the number, from 0, of a session that an agent convenes in this step."""
        self._sessions += 1
        return self._sessions - 1

    # -- what is measured -----------------------------------------------------------------

    def indicator(self, name: str, group: str = "") -> float:
        """Return an indicator at the end of the last whole month; NaN before the first."""
        k = column(name, group)
        months = self._months
        return float(self.run.out[months - 1, k]) if months else float("nan")

    @property
    def _months(self) -> int:
        return self.run.month // int(self.document.time.substeps)

    def results(self) -> pd.DataFrame:
        """Return the months so far: replicate, month, indicator, group, value, territory."""
        from cosim.tables import long

        run, time = self.run, self.document.time
        values = run.out[np.newaxis, : self._months]
        return long(values, time.start, [run.replicate], self.place.code)

    # -- pickle and copy ------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        run = self.run
        parts = (run.plan.scenario, run.plan.place, run.seed, run.replicate, run.month,
                 run.state, run.out)  # fmt: skip
        return {**self.__dict__, "run": parts}

    def __setstate__(self, parts: dict[str, Any]) -> None:
        scenario, place, seed, replicate, month, state, out = parts["run"]
        # The plan holds compiled code, and is made again; a record that comes out of a pickle
        # is written by compiled code but not by attribute, hence the copy.
        run = engine.Run.__new__(engine.Run)
        run.plan = engine.plan(scenario, place).drawn(replicate)
        run.seed, run.replicate, run.month = seed, replicate, month
        run.key = streams.key(seed, replicate)
        run.state, run.out = copy(state), out
        self.__dict__.update(parts, run=run)


def reported(model: CoSimModel, name: str, group: str = "") -> float:
    """Return `model.indicator(name, group)`: a reporter that can be pickled."""
    return model.indicator(name, group)


def resolve(scenario: ScenarioLike | None, changes: Mapping[str, Any]) -> Scenario:
    """Return the scenario that a model is asked for, with its changes."""
    patch = {key.replace("__", "."): value for key, value in changes.items()}
    of_mesa = type(scenario).__module__.partition(".")[0] == "mesa"
    if of_mesa and "extends" not in patch:
        raise ScenarioError(
            "SolaraViz puts Mesa's own object in place of the scenario when it resets",
            key="scenario", expected="your scenario under the name extends in model_params",
        )  # fmt: skip
    base = patch.pop("extends", None if of_mesa else scenario)
    if base is None:
        base = Scenario()
    elif isinstance(base, Mapping):
        base = Scenario(**base)
    elif not isinstance(base, Scenario):
        base = load(base)
    return base.with_(**patch) if patch else base


__all__ = ["CoSimModel", "resolve"]
