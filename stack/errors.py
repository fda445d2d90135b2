"""What can go wrong, in words for the person at the keyboard."""


class StackError(Exception):
    """A component could not be started, found or stopped; the message says what to do."""
