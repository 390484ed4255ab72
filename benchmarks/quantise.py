"""Turn an exported classifier into int8 with onnxruntime, calibrated on stored samples; see docs/calibrate.md.

python quantise.py MODEL.onnx SAMPLES.safetensors RESULT.onnx
"""

import sys

import numpy as np
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from safetensors.numpy import load_file


class Pixels(CalibrationDataReader):
    """Images, uint8 (N, C, H, W), 50 at a time as pixels in [0, 1], which is what the network takes."""

    def __init__(self, images):
        self.batches = (images[first : first + 50] for first in range(0, len(images), 50))

    def get_next(self):
        """The next batch by the name of the network's input; None at the end."""
        batch = next(self.batches, None)
        return None if batch is None else {"pixels": batch.astype("float32") / 255}


def classes(model, images):
    """The index of the class (N,) that a network gives each image."""
    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, batch)[0].argmax(1) for batch in iter(Pixels(images).get_next, None)])


if __name__ == "__main__":
    model, samples, result = sys.argv[1:]
    images = load_file(samples)["images"]
    quantize_static(model, result, Pixels(images))
    kept = (classes(model, images) == classes(result, images)).mean()
    print(f"{kept:.1%} of the samples keep their class")
