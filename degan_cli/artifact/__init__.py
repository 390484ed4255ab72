"""Reads and writes model files: safetensors with a ``degan`` header, never a pickle.

No other part of the tool imports safetensors (dataset packs may).
"""

from .file import Artifact, read_artifact, read_header
from .hashes import file_sha256
from .header import Header, outputs_of
from .images import load_images, save_dataset, save_samples
from .networks import Loaded, load_classifier, load_generator, save_classifier, save_generator
from .safetensors_file import read_metadata, read_tensors, write_tensors
from .start import Start, read_start

__all__ = [
    "Artifact",
    "Header",
    "Loaded",
    "Start",
    "file_sha256",
    "load_classifier",
    "load_generator",
    "load_images",
    "outputs_of",
    "read_artifact",
    "read_header",
    "read_metadata",
    "read_start",
    "read_tensors",
    "save_classifier",
    "save_dataset",
    "save_generator",
    "save_samples",
    "write_tensors",
]
