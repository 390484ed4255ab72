"""``degan report`` on tiny real runs: what the page holds, what it refuses, and how a real browser shows it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from PIL import Image

from degan_cli.app import run
from degan_cli.artifact import read_artifact, save_classifier, save_dataset, save_samples, write_tensors
from degan_cli.datasets.finder import DataFinder
from degan_cli.datasets.reading import Reading
from degan_cli.models import Classifier
from degan_cli.page import plots
from degan_cli.plugins import load_plugins
from degan_cli.specs import ImageSet, InputSpec

RUNS = (
    "teacher --dataset digits:0-3 --arch lenet --epochs 2 -o t.safetensors",
    "enrich --classifier t.safetensors --proxy digits:0,1 --steps 40 --batch-size 16 --width 4 --latent 8 "
    "-o g.safetensors",
    "distill --teacher t.safetensors --student lenet-half --samples g.safetensors --epochs 2 --steps-per-epoch 3 "
    "--held-out 32 -o s.safetensors",
    "distill --teacher t.safetensors --student lenet-half --samples digits:0-3 --epochs 2 --steps-per-epoch 3 "
    "--held-out 32 --seed 1 -o real.safetensors",
)
EVIL = "<script>document.title='taken'</script>"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt-get install chromium")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with t, g, s and real; stored samples of which two are copies; a classifier with a nasty class name."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in RUNS:
            assert run([*command.split(), "--device", "cpu", "-q"]) == 0
        noise = torch.randint(0, 256, (30, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        save_dataset("p.safetensors", ImageSet(images=noise, labels=None, class_names=()), "p", "train")
        copied = torch.cat([noise[[20, 4]], noise.flip(2)[:6]])
        save_samples("copied.safetensors", copied, None, None, ("0", "1", "2", "3"))
        _rename_classes("t.safetensors", "evil.safetensors")
        labelled = ImageSet(images=noise, labels=torch.arange(30) % 4, class_names=(EVIL, "1", "2", "3"))
        save_dataset("evil-data.safetensors", labelled, EVIL, "test")
    return folder


def _rename_classes(source: str, target: str) -> None:
    file = read_artifact(source)
    assert file.header is not None
    header = dataclasses.replace(file.header, class_names=(EVIL, "1", "2", "3"), run={EVIL: EVIL, "half": "\ud800"})
    write_tensors(target, file.tensors, {"degan": header.to_text()})


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in runs.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(arguments: str) -> str:
    """The page that the command writes."""
    assert run(["report", *arguments.split(), "-o", "page.html", "--force", "--device", "cpu", "-q"]) == 0
    return Path("page.html").read_text(encoding="utf-8")


def rows(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / f"{name}.run" / "metrics.jsonl").read_text().splitlines()]


def test_the_page_of_a_generator_shows_labelled_samples_curves_settings_and_where_it_comes_from(here: Path) -> None:
    text = report("g.safetensors -n 40")
    tiles = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([0-3]), (\d+)%"', text)
    counts = dict(re.findall(r'<div class="name">(\d)</div>.*?<div class="soft">([\d,]+) samples', text))
    assert sum(map(int, counts.values())) == 40
    assert all(sum(name == one for one, _ in tiles) == min(8, int(count)) for name, count in counts.items())
    absent = re.findall(r"No sample is taken for ([\d, ]+)", text)
    assert sorted([*counts, *absent[0].split(", ")] if absent else counts) == ["0", "1", "2", "3"]
    last = rows(here, "g")[-1]
    assert f"g: {last['confidence']:.4g} after 40 updates" in text
    for label in ("Loss of the generator", "Loss of the discriminator", "Classes over time"):
        assert f'aria-label="{label}"' in text
    assert '<th scope="row">batch_size</th><td>16</td>' in text
    sha256 = read_artifact("t.safetensors").sha256
    assert "<b>classifier</b>" in text
    assert sha256 in text
    assert "t.safetensors (classifier)" in text
    assert "<b>data</b>" in text  # what the classifier itself was made from


def test_the_page_needs_nothing_beside_itself_and_no_script(here: Path) -> None:
    text = report("g.safetensors s.safetensors --proxy digits:0,1 --dataset digits:0-3 -n 40")
    assert not re.findall(r"https?:|//[a-z]|@import|url\(|<script|<link", re.sub(r"base64,[^\"]+", "", text))
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 500_000


def test_a_classifier_is_measured_as_eval_does(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = report("s.safetensors --dataset digits:0-3 --classifier t.safetensors")
    capsys.readouterr()
    command = "eval s.safetensors --dataset digits:0-3 --classifier t.safetensors --device cpu --json"
    assert run(command.split()) == 0
    found = json.loads(capsys.readouterr().out)
    for key in ("accuracy", "agreement", "calibration_error"):
        assert f"<b>{found[key]:.2%}</b><span>{key.replace('_', ' ')}</span>" in text
    cells = re.findall(r"<td style=[^>]+>([\d,]+|·)</td>", text)
    assert [0 if cell == "·" else int(cell) for cell in cells] == sum(found["confusion"]["counts"], [])
    assert text.count('class="c0 bin"') == len(found["reliability"])
    assert sum(one["images"] for one in found["reliability"]) == found["images"]


def test_two_classifiers_of_other_sizes_see_what_eval_shows_them(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins, generator = load_plugins(enabled=False), torch.Generator().manual_seed(0)
    for name, architecture, side in (("large", "convnet", 64), ("small", "lenet", 32)):
        input = InputSpec(channels=1, height=side, width=side, mean=(0.5,), std=(0.5,))
        network = plugins.architectures.get(architecture).build(4, input)
        save_classifier(f"{name}.safetensors", Classifier(network, architecture, tuple("0123"), input), provider="x")
    images = torch.randint(0, 256, (200, 1, 64, 64), dtype=torch.uint8, generator=generator)
    labels = ImageSet(images=images, labels=torch.arange(200) % 4, class_names=tuple("0123"))
    save_dataset("d.safetensors", labels, "d", "test")
    found = []
    for command in ("eval small.safetensors", "report small.safetensors"):
        capsys.readouterr()
        arguments = f"{command} --dataset d.safetensors --classifier large.safetensors --device cpu --json"
        assert run(arguments.split()) == 0
        found.append(json.loads(capsys.readouterr().out)["metrics"])
    assert found[1]["subjects"]["small"]["agreement"] == found[0]["agreement"]


def test_two_students_share_a_chart_and_a_run_folder_stands_for_its_artifact(here: Path) -> None:
    text = report("s.run real.safetensors")
    assert text.count('aria-label="Agreement with the teacher, held-out samples"') == 1
    for name in ("s", "real"):
        last = rows(here, name)[-1]
        assert f"{name}: {last['agreement']:.4g} after {last['step']} updates" in text
        assert f"</i>{name}</span>" in text
    assert '<tr class="differs"><th scope="row">seed</th><td>0</td><td>1</td></tr>' in text
    assert "<h1>2 runs compared</h1>" in text


def test_a_run_without_an_artifact_yet_has_a_page(here: Path) -> None:
    shutil.copytree(here / "s.run", here / "stopped.run")
    with (here / "stopped.run" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "lo')  # it was killed while it wrote
    assert 'aria-label="Loss"' in report("stopped.run")
    (here / "stopped.run" / "metrics.jsonl").write_text('{"step": "x"}\n{"step": 1}\n')
    assert run(["report", "stopped.run", "-o", "x.html"]) == 3


def test_a_command_that_trained_inside_shows_the_curves_of_that_training(here: Path) -> None:
    shutil.copytree(here / "s.run", here / "outer.run" / "student.run")
    shutil.copytree(here / "g.run", here / "outer.run" / "generator.run")
    os.utime(here / "outer.run" / "generator.run" / "metrics.jsonl", (0, 0))  # it came first
    assert 'aria-label="Agreement with the teacher, held-out samples"' in report("outer.run")


def test_an_exact_copy_of_a_proxy_image_is_found(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "report copied.safetensors --classifier t.safetensors --proxy p.safetensors --device cpu --json"
    assert run(arguments.split()) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]["subjects"]["copied"]["copies"]
    assert found == {"copy": 2, "near": 0, "new": 6}
    text = Path("report.html").read_text()
    first, second, third, *_ = re.findall(r'<div class="pair">(.*?)</b>', text)
    for pair in (first, second):
        sample, by_pixels, by_features = re.findall(r'src="([^"]+)"', pair)
        assert sample == by_pixels == by_features
        assert pair.endswith("a copy")
    assert third.endswith("no copy")


def test_proxy_images_are_fitted_as_the_classifier_has_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wide").mkdir()
    for index in range(8):
        pixels = torch.randint(0, 256, (16, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(index))
        Image.fromarray(pixels.numpy()).save(f"wide/{index}.png")
    file = read_artifact("t.safetensors")
    assert file.header is not None
    header = dataclasses.replace(file.header, run={**file.header.run, "fit": "pad"})
    write_tensors("pad.safetensors", file.tensors, {"degan": header.to_text()})
    finder = DataFinder(plugins=load_plugins(enabled=False), data_dir=Path("data"), reading=Reading(fit="pad"))
    save_samples("padded.safetensors", finder.open("wide", shape=(1, 32, 32)).images, None, None, tuple("0123"))
    arguments = "report padded.safetensors --classifier pad.safetensors --proxy wide --device cpu --json --force"
    for fit, copies in ((), 8), (("--fit", "crop"), 0):
        assert run([*arguments.split(), *fit]) == 0
        found = json.loads(capsys.readouterr().out)["metrics"]["subjects"]["padded"]["copies"]
        assert found["copy"] == copies


def test_names_from_a_file_stay_text(here: Path) -> None:
    text = report("evil.safetensors --dataset evil-data.safetensors")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 3


def test_mistakes_are_told_before_any_work(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.html").write_text("precious")
    cases = {
        "s.safetensors": (2, "report.html exists already; name another with -o, or overwrite it with --force"),
        "nothing.safetensors -o x.html": (3, "nothing.safetensors: no such file or folder"),
        ". -o x.html": (3, "it holds no metrics.jsonl"),
        "p.safetensors -o x.html": (3, "p.safetensors: holds a dataset"),
        "s.safetensors --proxy digits -o x.html": (2, "--proxy has no use here: it is for generators"),
        "s.safetensors --classifier t.safetensors -o x.html": (2, "--classifier has no use here: it looks at samples"),
        "s.safetensors --split train -o x.html": (2, "--split has no use here: it is a part of --dataset"),
        "g.safetensors --dataset digits -o x.html": (2, "--dataset has no use here: it is for classifiers"),
    }
    for arguments, (code, message) in cases.items():
        assert run(["report", *arguments.split()]) == code
        assert message in capsys.readouterr().err
    assert Path("report.html").read_text() == "precious"
    assert not Path("x.html").exists()


def test_curves_as_pictures(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    report("s.safetensors real.safetensors --plots curves")
    written = sorted(path.name for path in Path("curves").iterdir())
    assert written == ["agreement.png", "loss.png"]
    assert all((Path("curves") / name).read_bytes().startswith(b"\x89PNG") for name in written)
    assert run(["report", "s.safetensors", "--plots", "curves", "-o", "x.html"]) == 2
    assert "--plots curves: holds pictures already" in capsys.readouterr().err
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    assert run(["report", "s.safetensors", "--plots", "more", "-o", "x.html"]) == 4
    assert "pip install 'degan-cli[plot]'" in capsys.readouterr().err


def test_the_page_can_go_to_stdout(here: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["report", "s.safetensors", "-o", "-", "-q"]) == 0
    printed = capsysbinary.readouterr()
    assert printed.out.startswith(b"<!doctype html>")
    assert json.loads(printed.err)["kind"] == "report"


def browse(url: str, *options: str) -> str:
    """The page's elements after a browser without any network has shown it."""
    assert CHROMIUM is not None
    offline = ("--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--virtual-time-budget=5000")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *offline, *options, "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


MEASURED = """<script>addEventListener("load", () => {
  const root = document.getElementById("f").contentDocument, view = root.documentElement;
  const parts = [...root.querySelectorAll("section > *, header > *")];
  const wide = parts.filter(e => e.getBoundingClientRect().right > WIDTH);
  const shown = [...root.images].filter(i => i.complete && i.naturalWidth > 0).length;
  const lines = [...root.querySelectorAll("polyline")].filter(l => l.getBBox().width > 0).length;
  document.body.append(JSON.stringify({title: root.title, scroll: view.scrollWidth, wide: wide.length, images:
    root.images.length, shown, lines}) + "|");
})</script>"""


@in_browser
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_all_of_it_within_the_width_of_a_phone_and_of_a_desk(here: Path, width: int) -> None:
    text = report(
        "g.safetensors evil.safetensors s.safetensors --dataset evil-data.safetensors --proxy digits:0,1 -n 40"
    )
    # The frame measures from outside, for the page itself allows no script; without its policy, one would run.
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert unguarded != text
    for name, page in (("guarded.html", text), ("open.html", unguarded)):
        Path(name).write_text(page, encoding="utf-8")
        frame = f'<iframe id="f" src="{name}" style="border:0" width="{width}" height="900"></iframe>'
        Path("frame.html").write_text(f"<body>{frame}{MEASURED.replace('WIDTH', str(width))}")
        printed = browse((here / "frame.html").as_uri(), "--window-size=1300,1000")
        found = json.loads(re.findall(r"(\{\"title.*?\})\|", printed)[0].replace("&gt;", ">").replace("&lt;", "<"))
        assert found["title"] == "degan report: 3 runs compared"
        assert found["scroll"] <= width
        assert found["wide"] == 0
        assert found["images"] == found["shown"] > 20
        assert found["lines"] >= 6
