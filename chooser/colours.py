"""One colour per candidate, for chart and page."""

from chooser.candidates import Candidate

COLOURS = {
    Candidate.LAMBDA: "#e8710a",
    Candidate.PROVISIONED: "#b8860b",
    Candidate.MANAGED: "#a142f4",
    Candidate.SERVICE: "#4285f4",
    Candidate.SHARED: "#00a0b0",
    Candidate.CLOUDFRONT: "#7986cb",
    Candidate.API_GATEWAY: "#d0527f",
    Candidate.WORKER: "#9e8b6e",
    Candidate.RUN_TASK: "#1e9e5a",
    Candidate.RUN_TASK_SPOT: "#5a9a1f",
}
"""Colours with a contrast of about 3:1 or more on both white and black."""
