"""Pictures: what is on them, and that they need no more than they say."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    LinearScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    UnitError,
    compare,
)

matplotlib.use("agg")

RUN = Run("90ep", batches_per_epoch=100)
COSINE = CosineAnnealingWithWarmupScheduler("20ep", alpha_f=0.1).resolve(RUN)
STEPS = MultiStepWithWarmupScheduler("5ep", ["30ep", "60ep"]).resolve(RUN)
CYCLES = CosineAnnealingWarmRestartsScheduler("1tok").resolve("1Ttok")
FUNCTION = LinearScheduler().until("50ba", lambda state: 0.3).resolve("100ba")
every_kind = pytest.mark.parametrize("curve", [COSINE, STEPS, CYCLES, FUNCTION], ids=str)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    from matplotlib import pyplot

    pyplot.close("all")


# SVG


SVG = "{http://www.w3.org/2000/svg}"


def line(svg: str) -> list[tuple[float, float]]:
    (polyline,) = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    return [
        (float(x), float(y)) for x, y in (p.split(",") for p in polyline.attrib["points"].split())
    ]


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@every_kind
@pytest.mark.parametrize("size", [(120, 120), (480, 200), (1600, 600)])
@pytest.mark.parametrize("log", [False, True])
def test_everything_is_on_the_picture(curve: Curve, size: tuple[int, int], log: bool) -> None:
    svg = curve.to_svg(base_lr=1e-3, log=log, width=size[0], height=size[1])
    root = ElementTree.fromstring(svg)
    assert (root.attrib["width"], root.attrib["height"]) == (str(size[0]), str(size[1]))
    for x, y in line(svg):
        assert 0 < x < size[0]
        assert 0 < y < size[1]
    assert ("lr" if size[1] == 120 else "learning rate") in words(svg)
    assert len(svg) < 40 * size[0] + 3000


def test_the_line_is_the_curve() -> None:
    points = line(COSINE.to_svg(width=600, height=400))
    x, y = np.array(points).T
    times = (x - x[0]) / (x[-1] - x[0]) * 9000
    bottom, top = y.max(), y.min()
    # A tenth of a pixel is what coordinates are rounded to; the first phase is as steep as that.
    assert (bottom - y) / (bottom - top) == pytest.approx(
        COSINE(times.clip(0.0, 9000.0)), abs=0.003
    )


def test_the_name_of_the_axis_is_at_its_middle() -> None:
    root = ElementTree.fromstring(COSINE.to_svg())
    axis = next(path.attrib["d"] for path in root.iter(f"{SVG}path"))
    top, bottom = map(float, re.findall(r"^M\S+ (\S+)V([^H]+)H", axis)[0])
    (name,) = (text for text in root.iter(f"{SVG}text") if "transform" in text.attrib)
    (middle,) = re.findall(r"translate\(\S+ (\S+)\)", name.attrib["transform"])
    # To the pixel.
    assert abs(float(middle) - (top + bottom) / 2) <= 0.5


def test_the_line_is_as_long_as_the_axis() -> None:
    svg = LinearScheduler().resolve("4ba").to_svg()
    axis = next(path.attrib["d"] for path in ElementTree.fromstring(svg).iter(f"{SVG}path"))
    ends = map(float, re.findall(r"^M(\S+) .*H(\S+)$", axis)[0])
    points = line(svg)
    # To the pixel.
    for (x, _), end in zip((points[0], points[-1]), ends, strict=True):
        assert abs(x - end) <= 0.5


def test_a_jump_is_a_vertical_line() -> None:
    points = line(MultiStepScheduler(["50ba"]).resolve("100ba").to_svg())
    assert len(points) == 4
    assert points[1][0] == points[2][0]
    assert [y for _, y in points] == [points[0][1]] * 2 + [points[3][1]] * 2


def test_names_on_the_picture() -> None:
    shown = words(STEPS.to_svg())
    assert {"α", "batches", "9000 ba", "3000", "6000", "plateau", "1", "0"} <= set(shown)
    assert {"epochs", "90 ep", "30"} <= set(words(STEPS.to_svg("ep")))
    assert {"learning rate", "0.0003"} <= set(words(STEPS.to_svg(base_lr=3e-4)))
    assert "1000000000000 cycles" in words(CYCLES.to_svg())


def test_pictures_carry_no_markup_of_their_own() -> None:
    title = ElementTree.fromstring(FUNCTION.to_svg()).findtext(f"{SVG}title")
    assert title is not None
    assert "<lambda>" in title or "function" in title


def test_what_is_refused() -> None:
    with pytest.raises(UnitError, match="unit 'tok' is not told by Run"):
        COSINE.to_svg("tok")
    with pytest.raises(ScheduleError, match="width must be 120 to 10,000 pixels, not 10"):
        COSINE.to_svg(width=10)


def test_notebooks() -> None:
    assert COSINE._repr_svg_() == COSINE.to_svg()
    shown = CosineAnnealingScheduler()._repr_svg_()
    assert shown is not None
    assert "fraction of the run" in words(shown)
    shown = MultiStepScheduler(["30ep", "60ep", "80ep"])._repr_svg_()
    assert shown is not None
    assert "epochs of a run of 121ep" in words(shown)
    shown = CosineAnnealingWithWarmupScheduler("2000ba")._repr_svg_()
    assert shown is not None
    assert "batches of a run of 20000ba" in words(shown)
    # Nothing to draw: a notebook prints it.
    assert MultiStepScheduler(["30ep", "2000tok"])._repr_svg_() is None
    assert MultiStepScheduler(["30ba", "2000tok"]).resolve("100ba")._repr_svg_() is None


def test_a_picture_needs_neither_matplotlib_nor_numpy() -> None:
    code = """
import sys, epochal
assert "epochal.view" not in sys.modules
curve = epochal.LinearScheduler().resolve("10ba")
assert curve.to_svg() and str(curve.describe())
assert epochal.lint(epochal.LinearScheduler(), "10ba") == []
assert not {"matplotlib", "numpy", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


# matplotlib


def drawn(ax: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, y = ax.lines[0].get_data()
    return np.array(x), np.array(y)


@every_kind
@pytest.mark.parametrize("log", [False, True])
def test_plots_are_drawn(curve: Curve, log: bool) -> None:
    ax = curve.plot(log=log, base_lr=0.1, label="this one")
    ax.figure.canvas.draw()
    assert ax.get_yscale() == ("log" if log else "linear")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["this one"]


def test_a_plot_is_the_curve() -> None:
    x, y = drawn(COSINE.plot())
    assert (x[0], x[-1]) == (0.0, 9000.0)
    assert (y == COSINE(x)).all()
    x, y = drawn(COSINE.plot(unit="ep", base_lr=0.1))
    assert (x[0], x[-1]) == (0.0, 90.0)
    assert y == pytest.approx(COSINE(x * 100) * 0.1)


def test_names_of_axes_and_phases() -> None:
    ax = STEPS.plot(base_lr=0.1)
    assert ax.get_xlabel() == "batches (ba)"
    assert ax.get_ylabel() == "learning rate"
    (second,) = ax.child_axes
    assert second.get_xlabel() == "epochs (ep)"
    ax.figure.canvas.draw()
    assert second.get_xlim() == (0.0, 90.0)
    assert [text.get_text() for text in ax.texts] == ["plateau", "plateau", "plateau"]
    assert len(ax.patches) == 2
    assert not STEPS.plot(phases=False).texts
    assert STEPS.plot().get_ylabel() == "multiplier α"


def test_long_numbers_are_written_as_in_time_strings() -> None:
    ax = LinearScheduler().resolve(Run("100Mba", tokens_per_batch=1000)).plot()
    ax.figure.canvas.draw()
    (second,) = ax.child_axes
    for axis, multiple in ((ax.xaxis, "M"), (second.xaxis, "B")):
        written = [label.get_text() for label in axis.get_ticklabels()]
        assert "0" in written
        assert sum(text.endswith(multiple) for text in written) > 2


def test_given_axes_are_drawn_on() -> None:
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert COSINE.plot(ax) is ax
    assert compare({"a": COSINE}, ax=ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a"]


def test_small_axes_name_no_phases() -> None:
    from matplotlib import pyplot

    _, ax = pyplot.subplots(figsize=(7.0, 1.2))
    assert not STEPS.plot(ax).texts


def test_a_logarithmic_axis_ends_above_zero() -> None:
    # Whose last value above zero is 1e-16.
    ax = LinearScheduler().resolve("1Ttok").plot(log=True, base_lr=0.1)
    assert min(y for y in ax.lines[0].get_ydata() if y > 0.0) < 1e-12
    bottom, top = ax.get_ylim()
    assert 1e-8 < bottom < 1e-7
    assert 0.1 < top < 1.0


def test_compared_curves_are_told_apart_without_colour() -> None:
    curves = {f"α = {n / 8}": ConstantScheduler(n / 8) for n in range(1, 9)}
    ax = compare(curves, RUN)
    strokes = {(str(line._unscaled_dash_pattern), line.get_linestyle()) for line in ax.lines}
    assert len(strokes) == 8
    # Below the axes, where it hides nothing.
    (legend,) = ax.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(curves)
    ax.figure.canvas.draw()
    assert legend.get_window_extent().y1 <= ax.get_window_extent().y0


def test_names_of_compared_curves_may_be_anything() -> None:
    curves: dict[Any, Schedule] = {("lr", 3): LinearScheduler(), 0.1: ConstantScheduler(0.1)}
    (legend,) = compare(curves, RUN).figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["('lr', 3)", "0.1"]


def test_compared_curves_share_a_unit() -> None:
    run = Run("1000tok", tokens_per_batch=10)
    assert compare({"a": LinearScheduler(), "b": StepScheduler("10tok")}, run).get_xlabel() == (
        "tokens (tok)"
    )
    both = {"a": LinearScheduler().resolve(run), "b": LinearScheduler().resolve("100ba")}
    ax = compare(both)
    assert ax.get_xlabel() == "batches (ba)"
    assert [line.get_xdata()[-1] for line in ax.lines] == [100.0, 100.0]
    both["c"] = LinearScheduler().resolve("10ep")
    assert compare(both).get_xlabel() == "fraction of the run (dur)"
    with pytest.raises(UnitError, match="unit 'ba' is not told"):
        compare(both, unit="ba")


@pytest.mark.parametrize("wrong", [[COSINE], COSINE, None, {COSINE}])
def test_curves_are_compared_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError) as caught:
        compare(wrong)
    assert str(caught.value).startswith(
        "curves must be a mapping from names to curves, such as {'cosine': curve}, not "
    )
    assert repr(COSINE) in str(caught.value) or wrong is None


def test_base_rates_of_compared_curves() -> None:
    both: dict[str, Schedule | Callable[..., float]] = {
        "a": LinearScheduler(),
        "b": lambda state: 0.5,
    }
    ax = compare(both, "100ba", base_lr={"a": 0.1, "b": 0.2})
    assert [line.get_ydata()[0] for line in ax.lines] == [0.1, 0.1]
    assert [line.get_ydata()[0] for line in compare(both, "1ba", base_lr=0.1).lines] == [0.1, 0.05]
    with pytest.raises(TypeError, match=r"curves\['a'\] is a schedule: give run="):
        compare(both)
