"""Many small cases in one test: it tells of each that fails, by its name."""

from collections.abc import Callable


class Cases:
    """Tries one case after the other; at its end it fails if one of them has failed."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    def try_one(self, name: str, case: Callable[[], object]) -> None:
        """Whatever is no `Exception`, a panic above all, ends the test at once."""
        try:
            case()
        except Exception as error:
            self._failed.append(f"{name}: {type(error).__name__}: {error}")
        except BaseException as error:
            error.add_note(name)
            raise

    def __enter__(self) -> "Cases":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            assert not self._failed, "\n".join([f"{len(self._failed)} failed:", *self._failed])
