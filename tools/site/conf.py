"""The pages of docs/ as a site.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
project = "lambda-or-fargate"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
root_doc = "README"
html_theme = "furo"
html_title = project
html_copy_source = html_show_sphinx = html_show_copyright = False
html_static_path = ["static", "node_modules/@mermaid-js/tiny/dist"]
html_js_files = ["mermaid.tiny.js"]
mermaid_use_local = "mermaid.mjs"
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
SECTIONS = ("", "decisions/")
ABOVE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")
ABOVE_DECISIONS = re.compile(r"\[([^\]]+)\]\(\.\./\.\./[^)]*\)")


def _as_site(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn links to the code, which is not on the site, into text; add a hidden toctree to each README."""
    above = ABOVE_DECISIONS if page.startswith("decisions/") else ABOVE
    source[0] = above.sub(lambda link: link[1], source[0])
    for folder in SECTIONS:
        if page == f"{folder}README":
            pages = sorted(
                file.stem for file in Path(app.srcdir, folder).glob("*.md") if file.stem != "README"
            )
            more = ["decisions/README"] if not folder else []
            source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, *more, "```", ""])


def setup(app: Sphinx) -> None:
    """Register the hook that Sphinx calls for each page."""
    app.connect("source-read", _as_site)
