"""How near samples are to a proxy does not depend on the order of its files."""

from __future__ import annotations

import torch
from conftest import tiny_classifier

from degan_cli.engine import start
from degan_cli.loops.copies import SPACED, find_nearest


def test_near_means_the_same_whether_a_proxy_is_sorted_by_class_or_not() -> None:
    engine = start("cpu", "fp32")
    torch.manual_seed(0)
    plain = torch.randint(120, 124, (2 * SPACED, 1, 8, 8), dtype=torch.uint8)  # one class, all alike
    varied = torch.randint(256, (6 * SPACED, 1, 8, 8), dtype=torch.uint8)
    samples = torch.randint(256, (50, 1, 8, 8), dtype=torch.uint8)
    proxy = torch.cat([plain, varied])
    in_order, mixed = (
        find_nearest(engine, samples, images, tiny_classifier())
        for images in (proxy, proxy[torch.randperm(len(proxy))])
    )
    torch.testing.assert_close(in_order.levels, mixed.levels)
    torch.testing.assert_close(in_order.pixel_ratio, mixed.pixel_ratio, rtol=0.05, atol=0)
    assert 0.8 < float(in_order.pixel_ratio.median()) < 1.25
