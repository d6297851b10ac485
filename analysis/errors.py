"""The one error that means: what you gave me cannot be used, and here is why."""


class InputError(ValueError):
    """Input from outside (a file, a table, a setting) that breaks its contract.

    The command line turns it into one readable message and exit code 2; nothing has been written by then.
    """
