"""A sweep of small students of digits, over temperatures and seeds."""

TEXT = """
metrics = ["accuracy"]

[[step]]
command = "teacher"
dataset = "digits"
arch = "lenet"
epochs = 1
seed = 0

[[step]]
command = "distill"
teacher = "{teacher}"
samples = "digits:2,3,8"
student = "lenet-half"
epochs = 1
steps_per_epoch = 2
held_out = 32

[[step]]
command = "eval"
model = "{distill}"
dataset = "digits"

[grid]
"distill.temperature" = [1, 4]
seed = [0, 1, 2]
"""


def digits_sweep(epochs: int = 1, steps_per_epoch: int = 2, seeds: int = 3) -> str:
    """The file, with so many updates of each student and so many seeds."""
    longer = TEXT.replace("epochs = 1\nsteps_per_epoch = 2", f"epochs = {epochs}\nsteps_per_epoch = {steps_per_epoch}")
    return longer.replace("seed = [0, 1, 2]", f"seed = {list(range(seeds))}")
