"""Pictures that are drawn when the site is built, by what the site is about.

    ```{picture}
    :run: 90ep
    :facts: batches_per_epoch=1000
    CosineAnnealingWithWarmup("2000ba")
    ```

draws one schedule, `pictures` one for each line side by side. `comparison` draws several on one
axis: lines of `name = schedule`, or one schedule at the ratios that `:sigma:` lists.
"""

import ast
import base64
import html
import io
from typing import Any

import epochal
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib import rc_context
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

GREY = "#808080"  # stands out against white and against black
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "epochal",  # the same picture at each build
    "font.family": "sans-serif",
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "text.color": GREY,
    "legend.framealpha": 0,
}


def run_of(length: str, facts: str = "", **more: Any) -> epochal.Run:
    """A run from the options of a directive; facts are written as in `Run(...)`."""
    call = ast.parse(f"f({facts})", mode="eval").body
    assert isinstance(call, ast.Call)
    known = {str(fact.arg): ast.literal_eval(fact.value) for fact in call.keywords}
    return epochal.Run(length, **known, **more)


def figure(pictures: list[str], captions: list[str]) -> nodes.raw:
    parts = []
    for picture, caption in zip(pictures, captions, strict=True):
        told = f"<figcaption><code>{html.escape(caption)}</code></figcaption>" if caption else ""
        parts.append(f'<figure class="picture">{picture}{told}</figure>')
    return nodes.raw("", f'<div class="pictures">{"".join(parts)}</div>', format="html")


def curve_picture(text: str, run: epochal.Run) -> str:
    return epochal.parse(text).resolve(run).to_svg()


def comparison_picture(curves: dict[str, epochal.Curve], alt: str) -> str:
    """As an image of its own: matplotlib's names within a picture are not those of the page."""
    with rc_context(STYLE):
        drawn = Figure(figsize=(7.2, 2.8), layout="constrained")
        axes = epochal.compare(curves, ax=drawn.subplots())
        axes.get_legend().remove()
        drawn.legend(loc="outside right upper")  # where no line runs
        out = io.BytesIO()
        drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    data = base64.b64encode(out.getvalue()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(alt)}">'


class Pictures(SphinxDirective):
    has_content = True
    option_spec = {  # noqa: RUF012 - docutils declares it so
        "run": directives.unchanged_required,
        "facts": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        run = run_of(self.options["run"], self.options.get("facts", ""))
        lines = [line for line in self.content if line.strip()]
        return [figure([curve_picture(line, run) for line in lines], lines)]


class Comparison(SphinxDirective):
    has_content = True
    option_spec = {  # noqa: RUF012
        "run": directives.unchanged_required,
        "facts": directives.unchanged,
        "sigma": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        length, facts = self.options["run"], self.options.get("facts", "")
        lines = [line for line in self.content if line.strip()]
        if "sigma" in self.options:
            (line,) = lines
            schedule, caption = epochal.parse(line), line
            curves = {
                f"σ = {sigma}": schedule.resolve(
                    run_of(length, facts, scale_schedule_ratio=float(sigma))
                )
                for sigma in self.options["sigma"].split()
            }
        else:
            run, caption = run_of(length, facts), ""
            named = [line.split(" = ", 1) for line in lines]
            curves = {name: epochal.parse(text).resolve(run) for name, text in named}
        alt = f"{caption} {', '.join(curves)}".strip()
        return [figure([comparison_picture(curves, alt)], [caption])]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("picture", Pictures)
    app.add_directive("pictures", Pictures)
    app.add_directive("comparison", Comparison)
    return {"parallel_read_safe": True}
