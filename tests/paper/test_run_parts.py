"""Parts as processes: order, side by side, stopping and going on; the processes here are played by a stand-in."""

import pytest

from degan_cli.errors import Stopped, UsageError
from degan_cli.paper import run
from degan_cli.paper.parts import Part
from degan_cli.paper.run import Ledger, run_parts
from degan_cli.runs.stopping import StopWatch

T = Part(label="t", command="teacher", values={"dataset": "digits", "architecture": "lenet"})
G = Part(label="g", command="enrich", values={"proxy": "noise"}, needs=(("classifier", T),))
S = Part(label="s", command="distill", values={"student": "lenet"}, needs=(("teacher", T), ("samples", G)))
U = Part(label="u", command="distill", values={"student": "lenet", "samples": ("noise",)}, needs=(("teacher", T),))


class Played:
    """Writes its artifact after two looks, or fails with the code that its label is given."""

    def __init__(self, codes):
        self.codes, self.commands, self.alive, self.most = codes, [], 0, 0
        self.terminated = []

    def launch(self, part, command, result, environment):
        play, output = self, command[command.index("--output") + 1]
        self.commands.append(command)
        self.alive += 1
        self.most = max(self.most, self.alive)
        looks = iter((None, None))

        class Process:
            returncode = None

            def poll(self):
                if self.returncode is None and next(looks, 0) == 0:
                    label = output.rpartition("/")[2].partition("-")[0]
                    self.returncode = play.codes.get(label, 0)
                    play.alive -= 1
                    if self.returncode == 0:
                        open(output, "w").close()
                return self.returncode

            def terminate(self):
                play.terminated.append(output)

        return Process()


@pytest.fixture
def play(monkeypatch, tmp_path):
    def go(wanted, jobs=1, codes=None, watch=None, program=run.PROGRAM, ledger=None):
        played, done, failed = Played(codes or {}), [], []
        monkeypatch.setattr(run, "POLL_SECONDS", 0)
        played.done, played.failed = done, failed
        arguments = (watch or StopWatch(), ledger or Ledger(tmp_path / "parts.json"), lambda line: None, done.append)

        def note(part, code):
            failed.append((part, code))

        try:
            run_parts(wanted, tmp_path, ["--data-dir", "d"], jobs, *arguments, program, played.launch, note)
        finally:
            go.played = played
        return played

    return go


def names(played):
    return [command[command.index("--output") + 1].rpartition("/")[2][0] for command in played.commands]


def test_each_part_runs_once_after_what_it_needs(play):
    played = play([S, U])
    assert names(played) == ["t", "g", "s", "u"]
    assert played.done == [S, U]
    assert played.most == 1
    assert played.commands[2][3] == "distill"
    assert "--resume" in played.commands[2]


def test_finished_parts_are_left_alone_and_so_is_what_only_they_needed(play, tmp_path):
    S.path(tmp_path).touch()
    played = play([S, U])
    assert names(played) == ["t", "u"]
    assert played.done == [S, U]


def test_independent_parts_run_side_by_side(play):
    played = play([S, U], jobs=3)
    assert played.most == 2
    assert set(played.done) == {S, U}
    assert names(played)[0] == "t"
    assert sorted(names(played)[1:3]) == ["g", "u"]


def test_a_failure_ends_only_what_needs_it(play):
    played = play([S, U], jobs=2, codes={"g": 5})
    assert played.failed == [(G, 5)]
    assert played.done == [U]
    assert names(played) == ["t", "g", "u"]


def test_when_the_time_is_over_the_rest_is_left_for_the_next_slice(play):
    with pytest.raises(Stopped) as caught:
        play([S, U], codes={"g": 75})
    assert caught.value.exit_code == 75
    assert names(play.played) == ["t", "g"]


def test_no_command_is_left_behind_when_the_costs_cannot_be_written(play, tmp_path):
    T.path(tmp_path).touch()
    ledger = Ledger(tmp_path / "parts.json")
    ledger.path.mkdir()
    with pytest.raises(UsageError, match=r"parts\.json: cannot be written"):
        play([S, U], jobs=2, ledger=ledger)
    assert [output.rpartition("/")[2][0] for output in play.played.terminated] == ["u"]


def test_a_command_that_is_started_again_may_find_its_artifact(tmp_path):
    drawn = Part(label="d", command="sample", values={"number": 5}, needs=(("generator", G),))
    assert run.going_on(drawn, tmp_path) == ["--force", "-q", "--json"]
    assert run.going_on(G, tmp_path, 2) == ["--resume", "-q", "--json", "--max-minutes", "2.000"]


@pytest.mark.parametrize("printed", [b"", b'{"peak_memory_bytes": {"ho'])
def test_a_result_that_was_cut_off_has_no_memory(printed):
    assert run._memory(printed) == {}


def test_what_starts_degan_may_be_told_to_leave_plugins_out(play):
    played = play([U], program=("python", "-m", "degan_cli", "--no-plugins"))
    for command, name in zip(played.commands, ("teacher", "distill"), strict=True):
        assert command[:5] == ["python", "-m", "degan_cli", "--no-plugins", name]


def test_each_command_gets_the_minutes_that_are_left(play):
    played = play([U], watch=StopWatch(2.0))
    minutes = [float(command[command.index("--max-minutes") + 1]) for command in played.commands]
    assert all(0 < value <= 2 for value in minutes)


def test_seconds_add_up_over_slices_and_the_largest_peak_counts(tmp_path):
    ledger = Ledger(tmp_path / "parts.json")
    ledger.add(T, 1.5, {"host": 700})
    ledger.add(T, 1.0, {})
    Ledger(tmp_path / "parts.json").add(T, 1.0, {"host": 500, "device": 9})
    wanted = {"seconds": 3.5, "peak_memory_bytes": {"host": 700, "device": 9}}
    assert Ledger(tmp_path / "parts.json").costs == {T.name: wanted}


def test_a_generator_of_the_tables_keeps_the_papers_values_however_short_its_run(tmp_path):
    assert G.settings(tmp_path).recipe == "paper"
    assert G.name == "g-fc6294a8d6"  # as before there were recipes, so that what is made is not made anew
