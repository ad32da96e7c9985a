"""Whether the program that is measured was built from the sources that lie beside it."""

import os

COMMAND = "cmake --preset release && cmake --build --preset release"
# What exosphere is made of.
SOURCES = ("main.c", "CMakeLists.txt", "CMakePresets.json", "producer", "scheduler", "workers", "schemas", "infra")


def files(root):
    for name in SOURCES:
        if os.path.isfile(f"{root}/{name}"):
            yield f"{root}/{name}"
        for directory, inner, names in os.walk(f"{root}/{name}"):
            inner[:] = [each for each in inner if each not in ("deploy", "__pycache__")]
            yield from (f"{directory}/{each}" for each in names if not each.endswith((".md", ".pyc")))


def warning(binary, root):
    """The line to print where a source is younger than the program; None: it is not."""
    newest = max(files(root), key=os.path.getmtime)
    if os.path.getmtime(newest) <= os.path.getmtime(binary):
        return None
    return f"warning: {os.path.relpath(binary, root)} is older than {os.path.relpath(newest, root)}; build it: {COMMAND}"
