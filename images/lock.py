#!/usr/bin/env python3
"""Writes a recipe's requirements.lock from its requirements.in.

    images/lock.py base
    images/lock.py pytorch-cuda --parent base

Runs pip's own resolver and keeps, for each wheel it chose, name, version and SHA-256: nothing else, so that a lock
names no package index. Run it with the Python of the image (3.13, x86-64) and a recent pip. A recipe that stands on
another (`--parent`) keeps the parent's versions and lists only what it adds.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

RECIPES = Path(__file__).resolve().parent / 'recipes'
PYTHON = (3, 13)

HEADER = """\
# Written by images/lock.py from requirements.in; do not edit.
# Installed with --require-hashes --no-deps --only-binary=:all: (CPython 3.13, x86-64 glibc).
"""


def canonical(name: str) -> str:
    """The one spelling of a project's name (PEP 503)."""
    return re.sub(r'[-_.]+', '-', name).lower()


def pins(lock: Path) -> dict[str, str]:
    """Name to version of everything in a lock file."""
    found = re.findall(r'^([a-z0-9-]+)==(\S+)', lock.read_text(), re.MULTILINE)
    return dict(found)


def resolve(requirements: Path, kept: dict[str, str]) -> list[dict]:
    """What pip would install into an empty environment."""
    constraints = requirements.with_name('.constraints.txt')
    constraints.write_text(''.join(f'{name}=={version}\n' for name, version in kept.items()))
    command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--dry-run', '--ignore-installed']
    command += ['--only-binary=:all:', '--report=-', '--constraint', str(constraints)]
    command += ['--requirement', str(requirements)]
    try:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    finally:
        constraints.unlink()
    return json.loads(done.stdout)['install']


def main() -> None:
    """Resolves, then writes the lock beside its input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('recipe')
    parser.add_argument('--parent', help='the recipe whose image this one stands on')
    asked = parser.parse_args()
    if sys.version_info[:2] != PYTHON:
        sys.exit(f'lock.py: needs Python {PYTHON[0]}.{PYTHON[1]}, as in the image; this is {sys.version.split()[0]}')
    folder = RECIPES / asked.recipe
    kept = pins(RECIPES / asked.parent / 'requirements.lock') if asked.parent else {}
    lines = []
    for item in resolve(folder / 'requirements.in', kept):
        name = canonical(item['metadata']['name'])
        if name not in kept:
            digest = item['download_info']['archive_info']['hashes']['sha256']
            lines.append(f'{name}=={item["metadata"]["version"]} \\\n    --hash=sha256:{digest}\n')
    (folder / 'requirements.lock').write_text(HEADER + ''.join(sorted(lines)))
    print(f'{asked.recipe}: {len(lines)} wheels')


if __name__ == '__main__':
    main()
