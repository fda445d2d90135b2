from datetime import date
from typing import Any

import httpx
import pytest

from domain.address import Address
from integrations.http import MAX_BODY_BYTES, VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.permit_rows import FieldMap
from integrations.portals import PermitPortals, PermitSource, PortalUnsupported
from integrations.socrata import SocrataDataset, SocrataPortal
from tests.unit.integrations.vendor import Vendor, says

URL = "https://data.example/resource/abcd-1234.json"
MAP = {
    "permit_number": "number",
    "address": "line",
    "issue_date": "issued",
    "description": "work",
    "permit_type": "kind",
}
ROW = {"number": "1", "line": "5 OAK ST", "issued": "2026-01-02T00:00:00.000", "work": "Reroof"}


def portal(vendor: Vendor, fields: dict[str, Any] = MAP, token: str | None = None) -> SocrataPortal:
    return SocrataPortal(vendor.http, SocrataDataset(URL, FieldMap(fields), "Austin", "TX"), token)


async def test_a_page_asks_in_a_stable_order_and_only_for_roofs() -> None:
    vendor = Vendor(says([ROW]))
    page = await portal(vendor, token="t").page(date(2026, 1, 1), 500, 250)
    assert [permit.permit_number for permit in page.records] == ["1"]
    assert vendor.params == {
        "$where": "issued >= '2026-01-01T00:00:00.000' AND (upper(work) like '%ROOF%' OR upper(work) like '%SHINGLE%'"
        " OR upper(kind) like '%ROOF%' OR upper(kind) like '%SHINGLE%')",
        "$order": "issued,:id",
        "$limit": "250",
        "$offset": "500",
    }
    assert vendor.requests[0].headers["X-App-Token"] == "t"
    assert vendor.requests[0].url.host == "data.example"


async def test_without_a_token_none_is_sent() -> None:
    vendor = Vendor(says([]))
    assert (await portal(vendor).page(date(2026, 1, 1), 0, 10)).rows == 0
    assert "X-App-Token" not in vendor.requests[0].headers


@pytest.mark.parametrize(
    ("line", "clause"),
    [
        ("5300 COPPER FINCH DR", "upper(line) like '5300 %COPPER%'"),
        ("12 N MAIN ST APT 4", "upper(line) like '12 %MAIN%'"),
        ("1 O'HARA_% LN", "upper(line) like '1 %HARA%'"),
        ("7 W ST", "upper(line) like '7 %W ST%'"),
    ],
)
async def test_an_address_is_asked_for_by_number_and_telling_word(line: str, clause: str) -> None:
    vendor = Vendor(says([]))
    await portal(vendor).at_address(Address(line, "Austin", "TX"))
    assert vendor.params["$where"].startswith(f"{clause} AND (upper(work)")


async def test_an_address_in_several_columns() -> None:
    vendor = Vendor(says([]))
    fields = {**MAP, "address": "street_number+street_direction+street_name"}
    await portal(vendor, fields).at_address(Address("5 N OAK ST", "Chicago", "IL"))
    assert vendor.params["$where"].startswith("street_number = '5' AND upper(street_name) like '%OAK%' AND")


@pytest.mark.parametrize(
    "body",
    [
        "<html>Service unavailable</html>",
        '[{"number": "1", "line"',
        b"\xff\xfe\x00garbage",
        b"",
        {"error": True, "message": "no"},
        '"text"',
        [1, 2, 3],
        [{"somebody": "renamed every column"}],
    ],
)
async def test_a_page_of_garbage_is_unreadable(body: Any) -> None:
    with pytest.raises(VendorUnreadable):
        await portal(Vendor(says(body))).page(date(2026, 1, 1), 0, 10)


async def test_a_page_without_end_is_unreadable() -> None:
    with pytest.raises(VendorUnreadable, match="larger than"):
        await portal(Vendor(says(b"[" + b" " * MAX_BODY_BYTES + b"]"))).page(date(2026, 1, 1), 0, 10)


async def test_a_very_long_page_is_read_whole() -> None:
    rows = [{**ROW, "number": str(index)} for index in range(20_000)]
    page = await portal(Vendor(says(rows))).page(date(2026, 1, 1), 0, 50_000)
    assert (page.rows, len(page.records), page.rejected) == (20_000, 20_000, ())


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (says("", 503), VendorUnavailable),
        (says("", 429, **{"Retry-After": "7"}), VendorUnavailable),
        (httpx.ReadTimeout("slow"), VendorUnavailable),
        (httpx.ConnectError("refused"), VendorUnavailable),
        (says({"code": "query.soql.no-such-column"}, 400), VendorRejected),
        (says("", 403), VendorRejected),
    ],
)
async def test_failures_are_sorted_and_metered(answer: Any, failure: type[Exception]) -> None:
    vendor = Vendor(answer)
    with pytest.raises(failure) as caught:
        await portal(vendor).at_address(Address("5300 COPPER FINCH DR", "Austin", "TX"))
    assert "COPPER" not in str(caught.value)
    assert [call.operation for call in vendor.calls] == ["permits at address"]
    assert vendor.calls[0].error is not None


def source(**changes: Any) -> PermitSource:
    values = {"city": "Austin", "state": "TX", "url": URL, "platform": "socrata", "config": {"field_map": MAP}}
    return PermitSource(**{**values, **changes})


def test_the_platform_chooses_the_client() -> None:
    assert isinstance(PermitPortals(Vendor().http).open(source()), SocrataPortal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"platform": "accela"}, "platform accela is not supported yet"),
        ({"platform": None}, "platform unknown is not supported yet"),
        ({"url": None}, "the portal's URL is not known yet"),
        ({"config": {}}, "the portal's columns for permit_number, address, issue_date are not known yet"),
        (
            {"config": {"field_map": {**MAP, "issue_date": None}}},
            "the portal's columns for issue_date are not known yet",
        ),
        (
            {"config": {"field_map": {**MAP, "description": None, "permit_type": "a b c"}}},
            "no column that could tell roof work is known yet",
        ),
    ],
)
def test_a_portal_we_cannot_read_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PortalUnsupported) as failure:
        PermitPortals(Vendor().http).open(source(**changes))
    assert str(failure.value) == reason
