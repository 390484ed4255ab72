import json
import math

import pytest
import torch

from degan_cli.config import TeacherSettings
from degan_cli.errors import UsageError
from degan_cli.loops.stages import Annealed, Milestones, Stages, set_rate


def follow(stages, scores):
    best = []
    scores = iter(scores)
    for epoch in stages:
        is_best, _ = stages.finish_epoch(next(scores))
        if is_best:
            best.append(epoch)
    return best


def test_a_stage_ends_after_more_than_patience_epochs_without_a_better_score():
    stages = Stages(epochs=100, patience=1)
    best = follow(stages, [0.5, 0.6, 0.59, 0.55, 0.7, 0.69, 0.68, 0.9])
    assert best == [0, 1, 4]  # the second stage starts with epoch 4
    assert stages.total == 7
    assert stages.done
    assert (stages.best_score, stages.best_epoch) == (0.7, 5)


def test_of_equal_scores_the_last_is_kept_but_does_not_prolong_the_stage():
    stages = Stages(epochs=100, patience=2)
    best = follow(stages, [0.5, 1.0, 1.0, 1.0, 0.9, 1.0, 0.9, 0.9])
    assert best == [0, 1, 2, 3, 5]
    assert stages.total == 8


def test_the_second_stage_must_be_as_good_as_the_first():
    stages = Stages(epochs=2, patience=9)
    assert follow(stages, [0.8, 0.7, 0.75, 0.79]) == [0]
    assert stages.total == 4


def test_the_rate_falls_to_a_tenth():
    stages = Stages(epochs=1, patience=0)
    factors = []
    for _ in stages:
        factors.append(stages.factor)
        stages.finish_epoch(0.1)
    assert factors == [1.0, 0.1]


def test_a_schedule_goes_on_from_its_json():
    scores = [0.1, 0.2, 0.2, 0.2, 0.3, 0.1, 0.1, 0.1]
    whole = Stages(epochs=4, patience=2)
    follow(whole, scores)
    part = Stages(epochs=4, patience=2)
    for score in scores[:3]:
        part.finish_epoch(score)
    again = Stages(**part.to_json())
    follow(again, scores[3:])
    assert again == whole


def test_the_rate_falls_to_a_tenth_after_each_milestone_and_the_last_epoch_is_kept():
    schedule = Milestones(epochs=6, milestones=(2, 5))
    seen = []
    for epoch in schedule:
        seen.append((epoch, schedule.factor))
        schedule.step = 3
        assert schedule.finish_epoch(0.9 - 0.1 * epoch) == (True, False)  # worse each time, and kept
        assert schedule.step == 0
    assert seen == [(0, 1.0), (1, 1.0), (2, 0.1), (3, 0.1), (4, 0.1), (5, 0.01)]
    assert schedule.done
    assert (schedule.total, schedule.best_epoch) == (6, 6)
    assert schedule.best_score == pytest.approx(0.4)


def test_the_rate_may_fall_by_another_factor_and_that_is_kept():
    schedule = Milestones(epochs=4, milestones=(1, 3), drop_factor=5.0)
    schedule.finish_epoch(0.0)
    again = Milestones(**json.loads(json.dumps(schedule.to_json())))
    assert again == schedule
    factors = []
    for _ in again:
        factors.append(again.factor)
        again.finish_epoch(0.0)
    assert factors == pytest.approx([0.2, 0.2, 0.04])


def test_a_checkpoint_that_does_not_know_the_factor_falls_to_a_tenth():
    numbers = {"epochs": 3, "milestones": [1], "total": 1, "step": 0, "best_score": 0.0}
    assert Milestones(**numbers).factor == 0.1


def test_without_milestones_the_rate_stays():
    schedule = Milestones(epochs=3, milestones=())
    assert not schedule.done
    factors = []
    for _ in schedule:
        factors.append(schedule.factor)
        schedule.finish_epoch(0.0)
    assert factors == [1.0, 1.0, 1.0]


def test_milestones_go_on_from_their_json():
    schedule = Milestones(epochs=5, milestones=(1, 3))
    schedule.finish_epoch(0.25)
    schedule.finish_epoch(0.5)
    schedule.step = 7
    again = Milestones(**json.loads(json.dumps(schedule.to_json())))
    assert again == schedule
    assert again.milestones == (1, 3)
    assert (again.total, again.step, again.best_score, again.factor) == (2, 7, 0.5, 0.1)
    left = []
    for epoch in again:
        left.append((epoch, again.factor))
        again.finish_epoch(0.0)
    assert left == [(2, 0.1), (3, 0.01), (4, 0.01)]


def test_the_rate_is_set_in_all_groups():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimiser = torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 7.0}], lr=1.0)
    set_rate(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "epochs", "milestones"),
    [
        (None, 250, (100, 150, 200)),
        (None, 10, (4, 6, 8)),
        (None, 3, (1, 2)),  # 1.2, 1.8 and 2.4 epochs
        (None, 1, (1,)),
        ("100,150", 200, (100, 150)),
        (" 3 , 5 ,", 9, (3, 5)),
        ("", 9, ()),
    ],
)
def test_milestones_are_read_or_taken_at_40_60_and_80_percent(text, epochs, milestones):
    given = {} if text is None else {"milestones": text}
    settings = TeacherSettings(dataset="d", architecture="a", optimiser="sgd", epochs=epochs, **given)
    assert settings.resolved().milestones == milestones


@pytest.mark.parametrize("text", ["5,3", "3,3", "0,2", "-1"])
def test_milestones_that_do_not_rise_are_refused(text):
    settings = TeacherSettings(dataset="d", architecture="a", optimiser="sgd", milestones=text)
    with pytest.raises(UsageError, match=f"--milestones {text}: write rising epochs, such as 100,150,200"):
        settings.resolved()


@pytest.mark.parametrize("text", ["two", "1.5", "1;2"])
def test_milestones_that_are_no_whole_numbers_are_refused(text):
    with pytest.raises(UsageError, match=f"--milestones: '{text}' is not whole numbers, such as 0,1,2"):
        TeacherSettings(dataset="d", architecture="a", optimiser="sgd", milestones=text)


def rates(schedule):
    factors = []
    for _ in schedule:
        factors.append(schedule.factor)
        schedule.finish_epoch(0.0)
    return factors


def test_a_cosine_takes_each_epochs_middle():
    middles = [0.5 * (1 + math.cos(math.pi * part)) for part in (1 / 6, 1 / 2, 5 / 6)]
    assert rates(Annealed(3, 9, "cosine")) == pytest.approx(middles)
    assert middles[1] == pytest.approx(0.5)


def test_one_cycle_rises_over_a_fifth_and_falls_to_the_end():
    # Ten epochs with middles at 0.05, 0.15, ...: up to 0.2, then down by 1/8 each.
    expected = [0.25, 0.75, *(1 - (k + 0.5) / 8 for k in range(8))]
    assert rates(Annealed(10, 99, "one-cycle")) == pytest.approx(expected)


def test_a_score_that_no_longer_rises_ends_an_annealed_run_and_the_best_network_is_kept():
    schedule = Annealed(100, 1, "cosine")
    assert follow(schedule, [0.5, 0.6, 0.6, 0.55]) == [0, 1, 2]
    assert (schedule.total, schedule.best_epoch, schedule.done) == (4, 3, True)


def test_where_scores_cannot_be_compared_all_epochs_are_run_and_the_last_network_is_kept():
    schedule = Annealed(4, 0, "cosine", selects=False)
    assert follow(schedule, [0.9, 0.5, 0.2, 0.3]) == [0, 1, 2, 3]
    assert (schedule.best_score, schedule.best_epoch) == (0.3, 4)


def test_an_annealed_run_goes_on_from_its_json():
    whole, part = Annealed(8, 2, "one-cycle"), Annealed(8, 2, "one-cycle")
    scores = [0.1, 0.2, 0.2, 0.3, 0.1, 0.1, 0.1]
    follow(whole, scores)
    for score in scores[:3]:
        part.finish_epoch(score)
    again = Annealed(**json.loads(json.dumps(part.to_json())))
    follow(again, scores[3:])
    assert again == whole
