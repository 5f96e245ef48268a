"""The environments of the heavy servers: made once from their requirements and kept under `~/.cache`.

    python tests/servers/environments.py     makes what is missing

By uv where it is found (seconds), else by venv and pip (minutes). Requirements that change make a new environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flaskappaml-servers"
NAMES = ("azureml", "bentoml", "kserve", "litserve", "mlserver", "triton")
WHOLE = ".whole"  # stands in an environment in which everything was installed


def folder(name: str) -> Path:
    """Where the environment is or will be: one for each list of requirements and version of Python."""
    made_of = (HERE / f"requirements-{name}.txt").read_bytes() + sys.version.encode()
    return CACHE / f"{name}-{hashlib.sha256(made_of).hexdigest()[:16]}"


def is_made(name: str) -> bool:
    return (folder(name) / WHOLE).exists()


def make(name: str) -> None:
    """Raises CalledProcessError for what cannot be installed."""
    home, requirements = folder(name), str(HERE / f"requirements-{name}.txt")
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    beside = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if not (uv and _made_by_uv(uv, home, requirements)):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", requirements], check=True)
    (home / WHOLE).touch()


def _made_by_uv(uv: str, home: Path, requirements: str) -> bool:
    """Where uv cannot, pip may: only pip knows the index of packages that its own settings name."""
    steps = (
        [uv, "venv", "--quiet", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(home / "bin/python"), "-r", requirements],
    )
    return all(subprocess.run(step, check=False).returncode == 0 for step in steps)


if __name__ == "__main__":
    for name in NAMES:
        if not is_made(name):
            started = time.monotonic()
            make(name)
            print(f"{name}: made in {time.monotonic() - started:.0f} s", flush=True)
