"""The one error that means "the input, not the program, is wrong"."""


class InputError(ValueError):
    """Bad input from the user: a path, a file, a size, an option, a folder in use.

    The message is one line and says what was found, what was expected and what to do.
    Recipes and `python -m tfgan_suite` print it and end with exit code 2.
    """
