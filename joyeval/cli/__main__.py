"""``python -m joyeval.cli`` is ``joyeval``."""

from joyeval.cli import main

main()
