from degan_cli.images import within


def test_small_images_keep_their_batches():
    for most in (250, 256, 500, 512):
        assert within(most, (3, 32, 32)) == within(most, (1, 28, 28)) == most


def test_large_images_come_in_smaller_batches_by_their_pixels():
    assert within(512, (3, 64, 64)) == 128  # a quarter
    assert within(512, (3, 224, 224)) == 10  # 512 / 49
    assert within(512, (3, 32, 32), (3, 224, 224)) == 10  # what they are scaled to counts
    assert within(4, (3, 224, 224)) == 4
    assert within(512, (3, 4096, 4096)) == 1
    assert within(512, (3, 4096, 4096), least=16) == 16
    assert within(1000, (3, 128, 128), values=1000 * 3 * 64 * 64) == 250
