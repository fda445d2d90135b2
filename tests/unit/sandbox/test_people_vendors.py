"""The e-mail finder and the verifier."""

import httpx
import pytest

from sandbox.city import House
from sandbox.world import Town

FINDER_FIELDS = {
    "first_name", "last_name", "email", "score", "domain", "accept_all", "position", "twitter", "linkedin_url",
    "phone_number", "company", "sources", "verification",
}  # fmt: skip
VERDICT_FIELDS = {
    "address", "status", "sub_status", "free_email", "did_you_mean", "account", "domain", "domain_age_days",
    "smtp_provider", "mx_found", "mx_record", "firstname", "lastname", "gender", "country", "region", "city",
    "zipcode", "processed_at",
}  # fmt: skip


async def find(http: httpx.AsyncClient, **params: str) -> httpx.Response:
    """Ask the finder with the key in the header, as its documentation prefers."""
    return await http.get("/hunter/v2/email-finder", params=params, headers={"X-API-KEY": "test"})


async def test_an_owner_is_found_by_either_form_of_name(http: httpx.AsyncClient, house: House) -> None:
    first, last = house.owner.name.split(" ", 1)
    by_full = (await find(http, full_name=house.owner.name.upper())).json()
    by_parts = (await find(http, first_name=first, last_name=last, domain="inboxly.example")).json()
    assert set(by_full["data"]) == FINDER_FIELDS
    assert by_full["data"]["email"] == by_parts["data"]["email"] == house.owner.email
    assert 0 < by_full["data"]["score"] <= 100
    assert by_parts["meta"]["params"]["domain"] == "inboxly.example"


async def test_strangers_and_hidden_owners_are_not_found(http: httpx.AsyncClient, town: Town) -> None:
    hidden = next(house.owner for house in town.city.houses if not house.owner.email and not house.owner.company)
    for name in (hidden.name, "Nobody Whatsoever"):
        data = (await find(http, full_name=name)).json()["data"]
        assert (data["email"], data["score"]) == (None, None)


async def test_the_finder_wants_a_key_and_a_name(http: httpx.AsyncClient) -> None:
    refused = await http.get("/hunter/v2/email-finder", params={"full_name": "A B"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, 401)
    assert (await find(http, full_name="Mononym")).json()["errors"][0]["id"] == "wrong_params"


@pytest.mark.parametrize("status", ["valid", "invalid", "catch-all", "do_not_mail", "unknown"])
async def test_the_verifier_knows_every_address(http: httpx.AsyncClient, town: Town, status: str) -> None:
    email = next(h.owner.email for h in town.city.houses if h.owner.email and h.owner.mail_status == status)
    params = {"api_key": "test", "email": email, "ip_address": ""}
    verdict = (await http.get("/zerobounce/v2/validate", params=params)).json()
    assert set(verdict) == VERDICT_FIELDS
    assert (verdict["address"], verdict["status"]) == (email, status)


async def test_the_verifier_refuses_strangers_nonsense_and_missing_keys(http: httpx.AsyncClient) -> None:
    for email in ("stranger@inboxly.example", "not an address"):
        params = {"api_key": "test", "email": email}
        assert (await http.get("/zerobounce/v2/validate", params=params)).json()["status"] == "invalid"
    keyless = await http.get("/zerobounce/v2/validate", params={"email": "a@b.example"})
    assert (keyless.status_code, list(keyless.json())) == (200, ["error"])
