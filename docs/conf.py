"""The site. `make docs` builds it into build/docs, and takes a warning for an error."""

import sys
from pathlib import Path

import epochal

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "epochal"
version = release = epochal.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "site_docstrings",
    "site_pages",
    "site_pictures",
    "site_reliability",
]
exclude_patterns = ["_ext"]
myst_heading_anchors = 3
# Names in docstrings stand in single backquotes; where they are documented, they are links.
default_role = "py:obj"
autodoc_typehints = "none"  # the arguments tell their units, which types do not
autodoc_member_order = "groupwise"
napoleon_use_ivar = True  # properties have docstrings of their own
smartquotes_action = "D"  # dashes; "5ep" keeps its quotes
html_theme = "furo"
html_title = f"epochal {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
