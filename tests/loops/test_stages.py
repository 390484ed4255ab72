from degan_cli.loops.stages import Stages


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
