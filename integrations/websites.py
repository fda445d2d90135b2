"""A contractor's own website, read politely and warily (spec 3.6.2; architecture, "trust nothing from outside").

The address comes from a directory anybody can write to. So every host is resolved by us and refused when it
is not a public address, and the connection then goes to the very address that was checked; redirects are
checked like first requests; robots.txt decides (RFC 9309), a few pages of one host are enough, and sizes and
times are bounded.
"""

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from protego import Protego
from selectolax.lexbor import LexborHTMLParser

from config.settings import Settings
from domain.websites import Link, PageFacts
from integrations.http import ApiCall, CallMeter, VendorError, VendorRejected, VendorUnavailable, VendorUnreadable

VENDOR = "website"
MAX_PAGES = 6
MAX_PAGE_BYTES = 2_000_000
MAX_ROBOTS_BYTES = 512_000
"""RFC 9309 asks a crawler to read at least 500 kibibytes."""
MAX_TEXT = 100_000
MAX_LINKS = 500
MAX_REDIRECTS = 4
READ_SECONDS = 45.0
"""For all pages of a site together."""
PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
"""A site that asks for longer pauses is read up to its front page only."""
PUBLIC_PORTS = frozenset({80, 443})

WORTH_READING = (
    re.compile(r"\bcontact|get in touch|reach us", re.IGNORECASE),
    re.compile(r"\babout|who we are|our story|company|history", re.IGNORECASE),
    re.compile(r"\bservices?|what we do|residential|roof(?:ing)? repair", re.IGNORECASE),
    re.compile(r"\bteam|staff|crew|people", re.IGNORECASE),
    re.compile(r"\bcertif|licen[cs]|credential|warrant|insur", re.IGNORECASE),
)
"""Words of links behind which a contractor is described, most telling first."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_SPACES = re.compile(r"\s+")
_UNSEEN = ("script", "style", "noscript", "template", "svg", "iframe")

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one address, within bounds. `target` is where a redirect leads."""

    url: str
    status: int
    media_type: str
    content: bytes
    target: str | None = None


@dataclass(slots=True)
class _Visit:
    """One reading of a site: what its hosts allow, how long it may still take."""

    deadline: float
    robots: dict[str, Protego] = field(default_factory=dict)
    pause: float = PAUSE_SECONDS


class Websites:
    """Reads sites. Raises VendorErrors whose messages never hold an address."""

    def __init__(
        self,
        meter: CallMeter,
        user_agent: str,
        *,
        timeout: float = 15.0,
        allowed_hosts: frozenset[str] = frozenset(),
        resolve: Resolve | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._meter = meter
        self._user_agent = user_agent
        self._allowed = allowed_hosts
        self._resolve = resolve or _addresses
        # No proxy from the environment: it would connect to hosts that we did not check.
        self._client = httpx.AsyncClient(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            headers={"user-agent": user_agent, "accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1"},
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=0),
        )

    @classmethod
    def from_settings(cls, settings: Settings, meter: CallMeter) -> "Websites":
        """A reader that calls itself what the settings say, and may read what they allow besides public hosts."""
        allowed = frozenset(host.strip().lower() for host in settings.crawler_allowed_hosts.split(",") if host.strip())
        return cls(meter, settings.vendor_user_agent, timeout=settings.vendor_timeout_seconds, allowed_hosts=allowed)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def read(self, url: str) -> tuple[PageFacts, ...]:
        """The front page and up to MAX_PAGES - 1 pages of its host that describe the contractor.

        VendorUnavailable: nobody answers. VendorRejected: gone, forbidden by robots.txt, or no public address.
        VendorUnreadable: no page of HTML, or too large. A page behind the front page that fails is left out.
        """
        visit = _Visit(deadline=time.monotonic() + READ_SECONDS)
        try:
            async with asyncio.timeout(READ_SECONDS):
                front = _page(await self._fetch(_with_scheme(url), visit))
        except TimeoutError as failure:
            raise VendorUnavailable(VENDOR, "page", "timed out") from failure
        pages = [front]
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + visit.deadline - time.monotonic()):
                for link in self._chosen(front, visit):
                    await asyncio.sleep(visit.pause)
                    try:
                        pages.append(_page(await self._fetch(link, visit)))
                    except VendorError:
                        continue
        except TimeoutError:
            pass
        return tuple(pages)

    def _chosen(self, front: PageFacts, visit: _Visit) -> list[str]:
        if visit.pause > LONGEST_PAUSE_SECONDS:
            return []
        home = _origin(front.url)
        found: dict[str, int] = {}
        for link in front.links:
            address = urldefrag(link.href).url
            rank = next((at for at, words in enumerate(WORTH_READING) if words.search(link.text)), None)
            if rank is not None and address != front.url and _origin(address) == home:
                found[address] = min(rank, found.get(address, rank))
        # One page for each kind of words first, then the others.
        ordered = sorted(found, key=lambda address: found[address])
        kinds: dict[int, str] = {}
        for address in ordered:
            kinds.setdefault(found[address], address)
        return list(dict.fromkeys([*kinds.values(), *ordered]))[: MAX_PAGES - 1]

    async def _fetch(self, url: str, visit: _Visit) -> Answer:
        """The page at `url` or where it redirects to, each hop allowed by its host's robots.txt."""
        for _ in range(MAX_REDIRECTS + 1):
            if _parts(url) is None:
                raise VendorRejected(VENDOR, "page", "not a web address", 400)
            robots = await self._robots(url, visit)
            if not robots.can_fetch(url, self._user_agent):
                raise VendorRejected(VENDOR, "page", "robots.txt forbids it", 403)
            answer = await self._get("page", url, MAX_PAGE_BYTES)
            if answer.target is None:
                _check(answer)
                return answer
            url = answer.target
        raise VendorUnreadable(VENDOR, "page", "it redirects in circles")

    async def _robots(self, url: str, visit: _Visit) -> Protego:
        """The rules of the host: none where it has no file; everything forbidden while it cannot say (RFC 9309 2.3)."""
        origin = _origin(url)
        if origin not in visit.robots:
            rules = Protego.parse(await self._robots_text(f"{origin}/robots.txt"))
            visit.robots[origin] = rules
            visit.pause = max(visit.pause, float(rules.crawl_delay(self._user_agent) or 0))
        return visit.robots[origin]

    async def _robots_text(self, url: str) -> str:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._get("robots.txt", url, MAX_ROBOTS_BYTES, cut=True)
            if answer.target is None:
                if answer.status >= 500 or answer.status == 429:
                    raise VendorUnavailable(VENDOR, "robots.txt", f"HTTP {answer.status}")
                return answer.content.decode("utf-8", "replace") if answer.status == 200 else ""
            url = answer.target
        return ""

    async def _get(self, operation: str, url: str, most: int, *, cut: bool = False) -> Answer:
        """One request to a checked address, metered. With `cut` a body that is too large is used as far as it goes."""
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        try:
            request = await self._request(operation, url)
            response = await self._client.send(request, stream=True)
            try:
                status = response.status_code
                target = _target(url, response)
                content = b"" if target else await _body(operation, response, most, cut=cut)
            finally:
                await response.aclose()
            if operation == "page" and status >= 400:
                error = f"HTTP {status}"
            media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
            return Answer(url, status, media_type, content, target)
        except httpx.TimeoutException as failure:
            error = "timed out"
            raise VendorUnavailable(VENDOR, operation, error) from failure
        except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, OSError) as failure:
            error = type(failure).__name__
            raise VendorUnavailable(VENDOR, operation, error) from failure
        except VendorError as failure:
            error = str(failure)
            raise
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, operation, "GET", status, elapsed, Decimal(0), error))

    async def _request(self, operation: str, url: str) -> httpx.Request:
        """A request to the address that was checked, not to the name, which could resolve differently in between."""
        parts = _parts(url)
        if parts is None:
            raise VendorRejected(VENDOR, operation, "not a web address", 400)
        scheme, host, port = parts
        address = await self._checked(operation, host, port)
        netloc = f"[{address}]" if ":" in address else address
        direct = httpx.URL(url).copy_with(netloc=f"{netloc}:{port}".encode())
        default = port == (443 if scheme == "https" else 80)
        named = f"[{host}]" if ":" in host else host
        headers = {"host": named if default else f"{named}:{port}"}
        return self._client.build_request("GET", direct, headers=headers, extensions={"sni_hostname": host})

    async def _checked(self, operation: str, host: str, port: int) -> str:
        """An address of the host; refuses hosts any of whose addresses is not public."""
        addresses = list(await self._resolve(host, port))
        if not addresses:
            raise VendorUnavailable(VENDOR, operation, "the host has no address")
        if f"{host}:{port}" in self._allowed or host in self._allowed:
            return addresses[0]
        if port not in PUBLIC_PORTS or not all(map(_public, addresses)):
            raise VendorRejected(VENDOR, operation, "not a public address", 403)
        return addresses[0]


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _public(address: str) -> bool:
    """Whether an address is on the internet: not loopback, private, link-local, shared, reserved or multicast."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    return (embedded or ip).is_global and not (embedded or ip).is_multicast


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to by mapping, 6to4, Teredo or NAT64."""
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"https://{url}"


def _parts(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a web address, or None: no other schemes, no user names."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _target(url: str, response: httpx.Response) -> str | None:
    location: str | None = response.headers.get("location")
    if response.status_code not in _REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return location


async def _body(operation: str, response: httpx.Response, most: int, *, cut: bool) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes(65_536):
        content += chunk
        if len(content) > most:
            if cut:
                return bytes(content[:most])
            raise VendorUnreadable(VENDOR, operation, f"larger than {most} bytes")
    return bytes(content)


def _check(answer: Answer) -> None:
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise VendorUnavailable(VENDOR, "page", f"HTTP {answer.status}")
    if answer.status != 200:
        raise VendorRejected(VENDOR, "page", f"HTTP {answer.status}", answer.status)
    if answer.media_type not in _HTML:
        raise VendorUnreadable(VENDOR, "page", "not a page of HTML")


def _page(answer: Answer) -> PageFacts:
    """Title, visible text and links of a page. Raises VendorUnreadable when nothing can be read."""
    if b"\x00" in answer.content[:4096]:
        raise VendorUnreadable(VENDOR, "page", "not text")
    tree = LexborHTMLParser(answer.content)
    links = tuple(_links(tree, answer.url))
    title = tree.css_first("title")
    tree.strip_tags(list(_UNSEEN))
    text = _SPACES.sub(" ", tree.body.text(separator=" ") if tree.body else "").strip()[:MAX_TEXT]
    if not text and not links:
        raise VendorUnreadable(VENDOR, "page", "an empty page")
    return PageFacts(answer.url, _SPACES.sub(" ", title.text() if title else "").strip()[:300], text, links)


def _links(tree: LexborHTMLParser, base: str) -> Iterable[Link]:
    for node in tree.css("a[href]")[:MAX_LINKS]:
        href = (node.attributes.get("href") or "").strip()
        try:
            absolute = href if href.lower().startswith(("mailto:", "tel:")) else urljoin(base, href)
            urlsplit(absolute)
        except ValueError:
            continue
        if len(absolute) <= 2_000:
            yield Link(absolute, _SPACES.sub(" ", node.text(separator=" ")).strip()[:200])
