"""What can go wrong for a person, said so that the next step is plain."""


class PrepError(Exception):
    """Base of every error shown without a traceback; the message ends with what to do next."""


class BadSetting(PrepError):
    """A PREP_ variable that cannot be what it says."""


class IndexMissing(PrepError):
    """Asked before anything was ingested."""


class IndexDamaged(PrepError):
    """The index on disk contradicts itself."""


class IndexBusy(PrepError):
    """Another process is writing the index."""


class ModelProblem(PrepError):
    """A model cannot be loaded, or its bytes are not the ones expected."""


class BadInput(PrepError):
    """A file that cannot be ingested; the message is the reason shown in the closing table."""
