"""What the libraries in wheels for Linux ask of the machine, and whether their tags tell it.

`symbols.py WHEEL...` prints it for each wheel, and fails if one asks for more than its tag allows:
a manylinux2014 wheel for symbols that came after glibc 2.17, a musllinux wheel for any of glibc,
one of them for a library that is not a part of every system.
"""

import sys
import zipfile
from io import BytesIO

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

# The parts of glibc; musl is libc alone.
LIBRARIES = {"libc", "libm", "libpthread", "libdl", "ld-linux-x86-64", "ld-linux-aarch64"}
# What a tag allows, None without glibc.
NEWEST_GLIBC = {"manylinux_2_17": (2, 17), "musllinux_1_2": None}


def glibc_versions(elf: ELFFile) -> list[tuple[int, ...]]:
    """The versions of glibc that symbols are of, in order."""
    names = [
        version.name
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, versions in section.iter_versions()
        for version in versions
    ]
    numbers = (name.removeprefix("GLIBC_") for name in names if name.startswith("GLIBC_"))
    return sorted(tuple(map(int, number.split("."))) for number in numbers)


def libraries(elf: ELFFile) -> list[str]:
    """The libraries that are loaded with it."""
    return [
        tag.needed
        for section in elf.iter_sections()
        if isinstance(section, DynamicSection)
        for tag in section.iter_tags()
        if tag.entry.d_tag == "DT_NEEDED"
    ]


def faults(wheel: str) -> list[str]:
    """Prints what the library in a wheel asks for; what of it its tag does not allow."""
    with zipfile.ZipFile(wheel) as archive:
        (library,) = (name for name in archive.namelist() if name.endswith(".so"))
        elf = ELFFile(BytesIO(archive.read(library)))
    needed, versions = libraries(elf), glibc_versions(elf)
    newest = versions[-1] if versions else None
    glibc = "no glibc" if newest is None else f"glibc {'.'.join(map(str, newest))}"
    print(f"{wheel}: {glibc}; {', '.join(sorted(needed))}")
    allowed = [limit for tag, limit in NEWEST_GLIBC.items() if tag in wheel]
    if len(allowed) != 1:
        return [f"its tag is none of {', '.join(NEWEST_GLIBC)}"]
    found = []
    if newest is not None and (allowed[0] is None or newest > allowed[0]):
        found.append(f"its tag does not allow {glibc}")
    return found + [
        f"{name} is not a part of every system"
        for name in needed
        if name.partition(".so")[0] not in LIBRARIES
    ]


if __name__ == "__main__":
    wrong = [f"{wheel}: {fault}" for wheel in sys.argv[1:] for fault in faults(wheel)]
    sys.exit("\n".join(wrong) or None)
