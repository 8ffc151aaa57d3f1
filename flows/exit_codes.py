"""The sentence and the exit code for every kind of error that can end a command."""

from __future__ import annotations

import errno
import os
import sys

from chem_vae.errors import ChemVAEError, TooFewHitsError, UserError

TOO_FEW_HITS = 3
INTERRUPTED = "interrupted; run the same command again to resume"


def explain_error(error: BaseException) -> tuple[str, int]:
    """Return the message for the person and the exit code.

    It is 2 for the user's mistake, 1 for a failed run, 3 for a finished run with too few hits (--fail-under), 130 for Ctrl-C.
    """
    kind = type(error).__name__
    if isinstance(error, UserError):
        return f"error: {error}", 2
    if isinstance(error, TooFewHitsError):
        return f"error: {error}", TOO_FEW_HITS
    if isinstance(error, ChemVAEError):
        return f"error: {error}", 1
    if isinstance(error, SystemExit):  # of the process of another device, whose part is done
        return "", error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt) or kind == "Abort":
        return INTERRUPTED, 130
    if hasattr(error, "format_message"):  # an option or a command that typer does not know
        return _explain_usage(error)
    if isinstance(error, BrokenPipeError):
        _discard_output()
        return "", 1
    if isinstance(error, MemoryError):
        return "error: out of memory; try a smaller batch or model, or --limit", 1
    if isinstance(error, OSError):
        return _explain_system_error(error)
    text = " ".join(str(error).split())
    return f"error: {kind}: {text[:300]} (unexpected; run again with --debug for the traceback)", 1


def _explain_usage(error: BaseException) -> tuple[str, int]:
    message = str(error.format_message()).strip()  # type: ignore[attr-defined]
    if not message:  # the help was shown
        return "", 2
    command = getattr(getattr(error, "ctx", None), "command_path", None) or "chem-vae"
    return f"error: {message[:1].lower()}{message[1:].rstrip('.')}; see {command} --help", 2


def _explain_system_error(error: OSError) -> tuple[str, int]:
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"error: the disk is full{where}; make room and run the same command again, it goes on where it stopped",
            1,
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"error: no permission{where}; choose another folder with --workspace, or change the permission", 2
    reason = error.strerror or str(error) or type(error).__name__
    return f"error: {reason[:1].lower()}{reason[1:]}{where} (run again with --debug for the traceback)", 1


def _discard_output() -> None:
    """Discard the output that is left, because nobody reads it any more (`chem-vae runs | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
