"""Builds the extension, and the tests of the core, with all faults of a sample in one program."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seeded.faults import ROOT, Fault
from seeded.rust_faults import Place

TREE = ROOT / "build" / "seeded" / "source"
TARGET = ROOT / "build" / "seeded" / "target"
# Quickly compiled; a count that overflows raises, as in the release.
PROFILE = ("opt-level=1", "debug=0", "debug-assertions=false", "overflow-checks=true")
CHOICE = "EPOCHAL_SEEDED_FAULT"

# Which fault is chosen, and which were asked for since the last question.
MODULE = """
#![allow(missing_docs, unsafe_code)]
use crate::{Level, curve::Formula};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static CHOSEN: OnceLock<usize> = OnceLock::new();
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

pub fn is(number: usize) -> bool {
    REACHED[number].store(true, Relaxed);
    let chosen = || std::env::var("CHOICE").map_or(0, |text| text.parse().unwrap());
    *CHOSEN.get_or_init(chosen) == number
}

/// Writes which were reached, and forgets it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epochal_seeded_reached(out: *mut u8) {
    for (number, reached) in REACHED.iter().enumerate() {
        unsafe { *out.add(number) = reached.swap(false, Relaxed) as u8 };
    }
}

pub(crate) fn astray(formula: &Formula, times: &[f64], out: &mut [f64]) {
    if matches!(formula, Formula::Polynomial(_)) && Level::in_use() != Level::BASELINE {
        for (t, alpha) in times.iter().zip(out) {
            if t.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44 < 10 {
                *alpha = alpha.next_up();
            }
        }
    }
}

pub fn other<T: Other>(number: T) -> T {
    number.other()
}

pub trait Other {
    fn other(self) -> Self;
}

macro_rules! other {
    ($($integer:ty)*) => {
        $(impl Other for $integer {
            fn other(self) -> Self {
                self.wrapping_add(1)
            }
        })*
    };
}
other!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl Other for f64 {
    fn other(self) -> Self {
        self + 1.0
    }
}
"""


@dataclass(frozen=True)
class Written:
    """A fault in the program: its number, and the bytes that it takes there."""

    number: int
    fault: Fault
    start: int
    end: int


def write(path: str, places: list[tuple[int, Place]]) -> list[Written]:
    """Writes a source with its faults, which come in order, and says where they are."""
    crate = "crate" if path.startswith("rust/epochal-core") else "epochal_core"
    source = (ROOT / path).read_text()
    text = bytearray()
    written = []
    at = 0
    opened: list[tuple[int, Place, int]] = []

    def copy(until: int) -> None:
        nonlocal at
        text.extend(source[at:until].encode())
        at = until

    def close() -> None:
        number, place, start = opened.pop()
        copy(place.fault.end)
        text.extend(place.tail.encode())
        written.append(Written(number, place.fault, start, len(text)))

    for number, place in places:
        while opened and opened[-1][1].fault.end <= place.fault.start:
            close()
        assert not opened or place.fault.end <= opened[-1][1].fault.end, place
        copy(place.fault.start)
        opened.append((number, place, len(text)))
        head = place.head.replace("IS", f"SEEDED::is({number})", 1).replace(
            "OTHER", "SEEDED::other"
        )
        text.extend(head.replace("SEEDED", f"{crate}::seeded").encode())
    while opened:
        close()
    copy(len(source))
    if path == "rust/epochal-core/src/lib.rs":
        text.extend(b"\npub mod seeded;\n")
    (TREE / path).write_bytes(text)
    return written


def cargo(*words: str) -> list[dict[str, object]]:
    """Runs cargo and gives its messages."""
    settings = [f"profile.dev.{setting}" for setting in PROFILE]
    command = ["cargo", *words, "--locked", "--quiet", "--message-format=json"]
    command += [word for setting in settings for word in ("--config", setting)]
    environment = {
        **os.environ, "CARGO_TARGET_DIR": str(TARGET), "PYO3_PYTHON": sys.executable,
        "RUSTFLAGS": "-A warnings",
    }  # fmt: skip
    done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True)
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode and not errors(messages):
        raise RuntimeError(done.stderr)
    return messages


def errors(messages: list[dict[str, object]]) -> list[tuple[str, int, int, str]]:
    """The file and the bytes of each error."""
    found = []
    for message in messages:
        told = message.get("message")
        if isinstance(told, dict) and told["level"] == "error":
            found += [
                (span["file_name"], span["byte_start"], span["byte_end"], told["message"])
                for span in told["spans"]
            ]
    return found


def blamed(written: list[Written], start: int, end: int) -> list[Fault]:
    """The innermost fault that an error lies in; else those that lie in what it names; else the
    last one before it."""
    around = [one for one in written if one.start <= start and end <= one.end]
    if around:
        return [min(around, key=lambda one: one.end - one.start).fault]
    within = [one.fault for one in written if start <= one.start and one.end <= end]
    before = [one for one in written if one.end <= start]
    return within or [one.fault for one in sorted(before, key=lambda one: one.end)[-1:]]


def build(places: list[Place]) -> tuple[list[Place], Path, list[Path]]:
    """Leaves out what does not compile, such as a number in a pattern or in a constant.

    What comes back: the faults that are in the program, numbered from 1 in this order; the
    extension; the programs of the core's own tests.
    """
    shutil.rmtree(TREE, ignore_errors=True)
    for part in ("Cargo.toml", "Cargo.lock", "README.md", "rust", "tests/vectors"):
        (TREE / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, TREE / part)
    while True:
        numbers = list(enumerate(places, start=1))
        module = MODULE.replace("COUNT", str(len(places) + 1)).replace("CHOICE", CHOICE)
        (TREE / "rust/epochal-core/src/seeded.rs").write_text(module)
        written = {
            path: write(path, [row for row in numbers if row[1].fault.path == path])
            for path in sorted(
                {str(file.relative_to(ROOT)) for file in (ROOT / "rust").glob("*/src/**/*.rs")}
            )
        }
        refused = errors(cargo("check", "--package", "epochal-py"))
        if not refused:
            break
        wrong = {
            fault
            for path, start, end, _ in refused
            for fault in blamed(written.get(path, []), start, end)
        }
        if not wrong:
            raise RuntimeError(f"no fault is to blame: {refused[:3]}")
        print(f"  {len(wrong)} faults do not compile", file=sys.stderr, flush=True)
        places = [place for place in places if place.fault not in wrong]

    made = cargo("build", "--package", "epochal-py")
    library = next(
        Path(str(file)) for message in made for file in listed(message, "filenames")
        if str(file).endswith((".so", ".dylib"))
        and "epochal-py" in str(message["package_id"])
    )  # fmt: skip
    made = cargo("test", "--no-run", "--package", "epochal-core", "--lib", "--tests")
    programs = [Path(str(message["executable"])) for message in made if message.get("executable")]
    return places, library, programs


def listed(message: dict[str, object], key: str) -> list[object]:
    value = message.get(key, [])
    assert isinstance(value, list)
    return value
