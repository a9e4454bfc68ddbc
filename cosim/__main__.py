"""``python -m cosim`` is the command ``cosim``."""

from cosim.cli import main

if __name__ == "__main__":
    main()
