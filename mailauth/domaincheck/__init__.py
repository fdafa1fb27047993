"""A domain's whole mail setup: what it publishes, what is broken in it, what to publish instead."""

from mailauth.domaincheck.area import SCHEMA, Area, DomainReport, Published, Rule
from mailauth.domaincheck.check import check
from mailauth.domaincheck.signing import COMMON_SELECTORS

__all__ = ["COMMON_SELECTORS", "SCHEMA", "Area", "DomainReport", "Published", "Rule", "check"]
