"""What a converted model is handed over with: pages, a single file, a typed wrapper, snippets, a model card."""

from __future__ import annotations

from webkiln.handover.write import hand_over

__all__ = ["hand_over"]
