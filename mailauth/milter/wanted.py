"""What a milter asks of the MTA: the actions that its settings need, and the steps.

It asks for nothing that is not needed: if the MTA forbids an action, all its mail is
deferred, and each step that is left out saves a wait.
"""

from typing import Final

from mailauth.milter.protocol.options import Actions, Steps, Wanted
from mailauth.milter.settings import Action, Settings

STEPS: Final = (
    Steps.NO_UNKNOWN
    | Steps.NO_DATA
    | Steps.NO_REPLY_CONNECT
    | Steps.NO_REPLY_HELO
    | Steps.NO_REPLY_MAIL
    | Steps.NO_REPLY_DATA
    | Steps.NO_REPLY_UNKNOWN
    | Steps.NO_REPLY_HEADER
    | Steps.NO_REPLY_END_OF_HEADERS
    | Steps.NO_REPLY_BODY
    | Steps.LEADING_SPACE
)
"""One reply for the content of a message, at its end: nothing is decided earlier."""
WITHOUT_RECIPIENTS: Final = Steps.NO_RECIPIENTS | Steps.NO_REPLY_RECIPIENT
"""Recipients matter only for SRS."""
OF_ENVELOPE: Final = (
    Actions.CHANGE_FROM
    | Actions.ADD_RECIPIENTS
    | Actions.ADD_RECIPIENTS_WITH_ARGUMENTS
    | Actions.DELETE_RECIPIENTS
)


def wanted(settings: Settings) -> Wanted:
    """The actions and steps that these settings need."""
    signing, verifying = settings.signing, settings.verifying
    actions = Actions.NONE
    follow: set[Action] = set()
    if verifying is not None:
        actions |= Actions.ADD_HEADERS | Actions.CHANGE_HEADERS
        follow |= verifying.actions
    if signing is not None:
        actions |= Actions.ADD_HEADERS
        follow |= {signing.on_unsignable, signing.on_not_allowed}
    if Action.QUARANTINE in follow:
        actions |= Actions.QUARANTINE
    if settings.srs is None:
        return Wanted(actions, STEPS | WITHOUT_RECIPIENTS)
    without = Steps.NO_BODY if signing is None and verifying is None else Steps.NONE
    return Wanted(actions | OF_ENVELOPE, STEPS | without)
