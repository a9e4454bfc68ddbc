"""The report page of a result file."""

from cosim.report.page import write_report

__all__ = ["write_report"]
