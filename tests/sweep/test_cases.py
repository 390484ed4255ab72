"""FILE.toml: combinations and sharing as worked out by hand, and what is said of mistakes."""

import pytest

from degan_cli.errors import BadFile, UsageError
from degan_cli.sweep.cases import cases_of
from degan_cli.sweep.file import read_sweep

PIPELINE = """
[[step]]
command = "teacher"
dataset = "digits"
arch = "lenet"
seed = 0

[[step]]
name = "gan"
command = "enrich"
classifier = "{teacher}"
proxy = "digits:2,3,8"

[[step]]
name = "student"
command = "distill"
teacher = "{teacher}"
samples = ["{gan}@0.8", "noise@0.2"]
student = "lenet-half"

[[step]]
command = "eval"
model = "{student}"
dataset = "digits"
"""


@pytest.fixture
def cases(tmp_path):
    def read(more, pipeline=PIPELINE):
        path = tmp_path / "s.toml"
        path.write_text(pipeline + more)
        return cases_of(read_sweep(path), {"data_dir": "d"}, lambda name, split: f"{name} {split}", lambda path: "file")

    return read


def parts(cases, label):
    return {part.name for case in cases for part in case.part.in_order() if part.label == label}


def test_a_grid_is_every_combination_and_equal_parts_are_one(cases):
    found = cases('[grid]\n"gan.lambda_e" = [1, 5]\nseed = [0, 1, 2]')
    assert [(case.values["gan.lambda_e"], case.seeds["seed"]) for case in found] == [
        (1.0, 0), (1.0, 1), (1.0, 2), (5.0, 0), (5.0, 1), (5.0, 2),
    ]  # fmt: skip
    assert [len(parts(found, label)) for label in ("teacher", "gan", "student", "eval")] == [1, 6, 6, 6]


def test_what_only_the_student_tries_shares_the_generator(cases):
    found = cases('[grid]\nstudent.student = ["lenet", "lenet-half"]\nseed = [0, 1]')
    assert [len(parts(found, label)) for label in ("teacher", "gan", "student")] == [1, 2, 4]


def test_cases_multiply_with_the_grid_and_need_only_what_they_name(cases):
    more = (
        '[[case]]\nname = "gan"\n[[case]]\nname = "proxy"\n"student.samples" = ["digits:2,3,8"]\n[grid]\nseed = [4, 5]'
    )
    found = cases(more)
    assert [(case.values["case"], case.seeds["seed"]) for case in found] == [
        ("gan", 4), ("gan", 5), ("proxy", 4), ("proxy", 5),
    ]  # fmt: skip
    assert [part.label for part in found[3].part.in_order()] == ["teacher", "student", "eval"]
    assert len(parts(found, "gan")) == 2


def test_a_part_is_the_command_with_the_files_of_other_parts(cases, tmp_path):
    (case,) = cases('[grid]\nseed = [7]\n"gan.settings.bn_weight" = [2]')
    teacher, gan, student = ({p.label: p for p in case.part.in_order()}[n] for n in ("teacher", "gan", "student"))
    command = student.arguments(tmp_path)
    assert command[0] == "distill"
    assert f"{gan.path(tmp_path)}@0.8" in command
    assert str(teacher.path(tmp_path)) in command
    assert command[command.index("--seed") + 1] == "7"
    assert "bn_weight=2" in gan.arguments(tmp_path)
    assert "--output" not in case.part.arguments(tmp_path)
    assert case.part.path(tmp_path).suffix == ".json"


def test_a_name_follows_the_content_of_what_is_read(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(PIPELINE)
    file = read_sweep(path)
    names = [cases_of(file, {}, lambda n, s, x=x: x, lambda path: "")[0].part.name for x in ("old", "new", "old")]
    assert names[0] == names[2] != names[1]
    read = []
    cases_of(file, {}, lambda name, split: read.append((name, split)) or "", lambda path: "")
    assert {split for name, split in read if name == "digits"} == {"train", "test"}
    elsewhere = cases_of(file, {"data_dir": "elsewhere"}, lambda n, s: "old", lambda path: "")[0].part.name
    assert elsewhere == names[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[grids]", r"s.toml: grids has no meaning here; there are step, grid, case"),
        ('[[step]]\ncommand = "train"', r"\[\[step\]\] 5 command = 'train' is none of: teacher, enrich"),
        ('[[step]]\nname = "x"', r"\[\[step\]\] 5: command is missing"),
        ('[[step]]\ncommand = "teacher"', r"\[\[step\]\] 5 is called teacher like one above"),
        (
            '[[step]]\nname = "x"\ncommand = "eval"\nmodel = "{gun}"',
            r"\{gun\} is no step above x; there are teacher, gan",
        ),
        (
            '[[step]]\nname = "x"\ncommand = "eval"\nmodell = "m"',
            r"\(x\) modell: eval has no such setting here; there are m",
        ),
        ('[[step]]\nname = "x"\ncommand = "eval"\nforce = true', r"\(x\) force: eval has no such setting here"),
        ('[[step]]\nname = "x"\ncommand = "eval"', r"step x has no model"),
        ("[grid]\nseed = 3", r"\[grid\] seed = 3 is no list of values"),
        (
            '[grid]\n"gun.seed" = [3]',
            r"\[grid\] gun.seed: no step is called gun; there are teacher, gan, student, eval",
        ),
        ("[grid]\nsteeps = [3]", r"\[grid\] steeps: no step has such a setting"),
        ('[grid]\n"gan.steps" = [0]', r"\[grid\] gan.steps 0 is not at least 1"),
        ("[[case]]\nseed = 1\n[grid]\nseed = [2]", r"\[\[case\]\] 1 seed is in \[grid\] too"),
        ("[ray]\nnodes = 3", r"\[ray\]: nodes has no meaning here; there are num_cpus, num_gpus, memory"),
    ],
)
def test_a_mistake_names_file_key_and_what_is_allowed(cases, more, message):
    with pytest.raises(UsageError, match=message):
        cases(more)


def test_a_file_that_is_none_is_a_bad_file(cases, tmp_path):
    with pytest.raises(BadFile, match="cannot be read"):
        read_sweep(tmp_path / "nothing.toml")
    with pytest.raises(BadFile, match="s.toml"):
        cases("[[")
    with pytest.raises(UsageError, match=r"there is no \[\[step\]\]"):
        cases("", "")
