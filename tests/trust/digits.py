"""Points of curves against arithmetic of 50 digits: the worst error of each kind of curve.

The unit is that in the last place of the exact value (ulp), down to the smallest normal number:
a tail that falls to 0 is held to it as well. Each curve has its own bound, none of them above 4.
"""

import sys
import time
from collections import defaultdict

from accuracy import Worst, cases, worst_of
from figures import Figure, at_once, tell

ENOUGH = 100_000
# Times coincide: a curve over 1,000 batches has a thousand whole ones.
USUAL = 142_000
CASES = cases()


def worst(name: str) -> Worst:
    """Of more times where many values are below the smallest normal number."""
    count = USUAL
    while (found := worst_of(CASES[name], count)).points < ENOUGH:
        count = int(1.05 * count * ENOUGH / found.points)
    return found


def worst_of_few(name: str) -> Worst:
    return worst_of(CASES[name], 40)


def measure(short: bool) -> list[Figure]:
    started = time.monotonic()
    errors: dict[str, list[float]] = defaultdict(list)
    beyond, points = 0, []
    with at_once(short) as processes:
        found = processes.map(worst_of_few if short else worst, CASES)
        for name, case_worst in zip(CASES, found, strict=True):
            case = CASES[name]
            errors[case.kind].append(case_worst.ulps)
            points.append(case_worst.points)
            if case_worst.ulps > case.bound:
                beyond += 1
                print(f"{name}: {case_worst}, the bound is {case.bound}", file=sys.stderr)
            elif not short:
                seconds = time.monotonic() - started
                print(f"{name}: {case_worst.ulps:.3f} ulp, {seconds:.0f} s", file=sys.stderr)
    return [
        Figure("points against 50 digits", sum(points)),
        Figure("points of the curve with the fewest", min(points), at_least=ENOUGH),
        Figure("curves beyond their own bound", beyond, at_most=0),
        *(
            Figure(f"{kind}: worst error in ulp", round(max(found), 3), at_most=4.0)
            for kind, found in errors.items()
        ),
    ]


if __name__ == "__main__":
    tell(measure)
