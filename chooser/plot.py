"""A chart of cost against load, readable on light and dark pages, with the break-even marked."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chooser.candidates import total
from chooser.choose import Verdict, break_even, choose, rival
from chooser.colours import COLOURS
from chooser.workload import Workload

GREY = "#888888"
POINTS = 200


def plot(load: Workload, architecture: str, file: str, *, free: bool = False) -> None:
    """Plot the possible candidates, from a thousandth (at least one request) to a thousand times the load.

    The file's extension chooses the format.
    """
    verdicts = choose(load, architecture=architecture, free=free)
    possible = [one for one in verdicts if one.possible]
    here = max(1, load.requests)
    start = load.times(here / load.requests) if load.requests else load._replace(requests=here)
    factors = np.geomspace(1 / min(here, 1000), 1000, POINTS)
    metadata = {"Date": None} if file.endswith(".svg") else {}
    with mpl.rc_context({"svg.hashsalt": load.name, "svg.fonttype": "none", "text.color": GREY}):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        for one in possible:
            usd = [total(one.candidate, start.times(by), one.architecture, free=free) for by in factors]
            label = f"{one.candidate}, {one.architecture}"
            axes.loglog(here * factors, usd, label=label, color=COLOURS[one.candidate], linewidth=2)
        axes.axvline(here, color=GREY, linestyle=":", linewidth=1)
        axes.text(here, 0.03, " this workload", transform=axes.get_xaxis_transform())
        if possible:
            _mark(axes, load, verdicts, free)
        axes.set_xlabel("requests a month")
        axes.set_ylabel(f"USD a month, {load.region}")
        axes.set_title(load.name, color=GREY)
        axes.grid(visible=True, which="major", color=GREY, alpha=0.25)
        axes.tick_params(colors=GREY, which="both")
        axes.xaxis.label.set_color(GREY)
        axes.yaxis.label.set_color(GREY)
        for spine in axes.spines.values():
            spine.set_color(GREY)
        axes.legend(frameon=False, labelcolor="linecolor")
        figure.savefig(file, transparent=True, metadata=metadata)


def _mark(axes: Axes, load: Workload, verdicts: list[Verdict], free: bool) -> None:
    best, other = verdicts[0], rival(verdicts)
    crossing = other and break_even(load, best[:2], other[:2], free=free)
    if not crossing:
        return
    usd = total(best.candidate, load.times(crossing.requests / load.requests), best.architecture, free=free)
    axes.plot([crossing.requests], [usd], "o", color=GREY, markersize=8, fillstyle="none")
    text = f"break-even {crossing.requests:,.3g}"
    axes.annotate(text, (crossing.requests, usd), (8, -14), textcoords="offset points")
