"""Hunter's e-mail finder and domain search, and ZeroBounce's verifier."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from domain.companies import normal_name
from sandbox.city import Person
from sandbox.companies import Firm
from sandbox.names import MAIL_DOMAINS
from sandbox.world import Town, World

SUB_STATUS = {"invalid": "mailbox_not_found", "do_not_mail": "role_based", "unknown": "timeout_exceeded"}


def router(world: World) -> APIRouter:
    """Routes under /hunter and /zerobounce."""
    routes = APIRouter()

    @routes.get("/hunter/v2/email-finder")
    def find(
        request: Request,
        api_key: str = "",
        domain: str | None = None,
        company: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        full_name: str | None = None,
        max_duration: int | None = None,
    ) -> Response:
        if not (api_key or request.headers.get("x-api-key") or request.headers.get("authorization")):
            return _refused(401, "authentication_failed", "No user found for the API key supplied")
        name = " ".join((full_name or f"{first_name or ''} {last_name or ''}").split())
        if " " not in name:
            return _refused(400, "wrong_params", "You are missing the first name and the last name, or the full name")
        person = next((found for town in world.towns.values() if (found := town.city.by_owner.get(name.lower()))), None)
        params = {
            "first_name": first_name,
            "last_name": last_name,
            "full_name": full_name,
            "domain": domain,
            "company": company,
            "max_duration": max_duration,
        }
        return JSONResponse({"data": _found(name, person), "meta": {"params": params}})

    @routes.get("/hunter/v2/domain-search")
    def search(
        request: Request, api_key: str = "", domain: str | None = None, company: str | None = None, limit: int = 10
    ) -> Response:
        if not (api_key or request.headers.get("x-api-key") or request.headers.get("authorization")):
            return _refused(401, "authentication_failed", "No user found for the API key supplied")
        if not (domain or company):
            return _refused(400, "wrong_params", "You are missing the domain parameter and the company parameter")
        firm = _firm(world, domain, company)
        params = {"domain": domain, "company": company, "type": None, "seniority": None, "department": None}
        mailboxes = [_mailbox(firm)] if firm and firm.in_finder else []
        data = _organisation(firm.mail_domain if firm else domain, firm.name if firm else company, mailboxes)
        meta = {"results": len(mailboxes), "limit": limit, "offset": 0, "params": params}
        return JSONResponse({"data": data, "meta": meta})

    @routes.get("/zerobounce/v2/validate")
    def validate(api_key: str = "", email: str = "", ip_address: str = "") -> Response:
        if not api_key:
            # The real service answers bad keys with 200, too.
            return JSONResponse({"error": "Invalid API key or your account ran out of credits"})
        if not email:
            return JSONResponse({"error": "Missing parameter: email"}, status_code=400)
        status = next((found for town in world.towns.values() if (found := _known(town, email.lower()))), "invalid")
        return JSONResponse(_verdict(email, status))

    return routes


def _found(name: str, person: Person | None) -> dict[str, object]:
    first, _, last = (person.name if person else name).partition(" ")
    email = person.email if person else None
    return {
        "first_name": first,
        "last_name": last,
        "email": email,
        "score": person.finder_score if person and email else None,
        "domain": email.partition("@")[2] if email else None,
        "accept_all": person.mail_status == "catch-all" if person and email else None,
        "position": None,
        "twitter": None,
        "linkedin_url": None,
        "phone_number": person.phone if person and person.phone_found else None,
        "company": None,
        "sources": [],
        "verification": {"date": None, "status": None},
    }


def _known(town: Town, email: str) -> str | None:
    return town.city.by_email.get(email) or town.directory.by_email.get(email)


def _firm(world: World, domain: str | None, company: str | None) -> Firm | None:
    """The company of a domain, or without one the first of that name."""
    for town in world.towns.values():
        if domain:
            firm = town.directory.by_domain.get(domain.lower())
        else:
            name = normal_name(company or "")
            firm = next((one for one in town.directory.firms if normal_name(one.name) == name), None)
        if firm is not None:
            return firm
    return None


def _mailbox(firm: Firm) -> dict[str, object]:
    unknown = (
        "first_name", "last_name", "position", "seniority", "department", "linkedin", "twitter", "phone_number",
    )  # fmt: skip
    return {
        "value": firm.email,
        "type": "generic",
        "confidence": 82,
        "sources": [],
        **dict.fromkeys(unknown),
        "verification": {"date": None, "status": None},
    }


def _organisation(domain: str | None, name: str | None, mailboxes: list[dict[str, object]]) -> dict[str, object]:
    return {
        "domain": domain,
        "disposable": False,
        "webmail": False,
        "accept_all": False,
        "pattern": None,
        "organization": name,
        "emails": mailboxes,
        "linked_domains": [],
    }


def _refused(status: int, code: str, details: str) -> JSONResponse:
    return JSONResponse({"errors": [{"id": code, "code": status, "details": details}]}, status_code=status)


def _verdict(email: str, status: str) -> dict[str, object]:
    account, _, domain = email.partition("@")
    if "@" not in email:
        status, sub_status = "invalid", "failed_syntax_check"
    else:
        sub_status = SUB_STATUS.get(status, "")
    reachable = domain in MAIL_DOMAINS or status == "valid"
    return {
        "address": email,
        "status": status,
        "sub_status": sub_status,
        "free_email": domain in MAIL_DOMAINS,
        "did_you_mean": None,
        "account": account,
        "domain": domain,
        "domain_age_days": "9692" if reachable else None,
        "smtp_provider": "example" if reachable else None,
        "mx_found": "true" if reachable else "false",
        "mx_record": f"mx.{domain}" if reachable else None,
        "firstname": None,
        "lastname": None,
        "gender": None,
        "country": None,
        "region": None,
        "city": None,
        "zipcode": None,
        "processed_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
    }
