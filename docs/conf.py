"""Settings of the documentation: MyST pages, those by hand and those made from the sources by `make_pages.py`."""

import runpy
from pathlib import Path

HERE = Path(__file__).parent
runpy.run_path(str(HERE / "make_pages.py"), run_name="__main__")

project = "tracer-env"
copyright = "the tracer-env founders, MIT licence"  # noqa: A001 (sphinx asks for this name)
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {
    "description": "When to speak, what to say",
    "page_width": "1240px",
    "body_max_width": "none",
    "font_family": "system-ui, sans-serif",
    "code_font_size": "0.78em",
}
html_static_path: list[str] = []
pygments_style = "friendly"
