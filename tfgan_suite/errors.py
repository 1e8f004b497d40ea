"""The error for bad input: the input is wrong, not the program."""


class InputError(ValueError):
    """Bad input from the user: a path, a file, a size, an option, a folder that is in use.

    The message is one line and states what was found, what was expected and what to do. Recipes
    and `python -m tfgan_suite` print it and exit with code 2.
    """
