"""Reading websites: politeness, bounds, and hosts that must not be read."""

from collections.abc import Callable

import httpx
import pytest

from integrations.http import ApiCall, VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.websites import MAX_PAGE_BYTES, MAX_PAGES, Websites

AGENT = "RidgelineBot/0.1 (+https://ridgeline.example/bot)"
PUBLIC = "93.184.215.14"
Handler = Callable[[httpx.Request], httpx.Response]


def html(body: str, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(
        status, text=f"<html><body>{body}</body></html>", headers={"content-type": "text/html", **headers}
    )


class Web:
    """The web: hosts with addresses, and a handler for what they answer."""

    def __init__(self, handler: Handler, allowed: str = "", **addresses: list[str]) -> None:
        self.asked: list[httpx.Request] = []
        self.calls: list[ApiCall] = []
        self._handler = handler
        self._addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.reader = Websites(
            self._book,
            AGENT,
            allowed_hosts=frozenset(filter(None, [allowed])),
            resolve=self._resolve,
            transport=httpx.MockTransport(self._answer),
        )

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]

    async def _resolve(self, host: str, port: int) -> list[str]:
        return self._addresses.get(host, [host])

    async def _book(self, call: ApiCall) -> None:
        self.calls.append(call)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._handler(request)


def site(pages: dict[str, httpx.Response], robots: httpx.Response | None = None) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/robots.txt":
            return robots or httpx.Response(404)
        return pages.get(request.url.path, httpx.Response(404))

    return answer


ONE = {"one_example": [PUBLIC]}


async def test_the_pages_that_describe_the_contractor_are_read_and_no_more() -> None:
    links = "".join(
        f'<a href="{href}">{words}</a>'
        for href, words in [
            ("/gallery", "Gallery"), ("/about", "About us"), ("/about#team", "About us"),
            ("https://other.example/about", "About"), ("/contact", "Contact"), ("mailto:a@one.example", "Contact us"),
            ("/services", "Services"), ("/team", "Team"),
            ("/contact2", "Contact two"), ("/contact3", "Contact three"), ("http://[broken", "Contact"),
        ]
    )  # fmt: skip
    pages = {
        "/": html(links),
        **{path: html(path) for path in ("/about", "/contact", "/services", "/team", "/contact2")},
    }
    web = Web(site(pages), **ONE)
    found = await web.reader.read("https://one.example")
    assert [page.text for page in found[1:]] == ["/contact", "/about", "/services", "/team", "/contact2"]
    assert len(found) == MAX_PAGES
    assert web.paths[0] == "/robots.txt"
    assert {request.url.host for request in web.asked} == {PUBLIC}
    assert {request.headers["host"] for request in web.asked} == {"one.example"}
    assert {request.extensions["sni_hostname"] for request in web.asked} == {"one.example"}
    assert {request.headers["user-agent"] for request in web.asked} == {AGENT}
    assert [call.operation for call in web.calls] == ["robots.txt", *["page"] * 6]


async def test_text_is_what_a_reader_sees() -> None:
    web = Web(
        site({"/": html("<script>var a='x@y.example'</script><style>p{}</style><p>One<br>two &amp; three</p>")}), **ONE
    )
    (page,) = await web.reader.read("one.example")
    assert page.text == "One two & three"


@pytest.mark.parametrize(
    ("robots", "reads"),
    [
        (httpx.Response(404), True),
        (httpx.Response(200, text="User-agent: *\nDisallow: /private"), True),
        (httpx.Response(200, text="User-agent: *\nDisallow: /"), False),
        (httpx.Response(200, text="User-agent: *\nDisallow:\n\nUser-agent: RidgelineBot\nDisallow: /"), False),
        (httpx.Response(200, text="User-agent: *\nDisallow: /*"), False),
        (httpx.Response(200, content=b"\xff\xfe\x00garbage"), True),
    ],
)
async def test_robots_decide(robots: httpx.Response, reads: bool) -> None:
    web = Web(site({"/": html("hello")}, robots), **ONE)
    if reads:
        assert await web.reader.read("http://one.example/")
    else:
        with pytest.raises(VendorRejected):
            await web.reader.read("http://one.example/")
        assert web.paths == ["/robots.txt"]


async def test_while_robots_cannot_say_nothing_is_read() -> None:
    web = Web(site({"/": html("hello")}, httpx.Response(503)), **ONE)
    with pytest.raises(VendorUnavailable):
        await web.reader.read("http://one.example/")
    assert web.paths == ["/robots.txt"]


async def test_a_site_that_asks_for_long_pauses_is_read_up_to_its_front_page() -> None:
    robots = httpx.Response(200, text="User-agent: *\nCrawl-delay: 60")
    web = Web(site({"/": html('<a href="/about">About</a>'), "/about": html("x")}, robots), **ONE)
    assert len(await web.reader.read("http://one.example/")) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "nonsense"],
)  # fmt: skip
async def test_hosts_that_lead_inside_are_refused(address: str) -> None:
    web = Web(site({"/": html("secret")}), one_example=[PUBLIC, address])
    with pytest.raises(VendorRejected):
        await web.reader.read("http://one.example/")
    assert web.asked == []
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://one.example/",
        "file:///etc/passwd",
        "http://u:p@one.example/",
        "http://one.example:22/",
        "http://",
        "http://[x",
    ],
)
async def test_what_is_no_public_web_address_is_refused(url: str) -> None:
    web = Web(site({"/": html("secret")}), **ONE)
    with pytest.raises(VendorRejected):
        await web.reader.read(url)
    assert web.asked == []


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/", "http://inside.example/", "//10.0.0.1/x", "gopher://one.example/", "http://[x"]
)
async def test_redirects_are_checked_like_first_requests(target: str) -> None:
    pages = {"/": httpx.Response(302, headers={"location": target})}
    web = Web(site(pages), one_example=[PUBLIC], inside_example=["192.168.0.9"])
    with pytest.raises(VendorRejected):
        await web.reader.read("http://one.example/")
    assert {request.url.host for request in web.asked} == {PUBLIC}


async def test_a_redirect_to_another_host_obeys_that_hosts_robots() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["host"] == "one.example":
            return (
                httpx.Response(404)
                if request.url.path == "/robots.txt"
                else httpx.Response(301, headers={"location": "http://two.example/home"})
            )
        return httpx.Response(200, text="User-agent: *\nDisallow: /home")

    web = Web(answer, one_example=[PUBLIC], two_example=["93.184.215.15"])
    with pytest.raises(VendorRejected):
        await web.reader.read("http://one.example/")
    assert web.paths == ["/robots.txt", "/", "/robots.txt"]


async def test_an_allowed_host_may_be_inside() -> None:
    web = Web(site({"/": html("fine")}), allowed="127.0.0.1:8080")
    assert await web.reader.read("http://127.0.0.1:8080/")
    with pytest.raises(VendorRejected):
        await web.reader.read("http://127.0.0.1:8081/")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.Response(404), VendorRejected),
        (httpx.Response(410), VendorRejected),
        (httpx.Response(500), VendorUnavailable),
        (httpx.Response(429), VendorUnavailable),
        (httpx.Response(200, json={}), VendorUnreadable),
        (html(""), VendorUnreadable),
        (html("x" * (MAX_PAGE_BYTES + 1)), VendorUnreadable),
        (httpx.Response(200, content=b"\x00\x01\x02" * 99, headers={"content-type": "text/html"}), VendorUnreadable),
        (httpx.Response(302, headers={"location": "/"}), VendorUnreadable),
    ],
)
async def test_a_site_that_cannot_be_read_says_why(answer: httpx.Response, failure: type[Exception]) -> None:
    web = Web(site({"/": answer}), **ONE)
    with pytest.raises(failure) as caught:
        await web.reader.read("http://one.example/")
    assert "one.example" not in str(caught.value)
    assert any(call.error for call in web.calls) or failure is not VendorUnavailable


async def test_nobody_there_is_unavailable() -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    for web in (Web(refused, **ONE), Web(refused, one_example=[])):
        with pytest.raises(VendorUnavailable):
            await web.reader.read("http://one.example/")


async def test_a_page_behind_the_front_page_that_fails_is_left_out() -> None:
    pages = {"/": html('<a href="/about">About</a><a href="/contact">Contact</a>'), "/contact": html("call us")}
    web = Web(site(pages), **ONE)
    assert [page.text for page in await web.reader.read("http://one.example/")] == ["About Contact", "call us"]
