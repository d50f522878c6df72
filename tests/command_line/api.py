"""The API of a daemon as a program sees it, held to its own description."""
import copy
import json
import urllib.error
import urllib.request

import jsonschema


def closed(schema):
    """The same, but nothing is served that is not described."""
    schema = copy.deepcopy(schema)

    def close(part):
        if isinstance(part, dict):
            if "properties" in part and part.get("type") == "object":
                part["additionalProperties"] = False
            for member in part.values():
                close(member)
        elif isinstance(part, list):
            for member in part:
                close(member)

    close(schema)
    return schema


class Api:
    def __init__(self, address, token):
        self.address = address
        self.token = token
        status, description = self.ask("GET", "/openapi.json", token=None)
        assert status == 200, description
        self.description = description
        self.shapes = closed(description["components"]["schemas"])

    def ask(self, method, path, body=None, token="", headers=None):
        """Status and JSON; the daemon's own token where none is given, and none for None."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, method=method, data=data,
                                         headers=headers or {})
        if token is not None:
            request.add_header("Authorization", "Bearer " + (token or self.token))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                text = refused.read()
            # Requests that are no HTTP are answered before anybody thinks of JSON.
            is_json = refused.headers.get("Content-Type") == "application/json"
            return refused.code, json.loads(text) if is_json else None

    def operations(self):
        for path, methods in self.description["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def validator(self, schema):
        return jsonschema.Draft202012Validator(
            {**closed(schema), "components": {"schemas": self.shapes}})

    def mistakes(self, operation, status, body):
        """How an answer differs from what is described for it."""
        described = operation["responses"].get(str(status))
        if described is None:
            return [f"status {status} is not described"]
        schema = described["content"]["application/json"]["schema"]
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
                for error in self.validator(schema).iter_errors(body)]
