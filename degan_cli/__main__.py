"""``python -m degan_cli``, which is also what ``torchrun -m degan_cli`` starts."""

from degan_cli.app import main

if __name__ == "__main__":
    main()
