"""The command line: what it reads, what it prints, and its exit status."""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import epochal
import pytest
from cli import PROGRAM, RUN, WSD, Printed, run
from epochal import (
    CosineAnnealingScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    MultiStepScheduler,
    Run,
    Time,
    WSDScheduler,
)
from epochal.__main__ import main
from epochal.view import Finding


@pytest.fixture(autouse=True)
def as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width is the stream's own, whatever the environment of the tests says."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


# at


def test_what_is_my_rate_and_what_would_a_ratio_do(printed: Printed) -> None:
    schedule = "CosineAnnealingWithWarmup('20Btok', alpha_f=0.1)"
    curve = CosineAnnealingWithWarmupScheduler("20Btok", alpha_f=0.1)
    for ratio in (1.0, 0.5):
        out = printed(
            *("at", schedule, "1.2Ttok", "0.5dur", "--run", "15Ttok"),
            *("--base-lr", "3e-4", "--ssr", str(ratio), "--json"),
        )
        expected = curve.resolve(Run("15Ttok", scale_schedule_ratio=ratio))
        points = json.loads(out)
        assert [point["time"] for point in points] == ["1200000000000tok", "0.5dur"]
        for point in points:
            assert point["alpha"] == expected(Time(point["time"]))
            assert point["lr"] == point["alpha"] * 3e-4


def test_the_table_of_at(printed: Printed) -> None:
    lines = printed("at", WSD, "500ba", "45ep", "1dur", *RUN, "--base-lr", "3e-4").splitlines()
    assert [line.split() for line in lines] == [
        ["time", "of", "the", "run", "alpha", "lr"],
        ["500ba", "0.005556dur", "0.25", "7.5e-05"],
        ["45ep", "0.5dur", "1", "0.0003"],
        ["1dur", "1dur", "0", "0"],
    ]
    assert len({len(line) for line in lines}) == 1
    assert "lr" not in printed("at", WSD, "500ba", *RUN)


def test_what_part_of_the_run_it_is_may_be_unknown(printed: Printed) -> None:
    out = printed("at", "Step('5ba')", "7ba", "--run", "15Ttok")
    assert out.splitlines()[1].split() == ["7ba", "?", "0.1"]


def test_csv_has_all_digits(printed: Printed) -> None:
    out = printed("at", "CosineAnnealing()", "1ba", "2ba", "--run", "7ba", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    curve = epochal.CosineAnnealingScheduler().resolve("7ba")
    assert [(row["time"], float(row["alpha"])) for row in rows] == [
        ("1ba", curve(1)),
        ("2ba", curve(2)),
    ]


# parse


def test_parse(printed: Printed) -> None:
    assert printed("parse", WSD) == f"{WSDScheduler('2000ba')!r}\n"
    config = json.loads(printed("parse", f"{WSD} * Linear()", "--json"))
    assert epochal.from_config(config) == WSDScheduler("2000ba") * LinearScheduler()


# show


def heights(lines: list[str]) -> list[int]:
    """The curve that the blocks of a plot draw, in eighths of a line."""
    blocks = " ▁▂▃▄▅▆▇█"
    rows = [line.partition("│")[2] for line in lines if "│" in line]
    width = max(map(len, rows))
    return [sum(blocks.index(row.ljust(width)[x]) for row in rows) for x in range(width)]


def test_the_plot_is_the_curve(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "111")
    schedule = "Linear().after_warmup('100ba')"
    drawn = heights(printed("show", schedule, "--run", "990ba").splitlines())
    curve = epochal.parse(schedule).resolve("990ba")
    assert len(drawn) == 99  # the last one is 0
    for x, height in enumerate(drawn):
        alpha = curve(990 * x // 99)
        assert abs(height - 64 * alpha) <= 1.0
        assert (height > 0) == (alpha > 0)


def test_show_tells_the_phases_and_what_lint_finds(printed: Printed) -> None:
    curve = MultiStepScheduler(["30ep", "120ep"]).resolve(Run("90ep", batches_per_epoch=1000))
    out = printed("show", "MultiStep(['30ep', '120ep'])", *RUN, "--base-lr", "3e-4")
    lines = out.splitlines()
    assert lines[:3] == [repr(curve.schedule), repr(curve.run), ""]
    assert str(curve.describe(3e-4)) in out
    findings = epochal.lint(curve.schedule, curve.run, 3e-4)
    assert findings
    assert out.endswith("\n\n" + "".join(f"{finding}\n" for finding in findings))


def test_show_for_programs(printed: Printed) -> None:
    document = json.loads(printed("show", WSD, *RUN, "--json", "--base-lr", "2"))
    run = Run.from_config(document["run"])
    assert run == Run("90ep", batches_per_epoch=1000)
    curve = epochal.parse(document["schedule"]).resolve(run)
    assert curve == WSDScheduler("2000ba").resolve(run)
    assert document["phases"] == curve.describe(2.0).rows
    found = [finding["code"] for finding in document["findings"]]
    assert found == [finding.code for finding in epochal.lint(curve.schedule, run)]
    out = printed("show", WSD, *RUN, "--csv", "--every", "9000ba", "--base-lr", "2")
    assert out.rstrip("\n") == curve.to_csv(every="9000ba", base_lr=2.0)
    assert out.count("\n") == 12


def test_pictures(printed: Printed, tmp_path: Path) -> None:
    root = ElementTree.fromstring(printed("show", WSD, *RUN, "--svg"))
    assert root.tag.endswith("svg")
    pytest.importorskip("matplotlib")
    with (tmp_path / "curve.png").open("wb") as file:
        subprocess.run([PROGRAM, "show", WSD, *RUN, "--png"], stdout=file, check=True)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


# lint and diff


def test_lint_tells_by_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    for schedule, status in (("CosineAnnealing()", 0), ("MultiStep(['30ep', '120ep'])", 1)):
        assert main(["lint", schedule, *RUN]) == status
        run = Run("90ep", batches_per_epoch=1000)
        findings = epochal.lint(epochal.parse(schedule), run)
        out = capsys.readouterr().out
        assert out == "".join(f"{finding}\n" for finding in findings)
        assert any(finding.severity != "note" for finding in findings) == bool(status)
        assert main(["lint", schedule, *RUN, "--json"]) == status
        shown = json.loads(capsys.readouterr().out)
        assert [Finding(**finding) for finding in shown] == findings


def test_diff_tells_by_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "Linear()", "Linear(1, 0)", "--run", "100ba"]) == 0
    assert capsys.readouterr().out == "the two curves are the same\n"
    assert main(["diff", "Linear()", "CosineAnnealing()", "--run", "100ba", "--json"]) == 1
    one, other = (s.resolve("100ba") for s in (LinearScheduler(), CosineAnnealingScheduler()))
    difference = epochal.diff(one, other)
    assert json.loads(capsys.readouterr().out) == {
        "unit": difference.unit,
        "rows": difference.rows,
    }
    assert main(["diff", "Linear()", "CosineAnnealing()", "--run", "100ba"]) == 1
    assert capsys.readouterr().out == f"{difference}\n"


def test_extreme_runs_are_shown(printed: Printed) -> None:
    for length in ("1ba", "9223372036854775807tok", "36h", "3iter"):
        out = printed("show", "Linear()", "--run", length)
        assert "│" in out
    assert "│" in printed("show", "Constant(0)", "--run", "5ba")
    assert "│" in printed("show", "Linear(1e300, 1e-300)", "--run", "5ba", "--base-lr", "1e-300")
    assert "│" in printed("show", "MultiStep(['3ep', '5ba'])", *RUN)


# What is read


FILES = {
    "schedule.json": '{"name": "wsd", "t_warmup": "2000ba"}',
    "schedule.toml": 'name = "wsd"\nt_warmup = "2000ba"\n',
    "schedule.yaml": "name: wsd\nt_warmup: 2000ba\n",
    "train.yml": "model: {n: 5}\nscheduler:\n  name: wsd\n  t_warmup: 2000ba\n",
    "train.toml": "scheduler = \"WSD('2000ba')\"\n",
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path, printed: Printed) -> None:
    if not name.endswith(("json", "toml")):
        pytest.importorskip("yaml")
    path = tmp_path / name
    path.write_text(FILES[name])
    assert printed("parse", str(path)) == f"{WSDScheduler('2000ba')!r}\n"


def test_the_run_of_a_file_and_options(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "train.toml"
    path.write_text(
        'max_duration = "10ep"\nscheduler = "Linear()"\n[run]\nbatches_per_epoch = 10\n'
    )

    def run_with(*options: str) -> Run:
        document = json.loads(printed("show", str(path), "--json", *options))
        return Run.from_config(document["run"])

    assert run_with() == Run("10ep", batches_per_epoch=10)
    assert run_with("--batches-per-epoch", "7") == Run("10ep", batches_per_epoch=7)
    assert run_with("--run", "3ep", "--ssr", "2") == Run(
        "3ep", batches_per_epoch=10, scale_schedule_ratio=2.0
    )


def test_every_fact_of_a_file_counts(tmp_path: Path, printed: Printed) -> None:
    facts: dict[str, Any] = {
        "max_duration": "2ep",
        "batches_per_epoch": 400,
        "samples_per_batch": 8,
        "tokens_per_batch": 80,
        "scale_schedule_ratio": 0.5,
    }
    path = tmp_path / "train.json"
    others = {"name": "mine", "global_train_batch_size": 8, "model": {"run": 1}, "seed": 1}

    def shown(*options: str) -> Run:
        return Run.from_config(json.loads(printed("show", str(path), "--json", *options))["run"])

    path.write_text(json.dumps({**others, **facts, "scheduler": {"name": "linear"}}))
    assert shown() == Run(**facts)
    assert shown("--ssr", "1") == Run(**{**facts, "scale_schedule_ratio": 1.0})
    assert shown("--tokens-per-batch", "160") == Run(**{**facts, "tokens_per_batch": 160})
    assert json.loads(printed("at", str(path), "100ba", "--json"))[0]["alpha"] == 0.75
    assert printed("at", str(path), "100ba").splitlines()[1].split()[1] == "0.25dur"
    # Some of them beside the scheduler, some under `run`; a fact may be told twice, but not as two.
    ratio = facts.pop("scale_schedule_ratio")
    document = {"run": facts, "scale_schedule_ratio": ratio, "scheduler": {"name": "linear"}}
    path.write_text(json.dumps({**document, "max_duration": "2ep"}))
    assert shown() == Run(**facts, scale_schedule_ratio=ratio)
    path.write_text(json.dumps({**document, "batches_per_epoch": 40}))
    assert "has batches_per_epoch twice: 40, and 400 under 'run'" in printed.error(
        "show", str(path)
    )


def test_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "my_schedules.py"
    module.write_text(
        "import epochal\n"
        "def halved(state, ssr=1.0):\n"
        "    return 0.5 if state.timestamp.batch >= '50ba' else 1.0\n"
        "class Group:\n"
        "    linear = epochal.LinearScheduler()\n"
    )
    out = run("at", "my_schedules:halved", "49ba", "50ba", "--run", "100ba", cwd=tmp_path)
    assert out.stderr == ""
    assert [line.split()[-1] for line in out.stdout.splitlines()] == ["alpha", "1", "0.5"]
    assert "│" in run("show", "my_schedules:halved", "--run", "100ba", cwd=tmp_path).stdout
    out = run("show", "my_schedules:halved", "--run", "100ba", "--json", cwd=tmp_path)
    assert json.loads(out.stdout)["schedule"] == "FunctionSchedule(halved)"
    out = run("parse", "my_schedules:Group.linear", cwd=tmp_path)
    assert out.stdout == f"{LinearScheduler()!r}\n"
    for name, message in (
        ("my_schedules:missing", "'my_schedules:missing' is not found: there is no 'missing'"),
        ("no_such_module:f", "'no_such_module:f' is not found: No module named"),
        ("my_schedules:epochal", "schedule must be a schedule or a function"),
    ):
        out = run("parse", name, cwd=tmp_path)
        assert out.returncode == 2
        assert message in out.stderr
        assert "Traceback" not in out.stderr


def test_letters_that_the_encoding_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["show", WSD, *RUN]) == 0
    stream.seek(0)
    table = WSDScheduler("2000ba").resolve(Run("90ep", batches_per_epoch=1000)).describe()
    assert str(table).replace("α", "alpha") in stream.read()


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", WSD], "epochal show: the length of the run is missing: give --run, e.g. --run"),
        (["show", "WSDD('5ba')", *RUN], "epochal show: there is no schedule 'WSDD': did you mean"),
        (["show", WSD, "--run", "90"], "give a unit, e.g. '5ep'"),
        (["show", WSD, "--run", "90ep"], "needs batches_per_epoch"),
        (["at", WSD, "5", *RUN], "give a unit, e.g. '5ep'"),
        (["at", WSD, "1.2Ttok", *RUN], "'tok' needs tokens_per_batch"),
        (["at", "Linear(t_max=5)", "1ba", *RUN], "t_max must be a time with a unit"),
        (["at", WSD, "5ba", *RUN, "--ssr", "0"], "scale_schedule_ratio must be"),
        (["parse", "no/such/file.json"], "No such file or directory: 'no/such/file.json'"),
        (["parse", "cosine"], "there is no schedule 'cosine': did you mean 'cosine_annealing'?"),
        (["parse", "CosineAnnealing"], "needs its arguments, or empty brackets"),
        (["parse", "."], "is not the text of a schedule"),
        (["parse", "Linear(t_max='1:2')"], "time string '1:2' has a unit that is not known"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str, printed: Printed) -> None:
    error = printed.error(*arguments)
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "cannot be read: Expecting"),
        ("a.toml", "=", "cannot be read: Invalid"),
        ("a.yaml", "a: [", "cannot be read: while parsing"),
        ("a.json", "[1]", "must hold a mapping"),
        ("a.json", '{"schedule": {}}', "has neither a 'name' nor a 'scheduler'"),
        ("a.json", '{"name": "linear", "eta_min": 1}', "alpha_f (relative to the base rate)"),
        ("a.toml", 'scheduler = "Linear()"\n[run]\nbatch = 3\n', "a run has no argument 'batch'"),
        ("a.toml", 'scheduler = "Linear()"\nrun = "5ba"\n', "must be a mapping of the run's facts"),
        (
            "a.toml",
            'scheduler = "Linear()"\nscale_schedule_ratio = "half"\n',
            "scale_schedule_ratio must be a number",
        ),
    ],
)
def test_files_that_are_refused(
    name: str, text: str, message: str, tmp_path: Path, printed: Printed
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert message in printed.error("show", str(path), "--run", "5ba")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "epochal: the following arguments are required: command\n"),
        (["show"], "epochal show: the following arguments are required: schedule\n"),
        (["shwo", WSD], "epochal: argument command: invalid choice: 'shwo' (choose from "),
        (["at", WSD], "epochal at: the following arguments are required: time\n"),
        (["show", WSD, "--ssr", "x"], "epochal show: argument --ssr: invalid float value: 'x'\n"),
        (
            ["show", WSD, "--tokens-per-batch", "4Mtok"],
            "epochal show: argument --tokens-per-batch: invalid count value: '4Mtok'\n",
        ),
    ],
)
def test_what_argparse_refuses(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: epochal ")
    assert message in error


def test_help_tells_the_schedules_and_their_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    signatures = [line.strip() for line in out.splitlines() if re.match(r"  \w+\(", line)]
    names = [signature.partition("(")[0] for signature in signatures]
    classes = [name for name in epochal.__all__ if name.endswith("Scheduler")]
    assert {name + "Scheduler" for name in names} >= set(classes)
    assert "CosineAnnealing(t_max='1dur', alpha_f=0.0)" in signatures
    assert (
        "WSD(t_warmup, t_decay='0.1dur', t_max='1dur', alpha_f=0.0, decay_shape='linear', " in out
    )
    # Its examples are right.
    for line in out.partition("examples:\n")[2].splitlines()[:4]:
        words = shlex.split(line)
        if not words[2].endswith(".yaml"):
            assert main(words[1:]) in (0, 1)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"epochal {epochal.__version__}\n"


def test_counts_may_be_written_as_times_are(printed: Printed) -> None:
    facts = [
        json.loads(printed("show", WSD, "--run", "15Ttok", "--json", "--tokens-per-batch", text))
        for text in ("4M", "4_000_000", "4e6")
    ]
    assert [fact["run"]["tokens_per_batch"] for fact in facts] == [4_000_000] * 3


# The program


def test_the_program_and_the_module_are_one() -> None:
    out = run("parse", WSD)
    module = subprocess.run(
        [sys.executable, "-m", "epochal", "parse", WSD], capture_output=True, text=True, check=True
    )
    assert out.stdout == module.stdout
    assert "usage: epochal show" in run("show", "--help").stdout


@pytest.mark.parametrize("lines", [0, 1])
def test_whoever_reads_may_have_enough(lines: int) -> None:
    """The program ends as if all had been read, and says nothing of a broken pipe."""
    # Of few lines, all wait to be written to the end; many are written before.
    command = ["show", WSD, *RUN, "--csv", "--every", "1ba"] if lines else ["parse", WSD]
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [PROGRAM, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=buffered,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        for _ in range(lines):
            assert program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == ""
    assert program.returncode == 0


def test_a_module_of_the_current_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    """As with `python -m`."""
    for name, alpha in (("here", 0.5), ("elsewhere", 0.25)):
        folder = tmp_path / name
        folder.mkdir()
        text = f"import epochal\nmine = epochal.ConstantScheduler({alpha})\n"
        (folder / "one_of_two.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "elsewhere"), *sys.path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    monkeypatch.chdir(tmp_path / "here")
    assert "alpha=0.5" in printed("parse", "one_of_two:mine")


def test_it_needs_neither_torch_nor_numpy() -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from epochal.__main__ import main\n"
            f"assert main(['show', {WSD!r}, *{RUN!r}]) == 0\n"
            f"assert main(['lint', {WSD!r}, *{RUN!r}]) == 0\n"
            f"assert main(['diff', {WSD!r}, 'Linear()', *{RUN!r}]) == 1\n"
            f"assert main(['at', {WSD!r}, '5ba', *{RUN!r}, '--csv']) == 0\n"
            f"assert main(['parse', {WSD!r}, '--json']) == 0\n"
            "heavy = {'torch', 'numpy', 'inspect', 'shutil', 'ast', 'matplotlib'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
    )
