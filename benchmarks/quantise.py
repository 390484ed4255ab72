"""Turn an exported classifier into int8 with onnxruntime, calibrated on stored samples; see docs/calibrate.md.

python quantise.py MODEL.onnx SAMPLES.safetensors RESULT.onnx
"""

import sys

from onnxruntime.quantization import CalibrationDataReader, quantize_static
from safetensors.numpy import load_file


class Samples(CalibrationDataReader):
    """Stored images, uint8 (N, C, H, W), a batch at a time as pixels in [0, 1], which is what the network takes."""

    def __init__(self, path, batch=50):
        images = load_file(path)["images"]
        self.batches = (images[first : first + batch] for first in range(0, len(images), batch))

    def get_next(self):
        """The next batch by the name of the network's input, None at the end."""
        batch = next(self.batches, None)
        return None if batch is None else {"pixels": batch.astype("float32") / 255}


if __name__ == "__main__":
    model, samples, result = sys.argv[1:]
    quantize_static(model, result, Samples(samples))
