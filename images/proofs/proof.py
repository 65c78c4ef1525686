"""How a proof speaks: one JSON line, {name, ok, durationMs, detail}, and exit 0 exactly when it holds."""

import json
import sys
import time
from collections.abc import Callable

Detail = dict[str, object]


class Skipped(Exception):
    """The proof needs something that this container was not given; said, and counted, but not a failure."""


def prove(name: str, check: Callable[[], Detail]) -> None:
    """Runs one check; whatever it raises is the reason why the proof does not hold."""
    began = time.monotonic()
    result: dict[str, object] = {'name': name, 'ok': True, 'skipped': False}
    try:
        detail = check()
    except Skipped as reason:
        result['skipped'], detail = True, {'reason': str(reason)}
    except Exception as fault:  # noqa: BLE001 (a proof reports every fault, and only reports)
        result['ok'], detail = False, {'reason': f'{type(fault).__name__}: {fault}'}
    result['durationMs'] = round((time.monotonic() - began) * 1000)
    print(json.dumps(result | {'detail': detail}), flush=True)
    sys.exit(0 if result['ok'] else 1)


def require(holds: bool, otherwise: str) -> None:
    """An assertion that survives `python -O` and says what was seen."""
    if not holds:
        raise AssertionError(otherwise)
