"""Prometheus metrics of the server; no prompt, path or address is among them."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class ServerMetrics:
    """Counters and latencies of one server; every label has few values."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "finetuned_requests",
            "Requests by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "finetuned_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._first = Histogram(
            "finetuned_first_token_seconds",
            "From a request to the first token of its answer.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._answers = Counter(
            "finetuned_answers",
            "Answers by version and how they ended.",
            ("version", "end"),
            registry=self._registry,
        )
        self._tokens = Counter(
            "finetuned_tokens",
            "Tokens by version, of prompts and of answers.",
            ("version", "kind"),
            registry=self._registry,
        )
        self._errors = Counter(
            "finetuned_errors",
            "Refused and failed requests by code.",
            ("code",),
            registry=self._registry,
        )

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Expose a gauge whose value is read at each scrape."""
        Gauge(f"finetuned_{name}", about, registry=self._registry).set_function(read)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def first_token(self, seconds: float) -> None:
        """Record the time to the first token."""
        self._first.observe(seconds)

    def answer(self, version: str, end: str, prompt_tokens: int, tokens: int) -> None:
        """Count an answer that has ended; `end` is `stop`, `length`, `left` or a code."""
        self._answers.labels(version, end).inc()
        self._tokens.labels(version, "prompt").inc(prompt_tokens)
        self._tokens.labels(version, "answer").inc(tokens)

    def error(self, code: str) -> None:
        """Count a request that got no answer, or only a part of one."""
        self._errors.labels(code).inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
