"""Exhibits: what chapters, journals and the explorer show of one result, made in one place."""

from joyeval.exhibits.exhibit import Exhibit

__all__ = ["Exhibit"]
