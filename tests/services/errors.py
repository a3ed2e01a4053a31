"""What can go wrong with a service of the tests.

ServiceError
├── ServiceUnavailable   the machine lacks something: a program, a network, an engine
└── ServiceBroken        what is there does not do its work: a wrong file, a node that dies
"""


class ServiceError(Exception):
    """A service cannot be used; the text is one line for a person."""


class ServiceUnavailable(ServiceError):  # noqa: N818 - says what is the case, as its text does
    """This machine lacks what the service needs; tests skip with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ServiceBroken(ServiceError):  # noqa: N818 - as above
    """The service is there and does not work; tests fail with this."""
