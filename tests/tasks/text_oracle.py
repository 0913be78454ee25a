"""Writes what rapidocr-onnxruntime 1.4.4 reads in the pictures of text_pictures.py: text_oracle.json.

python text_oracle.py astronaut.png (the gallery's sample of movenet_lightning)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        print("rapidocr-onnxruntime is not installed; text_oracle.json stays as it is")
        return
    from PIL import Image
    from text_pictures import pictures

    engine = RapidOCR()
    read = {}
    for name, picture in pictures(Image.open(sys.argv[1]).convert("RGB")).items():
        lines, _ = engine(picture[..., ::-1].copy())
        read[name] = [text for _, text, _ in lines or []]
    Path(__file__).with_name("text_oracle.json").write_text(json.dumps(read, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
