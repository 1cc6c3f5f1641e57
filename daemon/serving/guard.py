"""Access control from a request's head alone: host, token, origin, content type, length.

A page of another site can make a browser send requests here: by another name for this address
(DNS rebinding: `Host`), across sites (`Origin`, `Sec-Fetch-Site`), or as a form (content type).
Every comparison is of whole strings.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from daemon.serving.generation import RequestError
from daemon.settings_serving import ServerSettings

Headers = Sequence[tuple[bytes, bytes]]
READING = frozenset({"GET", "HEAD"})
JSON_TYPES = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)
CURL_TYPE = "application/x-www-form-urlencoded"
"""curl's default content type; accepted for `/generate` where no browser can have sent it."""

CURL_PATH = "/generate"
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Health probes need no token: these answer nothing but yes or no."""

LOGIN_PATHS = frozenset({"/login", "/dashboard/login.js", "/dashboard/page.css"})
"""What a browser needs to log in."""

SESSION_POSTS = frozenset({"/v1/chat/completions", "/v1/feedback", "/logout"})
"""What a session opens besides reading: only the token opens the rest."""

BEARER = "bearer"
"""The scheme's name has no case (RFC 9110, 11.1)."""


@dataclass(frozen=True)
class AccessRules:
    """Which requests this server accepts."""

    hosts: frozenset[str]
    """Every `Host` that names this server."""
    token: str | None
    """The token requests must carry; None if none is needed."""
    max_body_bytes: int
    foreign_origins: frozenset[str] = frozenset()
    """Origins of pages elsewhere that may ask; none of them gets credentials."""

    @property
    def origins(self) -> frozenset[str]:
        """Every `Origin` that is this server's own."""
        return frozenset(f"http://{host}" for host in self.hosts)


def rules_of(settings: ServerSettings, token: str | None) -> AccessRules:
    """Return the rules for an address, its port and further names."""
    names = {in_url(settings.address), *settings.hosts}
    # A proxy may send the name alone.
    bare = set(settings.hosts)
    if settings.is_loopback or ip_address(settings.address).is_unspecified:
        names |= {"localhost", "127.0.0.1", "[::1]"}
    with_port = {f"{name}:{settings.port}" for name in names}
    # A browser leaves the standard port out.
    bare |= names if settings.port == 80 else set()
    origins = frozenset(settings.origins)
    return AccessRules(frozenset(with_port | bare), token, settings.max_body_bytes, origins)


def in_url(address: str) -> str:
    """Return an IP address as it is written in URLs and `Host`."""
    return f"[{address}]" if isinstance(ip_address(address), IPv6Address) else address


def refusal(
    method: str, path: str, headers: Headers, rules: AccessRules, *, in_session: bool = False
) -> RequestError | None:
    """Return why a request is refused; None if it is let through.

    A request `in_session` carries the cookie of a browser that has logged in.
    """
    return (
        _host(headers, rules)
        or (
            None
            if in_session and _session_opens(method, path, headers, rules)
            else _token(path, headers, rules)
        )
        or (
            None
            if foreign_origin(path, headers, rules) is not None
            else _site(method, headers, rules)
        )
        or (_no_body(headers) if method in READING else _body(method, path, headers, rules))
    )


def foreign_origin(path: str, headers: Headers, rules: AccessRules) -> str | None:
    """Return the origin of an allowed page elsewhere; the dashboard is for none of them."""
    origins = values(headers, "origin")
    if len(origins) != 1 or origins[0] not in rules.foreign_origins or _host(headers, rules):
        return None
    return None if path == "/" or path.startswith("/dashboard") else origins[0]


def preflight(method: str, path: str, headers: Headers, rules: AccessRules) -> str | None:
    """Return the allowed origin whose browser asks first whether it may; else None."""
    asks = values(headers, "access-control-request-method")
    return foreign_origin(path, headers, rules) if method == "OPTIONS" and asks else None


def values(headers: Headers, name: str) -> list[str]:
    """Return every value of a header, as it was sent."""
    key = name.encode()
    return [value.decode("latin-1") for found, value in headers if found.lower() == key]


def _host(headers: Headers, rules: AccessRules) -> RequestError | None:
    hosts = values(headers, "host")
    if len(hosts) != 1:
        return RequestError(400, "bad_host", "a request must carry one Host")
    if hosts[0].lower() not in rules.hosts:
        return RequestError(403, "foreign_host", "this server has another name: see server.hosts")
    return None


def _token(path: str, headers: Headers, rules: AccessRules) -> RequestError | None:
    if rules.token is None or path in OPEN_PATHS | LOGIN_PATHS:
        return None
    given = values(headers, "authorization")
    scheme, _, sent = (given[0] if len(given) == 1 else "").partition(" ")
    right = hmac.compare_digest(sent.encode("latin-1"), rules.token.encode("latin-1"))
    if right and scheme.lower() == BEARER:
        return None
    return RequestError(
        401, "no_token", "send 'Authorization: Bearer …' with the text of server.token"
    )


def _session_opens(method: str, path: str, headers: Headers, rules: AccessRules) -> bool:
    """Return whether a session is enough for a request, which must come from our own page.

    Another port of this host is the same site to a browser, which sends the cookie along.
    """
    origins, sites = values(headers, "origin"), values(headers, "sec-fetch-site")
    own = len(origins) == 1 and origins[0] in rules.origins
    if method in READING:
        return (own or not origins) and sites in ([], ["same-origin"], ["none"])
    return method == "POST" and path in SESSION_POSTS and own and sites == ["same-origin"]


def leads_to_login(method: str, headers: Headers, trouble: RequestError) -> bool:
    """Return whether a person opens a page for which they have to log in."""
    pages = any("text/html" in accepted for accepted in values(headers, "accept"))
    return trouble.code == "no_token" and method in READING and pages


def _site(method: str, headers: Headers, rules: AccessRules) -> RequestError | None:
    origins, sites = values(headers, "origin"), values(headers, "sec-fetch-site")
    if len(origins) > 1 or len(sites) > 1:
        return RequestError(400, "bad_origin", "Origin and Sec-Fetch-Site may be sent once")
    if origins and origins[0] not in rules.origins:
        return RequestError(403, "foreign_origin", "pages of other sites may not call this server")
    if not sites or sites[0] in ("same-origin", "none"):
        return None
    # A link on another page may lead here, but no other page may read or run anything here.
    modes, targets = values(headers, "sec-fetch-mode"), values(headers, "sec-fetch-dest")
    if method in READING and modes == ["navigate"] and targets == ["document"]:
        return None
    return RequestError(403, "cross_site", "pages of other sites may not call this server")


def _no_body(headers: Headers) -> RequestError | None:
    lengths = values(headers, "content-length")
    if values(headers, "transfer-encoding") or any(length.strip("0") for length in lengths):
        return RequestError(400, "unwanted_body", "this request takes no body")
    return None


def _body(method: str, path: str, headers: Headers, rules: AccessRules) -> RequestError | None:
    if method != "POST":
        return None
    if values(headers, "content-encoding"):
        return RequestError(415, "encoded_body", "send the body as it is, without Content-Encoding")
    types = values(headers, "content-type")
    kind = types[0].lower() if len(types) == 1 else ""
    by_browser = values(headers, "origin") or values(headers, "sec-fetch-site")
    if kind not in JSON_TYPES and not (kind == CURL_TYPE and path == CURL_PATH and not by_browser):
        return RequestError(415, "not_json", "send JSON, with 'Content-Type: application/json'")
    # The HTTP parser accepts only one length, of digits.
    if any(int(length) > rules.max_body_bytes for length in values(headers, "content-length")):
        return too_large(rules.max_body_bytes)
    return None


def too_large(limit: int) -> RequestError:
    """Return the error for a body over the limit."""
    return RequestError(
        413, "body_too_large", f"a body may have {limit} bytes (server.max_body_bytes)"
    )
