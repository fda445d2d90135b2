"""City permit portals: what every platform must offer, and which client reads which platform.

To add a platform write a class with the two methods of `PermitPortal` and enter it in `PLATFORMS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from domain.address import Address
from integrations.http import VendorHttp
from integrations.permit_rows import FieldMap, PermitPage
from integrations.socrata import SocrataDataset, SocrataPortal


class PermitPortal(Protocol):
    """A city's permits. Both methods raise the VendorErrors of `integrations.http`."""

    async def page(self, since: date, offset: int, limit: int) -> PermitPage:
        """Roof-related permits issued on or after `since`, oldest first."""
        ...

    async def at_address(self, address: Address) -> PermitPage:
        """Roof-related permits of any age at about this address."""
        ...


class PortalUnsupported(LookupError):
    """The city's portal cannot be read; the message says why in words for the operator."""


@dataclass(frozen=True, slots=True)
class PermitSource:
    """A city's row in `target_cities`, as far as its permit portal goes."""

    city: str
    state: str
    url: str | None
    platform: str | None
    config: Mapping[str, Any]


def _socrata(source: PermitSource, http: VendorHttp, app_token: str | None) -> PermitPortal:
    fields = FieldMap(source.config.get("field_map") or {})
    if not source.url:
        raise PortalUnsupported("the portal's URL is not known yet")
    missing = [name for name in ("permit_number", "address", "issue_date") if not fields.columns(name)]
    if missing:
        raise PortalUnsupported(f"the portal's columns for {', '.join(missing)} are not known yet")
    if not (fields.single("description") or fields.single("permit_type")):
        raise PortalUnsupported("no column that could tell roof work is known yet")
    return SocrataPortal(http, SocrataDataset(source.url, fields, source.city, source.state), app_token)


PLATFORMS: Mapping[str, Callable[[PermitSource, VendorHttp, str | None], PermitPortal]] = {"socrata": _socrata}


class PermitPortals:
    """Opens the portal of a city with the client of its platform."""

    def __init__(self, http: VendorHttp, app_token: str | None = None) -> None:
        self._http = http
        self._app_token = app_token

    def open(self, source: PermitSource) -> PermitPortal:
        """The city's portal; raises PortalUnsupported when no client can read it."""
        platform = (source.platform or "unknown").lower()
        build = PLATFORMS.get(platform)
        if build is None:
            raise PortalUnsupported(f"platform {platform} is not supported yet")
        return build(source, self._http, self._app_token)
