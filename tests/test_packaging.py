"""What people install: a wheel with the package and nothing else, and a source distribution that can test itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import degan_cli

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> tuple[Path, Path]:
    """Wheel and source distribution of the files that git tracks, and of new ones that it does not ignore."""
    folder = tmp_path_factory.mktemp("build")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.split("\n")):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "source"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (source,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, source


def test_the_wheel_holds_every_module_and_nothing_else(distributions):
    names = set(zipfile.ZipFile(distributions[0]).namelist())
    package = {name for name in names if ".dist-info/" not in name}
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "degan_cli").rglob("*.py")}
    assert package == here | {"degan_cli/py.typed", "degan_cli/page/style.css"}
    assert {Path(name).name for name in names - package} == {
        "METADATA", "RECORD", "WHEEL", "LICENSE", "entry_points.txt", "top_level.txt",
    }  # fmt: skip


def test_the_version_has_one_place(distributions):
    wheel, source = distributions
    assert wheel.name.startswith(f"degan_cli-{degan_cli.__version__}-")
    assert source.name == f"degan_cli-{degan_cli.__version__}.tar.gz"


def test_the_source_distribution_can_be_tested_and_holds_no_measurements(distributions):
    with tarfile.open(distributions[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "CHANGELOG.md", "LICENSE", "SECURITY.md", "Makefile", "tests/conftest.py", "tests/golden/golden.json",
        "plugins/degan-template/pyproject.toml", "docs/reference.md", "degan_cli/py.typed",
    }  # fmt: skip
    unwanted = (".git", ".ci", ".venv", "benchmarks", "data", "runs")
    assert not [name for name in names if name.partition("/")[0] in unwanted or name.endswith((".pyc", ".run"))]


def test_the_wheel_works_without_the_source_beside_it(distributions, tmp_path):
    """Its own files come first on the path, from another folder; only the dependencies are those of the tests."""
    zipfile.ZipFile(distributions[0]).extractall(tmp_path / "installed")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "PYTHONDONTWRITEBYTECODE": "1"}
    where = "import degan_cli, sys; print(degan_cli.__file__, file=sys.stderr)"
    start = f"{where}; from degan_cli.app import main; sys.argv = ['degan', '--version']; main()"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stderr.strip() == str(tmp_path / "installed" / "degan_cli" / "__init__.py")
    assert degan_cli.__version__ in done.stdout
