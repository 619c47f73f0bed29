"""Stand-ins of DFIR-IRIS and TheHive on loopback, which hold each request against the published shapes.

TheHive: the types of its client thehive4py (InputAlert, InputUpdateAlert, InputObservable), and its queries.
DFIR-IRIS: the API reference 2.1, and the routes of iris-web 2.4 (`alerts_routes.py`). Neither was tried for real; the
products' own clients speak to these stand-ins in test_exchange_clients.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict
from urllib.parse import parse_qs, urlsplit

from thehive4py.types.alert import InputAlert, InputUpdateAlert
from thehive4py.types.observable import InputObservable

TOKEN = "a-token-of-the-test"
Reply = tuple[int, Any]
_DATA_TYPES = {"ip", "filename", "hash", "other", "domain", "url", "hostname", "fqdn", "mail", "file"}
_IRIS_ALERT = {
    "alert_title": str, "alert_description": str, "alert_source": str, "alert_source_ref": str,
    "alert_source_link": str, "alert_severity_id": int, "alert_status_id": int, "alert_source_event_time": str,
    "alert_note": str, "alert_tags": str, "alert_customer_id": int, "alert_classification_id": int,
    "alert_context": dict, "alert_source_content": dict, "alert_iocs": list, "alert_assets": list,
}  # fmt: skip
_IOC = {
    "ioc_value": str, "ioc_description": str, "ioc_tlp_id": int, "ioc_type_id": int, "ioc_tags": str,
    "ioc_enrichment": dict,
}  # fmt: skip
_ASSET = {
    "asset_name": str, "asset_description": str, "asset_type_id": int, "asset_ip": str, "asset_domain": str,
    "asset_tags": str, "asset_enrichment": dict,
}  # fmt: skip


class RefusedError(Exception):
    """A request is not of the published shape."""


def typed(value: Any, shape: type) -> None:
    """Refuse what is not of a TypedDict of the product's client: unknown keys, other types, and what lacks."""
    known = {key: _plain(kind) for key, kind in get_type_hints(shape).items()}
    shaped(value, known, tuple(shape.__required_keys__))  # type: ignore[attr-defined]


def _plain(kind: Any) -> tuple[type, ...]:
    """Return the classes that a type admits: of a union each of its own, of a list `list`."""
    if get_origin(kind) is Union:
        return tuple(each for part in get_args(kind) for each in _plain(part))
    origin = get_origin(kind) or kind
    return (dict,) if is_typeddict(origin) else (origin,)


def shaped(value: Any, known: Mapping[str, Any], required: tuple[str, ...] = ()) -> None:
    """Refuse unknown keys, other types, and what lacks."""
    for key, each in value.items():
        kinds = known.get(key, ())
        if type(each) not in (kinds if isinstance(kinds, tuple) else (kinds,)):
            raise RefusedError(f"{key}: {type(each).__name__}")
    if lacking := [key for key in required if key not in value]:
        raise RefusedError(f"lacks {lacking}")


def _parts(step: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the filters of a step: thehive4py joins several to `_and`."""
    return [{"_name": step["_name"], **part} for part in step["_and"]] if "_and" in step else [step]


class TheHive:
    """Alerts of TheHive, by id."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        parts = path.strip("/").split("/")
        if (method, path) == ("POST", "/api/v1/query"):
            return 200, self._found(body["query"])
        if (method, path) == ("POST", "/api/v1/alert"):
            typed(body, InputAlert)
            for each in body["observables"]:
                self._observable(each)
            key = [body[name] for name in ("type", "source", "sourceRef")]
            if any([each[name] for name in ("type", "source", "sourceRef")] == key for each in self.alerts.values()):
                return 400, {"type": "CreateError", "message": "Alert already exist"}
            name = f"~{len(self.alerts) + 1}"
            self.alerts[name] = {**body, "_id": name}
            return 201, self.alerts[name]
        if method == "PATCH" and parts[:3] == ["api", "v1", "alert"] and len(parts) == 4:
            typed(body, InputUpdateAlert)
            self.alerts[parts[3]].update(body)
            return 204, None
        if method == "POST" and parts[:3] == ["api", "v1", "alert"] and parts[4:] == ["observable"]:
            self._observable(body)
            self.alerts[parts[3]]["observables"].append(body)
            return 201, [body]
        return 404, {"type": "NotFound"}

    def _observable(self, each: Any) -> None:
        typed(each, InputObservable)
        if each["dataType"] not in _DATA_TYPES or not each["data"]:
            raise RefusedError(str(each))

    def _found(self, steps: list[dict[str, Any]]) -> list[Any]:
        first, *rest = steps
        if first == {"_name": "getAlert", "idOrName": first.get("idOrName")}:
            assert rest == [{"_name": "observables"}]
            return list(self.alerts[first["idOrName"]]["observables"])
        assert first == {"_name": "listAlert"}
        found = list(self.alerts.values())
        for step in (part for whole in rest for part in _parts(whole)):
            shaped(step, {"_name": str, "_eq": dict}, ("_name", "_eq"))
            assert step["_name"] == "filter"
            shaped(step["_eq"], {"_field": str, "_value": str}, ("_field", "_value"))
            found = [each for each in found if each[step["_eq"]["_field"]] == step["_eq"]["_value"]]
        return found


class Iris:
    """Alerts of DFIR-IRIS, by number, with the numbers that its lists have in an order of their own."""

    def __init__(self) -> None:
        self.alerts: dict[int, dict[str, Any]] = {}
        self.versions: dict[str, str] = {}
        severities = ("Medium", "Unspecified", "Informational", "Low", "High", "Critical")
        self.lists = {
            "/manage/severities/list": ("severity", severities),
            "/manage/alert-status/list": ("status", ("Unspecified", "New", "Assigned")),
            "/manage/ioc-types/list": ("type", ("account", "file-path", "ip-any", "sha256")),
            "/manage/tlp/list": ("tlp", ("red", "amber", "green", "clear", "amber+strict")),
            "/manage/asset-type/list": ("asset", ("Account", "Firewall", "Linux - Server")),
        }

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        if method == "GET" and path in self.lists:
            kind, names = self.lists[path]
            listed = [{f"{kind}_id": number, f"{kind}_name": name} for number, name in enumerate(names, 1)]
            return 200, {"status": "success", "message": "", "data": listed}
        if (method, path) == ("GET", "/api/ping"):
            return 200, {"status": "success", "message": "pong", "data": []}
        if (method, path) == ("GET", "/api/versions"):
            return 200, {"status": "success", "message": "", "data": self.versions}
        if (method, path) == ("GET", "/alerts/filter"):
            assert set(query) <= {"alert_source", "alert_tags", "per_page", "page", "sort", "alert_title"}
            found = [
                each for each in self.alerts.values()
                if all(value[0] in each[key] for key, value in query.items() if key.startswith("alert_"))
            ]  # fmt: skip
            return 200, {"status": "success", "message": "", "data": {"total": len(found), "alerts": found}}
        if (method, path) == ("POST", "/alerts/add"):
            shaped(body, _IRIS_ALERT, ("alert_title", "alert_severity_id", "alert_status_id", "alert_customer_id"))
            for each in body["alert_iocs"]:
                shaped(each, _IOC, ("ioc_value", "ioc_type_id"))
            for each in body["alert_assets"]:
                shaped(each, _ASSET, ("asset_name", "asset_type_id"))
            number = len(self.alerts) + 7
            self.alerts[number] = {**body, "alert_id": number}
            return 200, {"status": "success", "message": "", "data": self.alerts[number]}
        if method == "POST" and path.startswith("/alerts/update/"):
            shaped(
                body, {key: kind for key, kind in _IRIS_ALERT.items() if key not in {"alert_iocs", "alert_assets"}}
            )
            self.alerts[int(path.rpartition("/")[2])].update(body)
            return 200, {"status": "success", "message": "", "data": body}
        return 404, {"status": "error", "message": "Not found", "data": []}


@contextmanager
def listening(answer: Callable[[str, str, dict[str, list[str]], Any], Reply]) -> Iterator[str]:
    """Serve a stand-in; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                return self._send(401, {"message": "Authentication failure"})
            length = int(self.headers["Content-Length"] or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            assert length == 0 or self.headers["Content-Type"] == "application/json"
            parts = urlsplit(self.path)
            try:
                self._send(*answer(self.command, parts.path, parse_qs(parts.query), body))
            except RefusedError as error:
                self._send(400, {"message": str(error)})

        do_POST = do_PATCH = do_GET  # noqa: N815

        def _send(self, status: int, body: Any) -> None:
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
