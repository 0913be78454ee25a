"""Writes the archive that MediaPipe's pose task loads, from the same two TFLite files; needs the package mediapipe.

    python task_archive.py DETECTOR LANDMARKS OUT

The task refuses models whose metadata do not say how pixels become inputs, so that is added; nothing else of them changes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import flatbuffers
from mediapipe.tasks.metadata import metadata_schema_py_generated as schema
from mediapipe.tasks.python.metadata.metadata import MetadataPopulator

# Name in the archive, what pixels are less and divided by, number of outputs.
PARTS = (("pose_detector.tflite", 127.5, 127.5, 2), ("pose_landmarks_detector.tflite", 0.0, 255.0, 5))


def metadata(mean: float, deviation: float, outputs: int) -> bytes:
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, schema.NormalizationOptionsT()
    unit.options.mean, unit.options.std = [mean], [deviation]
    image = schema.TensorMetadataT()
    image.name, image.processUnits, image.content = "image", [unit], schema.ContentT()
    image.content.contentPropertiesType, image.content.contentProperties = schema.ContentProperties.ImageProperties, schema.ImagePropertiesT()
    image.content.contentProperties.colorSpace = schema.ColorSpaceType.RGB
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata, subgraph.outputTensorMetadata = [image], [schema.TensorMetadataT() for _ in range(outputs)]
    model = schema.ModelMetadataT()
    model.name, model.subgraphMetadata = "pose", [subgraph]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"M001")
    return bytes(builder.Output())


def main(detector: str, landmarks: str, out: str) -> None:
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for source, (name, mean, deviation, outputs) in zip((detector, landmarks), PARTS, strict=True):
            file = Path(scratch, name)
            shutil.copyfile(source, file)
            populator = MetadataPopulator.with_model_file(str(file))
            populator.load_metadata_buffer(metadata(mean, deviation, outputs))
            populator.populate()
            archive.write(file, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
