"""Steps as CUDA graphs. Where no GPU is, a recorder of tensor operations stands for the graph: it repeats what was
computed, at the same addresses, and nothing that Python did; so it shows whether a step can be recorded at all.
"""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from conftest import SHAPE, TinyDiscriminator, TinyGenerator, run_distill, tiny_classifier
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from degan_cli.config import EnrichSettings
from degan_cli.config.stored import stored_run
from degan_cli.engine import start
from degan_cli.engine.step_graph import WARM_UP, StepGraph
from degan_cli.errors import UsageError
from degan_cli.loops.enrich import enrich
from degan_cli.methods import DaflSettings, DeganSettings
from degan_cli.methods.dafl import Dafl
from degan_cli.methods.degan import Degan
from degan_cli.models import Generator
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.specs import MethodParts

GPU = torch.cuda.is_available()


class Recorder(TorchDispatchMode):
    """What torch.cuda.CUDAGraph and torch.cuda.graph are together, for tensors of a CPU."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.own = set()
        self.before = []

    def __enter__(self):
        self.random = torch.get_rng_state()
        return super().__enter__()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function is not torch.ops.aten._local_scalar_dense.default, "the step reads a number back"
        inputs = tensors_of((args, kwargs))
        known = {address(tensor) for tensor in inputs}
        self.before += [(tensor, tensor.clone()) for tensor in inputs if address(tensor) not in self.own]
        result = function(*args, **(kwargs or {}))
        fresh = [(i, tensor) for i, tensor in enumerate(tensors_of(result)) if address(tensor) not in known]
        self.own |= {address(tensor) for _, tensor in fresh}
        self.calls.append((function, args, kwargs or {}, fresh))
        return result

    def __exit__(self, *exception):
        super().__exit__(*exception)
        for tensor, value in reversed(self.before):  # a recording computes nothing
            tensor.detach().copy_(value)
        torch.set_rng_state(self.random)

    @torch.no_grad()
    def replay(self):
        for function, args, kwargs, fresh in self.calls:
            again = tensors_of(function(*args, **kwargs))
            for i, tensor in fresh:
                tensor.copy_(again[i])


def tensors_of(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def address(tensor):
    return tensor.untyped_storage().data_ptr()


@pytest.fixture
def graphs(monkeypatch):
    """Makes engines whose steps are graphs, real ones where there is a GPU; and those made so far."""
    made = []

    class Graph(torch.cuda.CUDAGraph if GPU else Recorder):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    if GPU:
        return lambda: start("cuda", "fp32", seed=0, graphs=True), made
    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: graph)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    return lambda: replace(start("cpu", "fp32", seed=0), graphs=True), made


def plain():
    return start("cuda" if GPU else "cpu", "fp32", seed=0)


def equal(ours, theirs):
    """The same weights; on a GPU up to the order of sums."""
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-3 if GPU else 0, atol=1e-3 if GPU else 0)


def generator_of(engine, folder, method, settings):
    """A generator's weights after some updates."""
    classifier = engine.place(tiny_classifier(seed=1)).freeze()
    run = EnrichSettings(
        classifier="t", proxy="noise", latent=4, width=1, steps=12, batch_size=8, lr=1e-3, ema=0.9,
        graphs=engine.graphs, device=engine.device.type, precision="fp32",
    )  # fmt: skip
    torch.manual_seed(5)
    parts = MethodParts(
        engine=engine, generator=Generator(TinyGenerator(), "tiny", SHAPE), discriminator=TinyDiscriminator(),
        classifier=classifier, latent=4, lr=1e-3, settings=settings,
    )  # fmt: skip
    proxy = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    with Report("e", run.steps, folder, quiet=True) as report:
        kept, _ = enrich(engine, method(parts), classifier, proxy, run, checkpoint, report, StopWatch())
    return kept.state_dict()


@pytest.mark.parametrize(
    ("method", "settings"),
    [(Degan, DeganSettings(lambda_e=1.0)), (Degan, DeganSettings(bn_weight=0.1)), (Dafl, DaflSettings())],
)
def test_a_recorded_generator_learns_the_same(graphs, tmp_path, method, settings):
    engine, made = graphs
    ours = generator_of(engine(), tmp_path / "a", method, settings)
    assert len(made) == 1
    equal(ours, generator_of(plain(), tmp_path / "b", method, settings))


@pytest.mark.parametrize("augment", ["none", "strong"])
def test_a_recorded_student_learns_the_same_and_each_stage_is_recorded(graphs, tmp_path, tiny_generator, augment):
    engine, made = graphs
    ours = run_distill(tmp_path / "a", tiny_generator, engine=engine(), augment=augment)[0].state_dict()
    assert len(made) == 2
    equal(ours, run_distill(tmp_path / "b", tiny_generator, engine=plain(), augment=augment)[0].state_dict())


def test_every_call_is_one_step_on_its_own_images(graphs):
    graphs[0]()
    total = torch.zeros((), device="cuda" if GPU else "cpu")

    def step(images):
        total.add_(images.sum())
        return 2 * total

    recorded = StepGraph(step)
    calls = range(1, WARM_UP + 5)
    results = [float(recorded(torch.full((2, 1), float(n), device=total.device))) for n in calls]
    assert results == [4.0 * sum(range(1, n + 1)) for n in calls]
    assert len(graphs[1]) == 1


@pytest.mark.skipif(GPU, reason="CUDA has its own words for it")
def test_the_recorder_notices_a_number_that_is_read_back(graphs):
    recorded = StepGraph(lambda images: images * float(images.sum()))
    for _ in range(WARM_UP):
        recorded(torch.ones(2))
    with pytest.raises(AssertionError, match="reads a number back"):
        recorded(torch.ones(2))


def test_a_cpu_cannot_record():
    with pytest.raises(UsageError, match="--cuda-graphs needs a CUDA device, this one is cpu; leave it out"):
        start("cpu", "fp32", graphs=True)
