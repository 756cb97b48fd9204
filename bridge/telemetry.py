"""Logs: one wide structlog line per step, JSON on standard error; the keys that may stand in one are listed here."""

import logging
import sys
from typing import Final

import structlog

KEYS: Final = frozenset(
    {
        "event", "level", "timestamp", "role",
        "transfer_id", "ledger", "height", "step", "epoch", "attempt", "duration_ms", "error",
        "notary", "signers", "items", "reference", "address", "status", "reason", "transactions", "gas_used", "lane",
        "chain_id", "version",
    }
)  # fmt: skip
"""Never a key, nonce or share."""


def configure(role: str, *, level: int = logging.INFO) -> None:
    """Set logging up for one process; `role` stands in every line. Called once, in a composition root."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)


def crash_text(error: Exception) -> str:
    """Name an error that nobody foresaw by type and text; of a group, each that is in it."""
    if isinstance(error, ExceptionGroup):
        return "; ".join(crash_text(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"
