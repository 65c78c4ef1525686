"""What is installed is what the locks say, and what the image names can be imported."""

import importlib
import json
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from proof import Detail, prove, require

GPUHOUR = Path('/opt/gpuhour')


def check() -> Detail:
    """Compares versions with the locks, then imports; the first import of a heavy package is timed."""
    wrong = []
    locked = 0
    for lock in sorted((GPUHOUR / 'lock').iterdir()):
        for name, wanted in re.findall(r'^([a-z0-9-]+)==(\S+)', lock.read_text(), re.MULTILINE):
            locked += 1
            try:
                found = version(name)
            except PackageNotFoundError:
                found = 'missing'
            if found != wanted:
                wrong.append(f'{name} {found} instead of {wanted}')
    require(not wrong, '; '.join(wrong))
    imported = {}
    for module in json.loads((GPUHOUR / 'image.json').read_text())['imports']:
        began = time.monotonic()
        importlib.import_module(module)
        imported[module] = round((time.monotonic() - began) * 1000)
    return {'locked': locked, 'importMs': imported}


prove('packages', check)
