"""``python -m alveary``: the same as the command ``alveary``."""

from alveary.cli import main

main()
