"""``python -m treeoflife``: the command, where the environment's folder of scripts is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
