"""What MediaPipe says of the pictures of `hand_pictures`; written to hands_oracle.json, which `test_hands` compares with.

python tests/tasks/hands_oracle.py        with mediapipe 0.10.21, NumPy and Pillow; it writes nothing where they are missing
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hand_pictures import pictures

FIXTURE = Path(__file__).with_name("hands_oracle.json")


def look() -> dict[str, list[dict[str, Any]]]:
    """Of each picture, the hands: 21 landmarks [x, y] in pixels, and the label for a picture that is mirrored."""
    import mediapipe  # type: ignore[import-not-found, unused-ignore]

    said = {}
    for name, picture in pictures().items():
        height, width = picture.shape[:2]
        with mediapipe.solutions.hands.Hands(static_image_mode=True, model_complexity=0, max_num_hands=2) as hands:
            found = hands.process(picture)
        said[name] = [
            {
                "landmarks": [[round(point.x * width, 2), round(point.y * height, 2)] for point in landmarks.landmark],
                "mirrored": sides.classification[0].label.lower(),
                "score": round(sides.classification[0].score, 4),
            }
            for landmarks, sides in zip(found.multi_hand_landmarks or [], found.multi_handedness or [], strict=True)
        ]
    return said


if __name__ == "__main__":
    try:
        FIXTURE.write_text(json.dumps(look()) + "\n")
    except ImportError as missing:
        print(f"{missing}: {FIXTURE.name} stays as it is")
