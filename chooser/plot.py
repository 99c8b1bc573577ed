"""Cost against load as a picture, readable on light and dark pages, with the break-even marked."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chooser.choose import break_even, choose
from chooser.costs import Candidate, total
from chooser.workload import Workload

GREY = "#888888"
COLOURS = {
    Candidate.LAMBDA: "#e8710a",
    Candidate.SERVICE: "#4285f4",
    Candidate.RUN_TASK: "#1e9e5a",
    Candidate.RUN_TASK_SPOT: "#7fbf3f",
    Candidate.MANAGED: "#a142f4",
}
"""Each keeps a contrast of 3:1 or so on white and on black."""
POINTS = 200


def plot(load: Workload, architecture: str, file: str) -> None:
    """Writes an SVG of the possible candidates, a thousandth to a thousand times the workload's requests."""
    here = max(1, load.requests)
    possible = [one.candidate for one in choose(load, architecture=architecture) if one.possible]
    requests = np.geomspace(max(1, here / 1000), here * 1000, POINTS)
    with mpl.rc_context({"svg.hashsalt": load.name, "svg.fonttype": "none", "text.color": GREY}):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        for candidate in possible:
            usd = [total(candidate, load._replace(requests=one), architecture) for one in requests]
            axes.loglog(requests, usd, label=candidate, color=COLOURS[candidate], linewidth=2)
        axes.axvline(here, color=GREY, linestyle=":", linewidth=1)
        axes.text(here, 0.03, " this workload", transform=axes.get_xaxis_transform())
        _mark(axes, load, architecture, possible)
        axes.set_xlabel("requests a month")
        axes.set_ylabel("USD a month, us-east-1")
        axes.set_title(f"{load.name}, {architecture}", color=GREY)
        axes.grid(visible=True, which="major", color=GREY, alpha=0.25)
        axes.tick_params(colors=GREY, which="both")
        axes.xaxis.label.set_color(GREY)
        axes.yaxis.label.set_color(GREY)
        for spine in axes.spines.values():
            spine.set_color(GREY)
        axes.legend(frameon=False, labelcolor="linecolor")
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


def _mark(axes: Axes, load: Workload, architecture: str, possible: list[Candidate]) -> None:
    pair = (Candidate.LAMBDA, Candidate.SERVICE)
    if not {*pair} <= {*possible}:
        return
    crossing = break_even(load, *pair, architecture)
    if crossing is None:
        return
    usd = total(pair[0], load._replace(requests=crossing), architecture)
    axes.plot([crossing], [usd], "o", color=GREY, markersize=8, fillstyle="none")
    axes.annotate(f"break-even {crossing:,.0f}", (crossing, usd), (8, -14), textcoords="offset points")
