"""Writes the tables of results in the README and in docs/results.md from the JSON files under ``benchmarks/results``.

    python benchmarks/tables.py            # rewrite the tables
    python benchmarks/tables.py --check    # exit 1 when they are stale

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``. NAME is a result file, ``FILE.PART`` a part of
one, or ``headline``.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from results_file import RESULTS

from degan_cli.paper.cells import markdown

ROOT = RESULTS.parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *(DOCS / f"{name}.md" for name in ("results", "calibrate", "trust", "scaling")))
BLOCK = re.compile(r"(<!-- table (?P<name>[\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
Result = dict[str, Any]

NEW_WORDS = {r"\bheavy\b": "strong", r"\blive methods\b": "online methods"}
"""What was renamed since the results were measured; the files keep the words of their time."""
EARLIER_DEMO = "f1ebd88"
"""A commit whose `degan demo` trained both GANs by `--recipe paper`."""
OWN_DRAW = re.compile(r"sample (?P<number>\d)")
"""Columns of Table 2 whose ten classes the paper drew, and which it does not name: ours are other classes."""
REPLACED = {"benchmarks/cells.py": "a script since replaced by `degan reproduce`"}
"""Scripts that made some of the results and are gone."""
DEMO_ROWS = {
    "teacher": "teacher",
    "true": "student, true data",
    "proxy": "student, proxy",
    "proxy, strong": "student, proxy with strong augmentation",
    "dcgan": "student, DCGAN",
    "degan": "student, DeGAN",
    "compress": "student of `degan compress`",
}
"""Older results lack the rows that the demo got later; a row that nobody measured is left out."""


def read(name: str) -> list[Result]:
    """One result file in today's words, without published numbers where the paper measured something else."""
    return [_today(result) for result in json.loads((RESULTS / f"{name}.json").read_text())]


def _today(result: Result) -> Result:
    result = dict(result)
    for key in {"row", "scale", "command"} & result.keys():
        for old, new in NEW_WORDS.items():
            result[key] = re.sub(old, new, result[key])
    if result.get("table") == "demo" and result["commit"].startswith(EARLIER_DEMO):
        result["scale"] = result["scale"].replace("runs it", "ran it with `--recipe paper`")
    if draw := OWN_DRAW.fullmatch(result.get("column", "")):
        result |= {"column": f"10 classes, our draw {draw['number']}", "published": None}
    return result


def render(name: str, page: Path) -> str:
    """The Markdown table of one result file, for a page that links to it."""
    if name == "headline":
        return _headline(page)
    name, _, part = name.partition(".")
    results = [result for result in read(name) if not part or result["part"] == part]
    if "loop" in results[0]:
        table = _speed(results)
    elif part == "help":
        table = _help(results)
    else:
        table = OWN.get(results[0]["table"], _paper)(results)
    return f"{table} {_where(results, name, page)}"


def _paper(results: list[Result]) -> str:
    """Measured means, the published numbers in brackets; the neighbours' columns are tables of their own."""
    columns = dict.fromkeys(result["column"] for result in results) if results[0]["table"] == "neighbours" else [None]
    parts = [[result for result in results if column in (None, result["column"])] for column in columns]
    return "\n\n".join(f"{markdown(part)}\n\n{_lengths(part)}" for part in parts)


def _lengths(results: list[Result]) -> str:
    """How far the runs were shortened, and over how many seeds."""
    key = "column" if len({result["column"] for result in results}) > 1 else "row"
    scales: dict[str, list[str]] = {}
    for result in results:
        scales.setdefault(result["scale"], []).append(result[key])
    first, *others = scales
    sentences = [first[0].upper() + first[1:]]
    for scale in others:
        which = ", ".join(dict.fromkeys(scales[scale]))
        sentences.append(f'The {key} "{which}" differs: {scale.removeprefix("reduced: ")}')
    return ". ".join([*sentences, f"{_seeds(results)} a cell."])


def _seeds(results: Sequence[Result]) -> str:
    counts = sorted({len(result["seeds"]) for result in results})
    return f"{' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} seed{'' if counts == [1] else 's'}"


def _demo(cells: list[Result]) -> str:
    lines = [_row(["classifier", "measured", "seeds"]), _row(["---", "---:", "---:"])]
    for cell in sorted(cells, key=lambda cell: list(DEMO_ROWS).index(cell["row"])):
        lines.append(_row([DEMO_ROWS[cell["row"]], _mean(cell), str(len(cell["seeds"]))]))
    first = cells[0]
    return "\n".join([*lines, "", f"{first['column'].capitalize()}; {first['scale']}."])


def _students(results: list[Result]) -> str:
    columns = list(dict.fromkeys(result["column"] for result in results))
    rows = dict.fromkeys((result["recipe"], result["row"]) for result in results)
    lines = [_row(["recipe", "samples", *columns]), _row(["---", "---", *["---:"] * len(columns)])]
    by_place = {(result["recipe"], result["row"], result["column"]): result for result in results}
    for recipe, row in sorted(rows, key=lambda row: row[0]):
        found = [by_place.get((recipe, row, column)) for column in columns]
        lines.append(_row([recipe, row, *("" if one is None else _mean(one) for one in found)]))
    scales = {result["column"]: result["scale"] for result in results}
    about = ". ".join(f"{column}: {scale}" for column, scale in scales.items())
    return "\n".join([*lines, "", f"{about}. {_seeds(results)} a cell."])


def _few_images(results: list[Result]) -> str:
    """A line for each number and kind of images, with the students of the images and of both."""
    seeds: dict[tuple[str, int], dict[str, list[float]]] = {}
    for one in (result for result in results if result["part"] == "number"):
        seeds.setdefault((one["images"], one["number"]), {}).setdefault(one["row"], []).append(one["measured"])
    rows = list(dict.fromkeys(row for found in seeds.values() for row in found))
    lines = [_row(["images", *rows]), _row(["---", *["---:"] * len(rows)])]
    for (kind, number), found in sorted(seeds.items()):
        cells = [_mean({"measured": found[row], "scale": ""}) if row in found else "" for row in rows]
        lines.append(_row([f"{number:,} of {kind}", *cells]))
    counts = sorted({len(values) for found in seeds.values() for values in found.values()})
    updates = results[0]["updates"]
    return "\n".join([*lines, "", f"{updates:,} updates of each student; {counts[0]} to {counts[-1]} seeds a cell."])


def _help(results: list[Result]) -> str:
    """A line for each number of images and what helped the GAN: its FID and the student of its samples."""
    names = ["images", "changed for the discriminator", "generator averaged", "FID", "confidence", "student"]
    lines = [_row(names), _row(["---", "---", "---", *["---:"] * 3])]
    for one in results:
        helped = ["yes" if one["row"] in (name, "both") else "no" for name in ("augmentation", "average")]
        cells = [
            f"{one['number']:,}",
            *helped,
            f"{one['fid']:.0f}",
            f"{one['confidence']:.2f}",
            f"{one['measured']:.2f}",
        ]
        lines.append(_row(cells))
    return "\n".join([*lines, "", f"{results[0]['updates']:,} updates of each student; one seed."])


def _budgets(results: list[Result]) -> str:
    """A line for each pair and budget: accuracy, agreement on held-out samples, updates and seconds over the seeds."""
    lines = [_row(["pair", "teacher", "budget", "accuracy", "agreement", "updates", "seconds"])]
    lines.append(_row(["---", "---:", "---", *["---:"] * 4]))
    for one in results:
        pairs = [sorted({min(values), max(values)}) for values in (one["updates"], one["seconds"])]
        spans = [" to ".join(f"{end:,.0f}" for end in ends) for ends in pairs]
        cells = [one["row"], _mean(one), _mean(one | {"measured": one["agreement"]}), *spans]
        lines.append(_row([one["column"], f"{one['teacher']:.2f}", *cells]))
    return "\n".join([*lines, "", f"{_seeds(results)} a budget."])


def _scaling(results: list[Result]) -> str:
    """A line for each case and number of processes: the batch grown with them, and divided among them."""
    head = [
        "update",
        "processes",
        "images/s, batch grown",
        "gain",
        "images/s, batch divided",
        "gain",
        "bytes an update",
    ]
    lines = [_row(head), _row(["---", *["---:"] * 6])]
    by_place = {(one["case"], one["processes"], one["mode"]): one for one in results}
    for case, processes in dict.fromkeys((one["case"], one["processes"]) for one in results):
        weak, strong = (by_place[case, processes, mode] for mode in ("weak", "strong"))
        rates = [
            text for one in (weak, strong) for text in (f"{one['images_per_second']:,.0f}", f"{one['speedup']:.2f}")
        ]
        lines.append(_row([case, str(processes), *rates, f"{weak['bytes_per_update']:,}"]))
    whole = next(one["batch_size"] for one in results if one["processes"] == 1)
    return "\n".join([*lines, "", f"Batches of {whole}, each process with one thread; medians of five turns."])


def _calibration(results: list[Result]) -> str:
    """A line for each kind of images that int8 was calibrated on, below that of the network before."""
    lines = [_row(["calibrated on", "accuracy", "agreement with float32"]), _row(["---", "---:", "---:"])]
    for result in results:
        name = "(float32)" if result["row"] == "float32" else result["row"]
        lines.append(_row([name, _mean(result), _mean(result | {"measured": result["agreement"]})]))
    return "\n".join(
        [*lines, "", f"Per cent of the test images; calibrated on {results[1]['scale']}, {_seeds(results[1:])}."]
    )


def _mean(result: Result) -> str:
    """The mean over the seeds, with the spread if there are several, and a dagger if the run was shortened."""
    values = result["measured"]
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{spread}{' †' if result['scale'].startswith('reduced') else ''}"


def _headline(page: Path) -> str:
    """Digits, and the column of Table 2 with six classes, beside the paper's numbers."""
    digits = {result["row"]: result for result in read("demo")}
    cifar = {result["row"]: result for result in read("table2-gan") if result["column"] == "6 classes"}
    head = ["accuracy in %", "digits (proxy: three of the ten)", "CIFAR-10 (proxy: six classes of CIFAR-100)"]
    lines = [_row([*head, "CIFAR-10 in the paper"]), _row(["---", "---:", "---:", "---:"])]
    for row, title in ((row, title) for row, title in DEMO_ROWS.items() if row in digits or row in cifar):
        paper = f"{cifar[row]['published']:.2f}" if row in cifar else ""
        cells = [_mean(results[row]) if row in results else "" for results in (digits, cifar)]
        lines.append(_row([title, *cells, paper]))
    lines += [
        "",
        f"Digits: mean ± standard deviation of {_seeds(list(digits.values()))}, {digits['degan']['scale']}; "
        f"{_machine(digits['degan'])}; {_link('demo', page)}. CIFAR-10: {_seeds(list(cifar.values()))}; "
        f"{_machine(cifar['degan'])};",
        f"{_link('table2-gan', page)}. † {cifar['degan']['scale']}.",
    ]
    return "\n".join(lines)


def _trust(results: list[Result]) -> str:
    """A line for each kind of fault: how often it was tried, and how often each end came."""
    lines = [_row(["fault", "trials", "outcomes"]), _row(["---", "---:", "---"])]
    for one in results:
        ends = sorted(one["outcomes"].items(), key=lambda item: -item[1])
        lines.append(_row([one["row"], f"{one['trials']:,}", "; ".join(f"{count:,} {end}" for end, count in ends)]))
    total = sum(one["trials"] for one in results)
    return "\n".join([*lines, "", f"{total:,} trials; an end that the tests do not allow would have failed the run."])


def _where(results: Sequence[Result], name: str, page: Path) -> str:
    """Machine, command and commit, of the first result where there are several, and a link to the file."""
    first = results[0]
    gone = [words for script, words in REPLACED.items() if script in first["command"]]
    command = gone[0] if gone else f"`{first['command']}`"
    commands = len({result["command"] for result in results})
    more = f", the first of {commands} commands that the file names" if commands > 1 else ""
    made = f"made by {command} at commit {first['commit'][:7]}{more}"
    return f"{_machine(first)}, torch {first['hardware']['torch']}; {made}. Source: {_link(name, page)}."


def _machine(result: Result) -> str:
    hardware = result["hardware"]
    return hardware["gpu"] or f"{hardware['cpu']}, {hardware['cores']} core{'s' if hardware['cores'] > 1 else ''}"


def _link(name: str, page: Path) -> str:
    return f"[{name}.json]({os.path.relpath(RESULTS / f'{name}.json', page.parent)})"


def _speed(results: list[Result]) -> str:
    growth = "size" in results[0]
    head = ["loop", "precision", "batch", *(["side"] if growth else []), "images/s"]
    head += [] if growth else ["plain loop", "ratio"]
    head.append("share of the matrix rate")
    lines = [_row(head), _row(["---", "---", *["---:"] * (len(head) - 2)])]
    for result in results:
        row = [result["loop"], result["precision"], str(result["batch_size"])]
        row += [str(result["size"])] if growth else []
        row.append(f"{result['images_per_second']:,.0f}")
        row += [] if growth else [f"{result['plain_images_per_second']:,.0f}", f"{result['ratio']:.1f}"]
        lines.append(_row([*row, f"{result['share']:.0%}"]))
    networks = "ResNet-32" if growth else "AlexNet and AlexNet-half at 32 pixels"
    return "\n".join([*lines, "", f"{networks}."])


def _changes(results: list[Result]) -> str:
    """A line for each recipe and what it does to the images, the best first among those of equally many updates."""
    rows: dict[tuple[int, str], Result] = {}
    for one in results:  # of one seed
        row = rows.setdefault((one["updates"], one["row"]), {"seeds": [], "measured": [], "agreement": []})
        row["seeds"] += one["seeds"]
        row["measured"] += one["measured"]
        row["agreement"].append(one["agreement"])
    lines = [
        _row(["recipe", "changes", "mixed", "set", "updates", "accuracy on training images", "agreement"]),
        _row([*["---"] * 4, *["---:"] * 3]),
    ]
    for (updates, name), row in sorted(rows.items(), key=lambda each: (each[0][0], -mean(each[1]["measured"]))):
        recipe, changes, mixed, *others = name.split(", ")
        numbers = [_mean({"measured": row[key], "scale": ""}) for key in ("measured", "agreement")]
        lines.append(_row([recipe, changes, mixed, ", ".join(others), f"{updates:,}", *numbers]))
    return "\n".join([*lines, "", f"Updates of 64; {_seeds(list(rows.values()))} a row."])


OWN = {
    "demo": _demo,
    "students": _students,
    "few-images": _few_images,
    "budgets": _budgets,
    "scaling": _scaling,
    "trust": _trust,
    "calibration": _calibration,
    "changes": _changes,
}
"""Tables that are not laid out like the paper's."""


def _row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def fill(page: Path) -> str:
    """The text of a page with every table made anew."""
    fresh = partial(_block, page=page)
    return BLOCK.sub(fresh, page.read_text())


def _block(block: re.Match[str], page: Path) -> str:
    return f"{block[1]}{render(block['name'], page)}\n{block[3]}"


def main() -> None:
    """Rewrite or check all pages."""
    stale = {page: text for page in PAGES if (text := fill(page)) != page.read_text()}
    if "--check" in sys.argv[1:]:
        names = ", ".join(str(page.relative_to(ROOT)) for page in stale)
        sys.exit(f"{names}: tables are stale; run python benchmarks/tables.py" if stale else None)
    for page, text in stale.items():
        page.write_text(text)


if __name__ == "__main__":
    main()
