"""Models that people use: read, and compared with what another runtime gave. They are kept outside of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import webkiln

SHARED = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared")) / "models"

# The file, the tensors beside it, the shapes to fix, and how far from the other runtime a result may be, relative to the largest.
MODELS = {
    "yolox_nano": ("yolox_nano/yolox_nano.onnx", "ref_yolox_nano", {}, 1e-4),
    # Steep edges of a mask: the same tolerance as for the masks of TFLite models.
    "ppocr_detection": ("ppocr_v4/ch_PP-OCRv4_det_infer.onnx", "ref_ch_PP-OCRv4_det_infer", {}, 1e-3),
    "ppocr_orientation": ("ppocr_v4/ch_ppocr_mobile_v2.0_cls_infer.onnx", "ref_ch_ppocr_mobile_v2.0_cls_infer", {}, 1e-4),
    # The smallest magnitudes of a spectrum are put on a logarithmic scale, and normalised.
    "basic_pitch": ("basic_pitch/nmp.onnx", "ref_onnx", {}, 3e-3),
    "silero_openvino": ("silero_vad/silero_vad_openvino_16k.onnx", "ref_silero_vad_openvino_16k", {}, 1e-4),
    "silero_op15": ("silero_vad/silero_vad_16k_op15.onnx", "ref_silero_vad_16k_op15", {"input": [1, 576], "state": [2, 1, 128]}, 1e-4),
    "silero_sequence": ("silero_vad/silero_vad_16k_sequence.onnx", "ref_silero_vad_16k_sequence", {"input": [31, 576]}, 1e-4),
    "minilm": ("minilm_l6_int8/model.onnx", "ref_model", {}, 1e-4),
}
TRANSPOSES = {"yolox_nano": 8}  # those that are left


def model(name: str) -> webkiln.Model:
    path = SHARED / MODELS[name][0]
    if not path.is_file():
        pytest.skip(f"no {MODELS[name][0]}; set WEBKILN_SHARED to the folder that has models/{MODELS[name][0]}")
    return webkiln.convert(path, inputs=MODELS[name][2] or None)


def tensors(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and outputs by name."""
    with np.load((SHARED / MODELS[name][0]).parent / f"{MODELS[name][1]}.npz") as stored:
        inputs = {key[3:]: array for key, array in stored.items() if key.startswith("in:")}
        return inputs, {key[4:]: array for key, array in stored.items() if key.startswith("out:")}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_reference_agrees_with_stored_tensors(name: str, tmp_path: Path) -> None:
    converted = model(name)
    converted.save(tmp_path / "out")
    inputs, expected = tensors(name)
    found = webkiln.load(tmp_path / "out").run(inputs)
    assert set(found) == set(expected)
    for output, array in expected.items():
        assert found[output].shape == array.shape
        assert found[output].dtype == array.dtype
        assert np.abs(found[output] - array).max() <= MODELS[name][3] * np.abs(array).max(), output


@pytest.mark.parametrize("name", sorted(TRANSPOSES))
def test_transposes_cancel(name: str) -> None:
    left = sum(1 for node in model(name).graph.nodes if node.op == "transpose")
    assert left <= TRANSPOSES[name]


def test_one_conversion_serves_all_lengths_and_batches() -> None:
    """The embedding of a text does not depend on the batch that it is in, nor on what is masked behind it."""
    converted = model("minilm")
    inputs, expected = tensors("minilm")
    name, alone = next(iter(expected.items()))
    length = alone.shape[1]
    wider = {key: np.zeros((3, length + 5), np.int64) for key in inputs}
    for key, array in inputs.items():
        wider[key][1, :length] = array[0]
    wider["attention_mask"][0] = wider["attention_mask"][2] = 1
    found = converted.run(wider)[name]
    assert found.shape == (3, length + 5, alone.shape[2])
    np.testing.assert_allclose(found[1, :length], alone[0], atol=2e-5)
