"""What can be ordered of a simulated cluster, below /sandbox; a JSON object each, posted.

  behaviour   {"resource", "namespace", "name", "do"}   how a deployment, job, route … behaves
  fault       {"do", "method", "path", "code", "times", "retry_after", "message"}
              status (default), half, lost (done, not answered), hang, garbage
  clear       {}                          no faults any more; what hangs is let go
  compact     {}                          forgets the history: open watches end in 410
  nodes       {"count"}                   so many nodes, all ready
  node        {"name", "ready"}           true, false, or null: not heard of any more
  tokens      {TOKEN: USER}               who may ask; {}: everybody
  needs_user  {"needed"}                  whether somebody without a name may ask
  forbid      [{"user", "verb", "resource"}]   regular expressions; []: nothing
  leave_out   ["httproutes.gateway.networking.k8s.io"]   kinds that are not installed
  watches     {"close_after", "bookmark_every"}          seconds
  log         {"namespace", "name", "text"}              of a job or pod
  own_route   {"namespace", "name"}       another controller reverts what others change from now on

`GET /sandbox/requests` lists the newest requests. A wrong order is answered 400 with the reason.
"""
import json

import api
import resources
from controllers import BEHAVIOURS

_NAMESPACE = "default"


def answer(cluster, request):
    name = request.path.rsplit("/", 1)[1]
    if request.method == "GET" and name == "requests":
        return api.Answer(200, list(cluster.requests))
    order = _ORDERS.get(name)
    if request.method != "POST" or order is None:
        return api.Answer(404, {"error": f"no order {name}: choose from {', '.join(_ORDERS)}"})
    try:
        with cluster.store.changed:
            order(cluster, json.loads(request.body or b"{}"))
    except Exception as error:  # pylint: disable=broad-except
        return api.Answer(400, {"error": f"{type(error).__name__}: {error}"})
    return api.Answer(200, {})


def _behave(cluster, order):
    plural, word = order["resource"], order["do"]
    if word not in BEHAVIOURS[plural]:
        raise ValueError(f"{plural} cannot {word}: choose from {', '.join(BEHAVIOURS[plural])}")
    key = (plural, order.get("namespace", _NAMESPACE), order["name"])
    cluster.controllers.behaviours[key] = word
    cluster.poke()


def _nodes(cluster, order):
    cluster.add_nodes(int(order["count"]))


def _node(cluster, order):
    cluster.set_ready(order["name"], order["ready"])


def _tokens(cluster, order):
    cluster.tokens = {str(token): str(user) for token, user in order.items()}


def _needs_user(cluster, order):
    cluster.needs_user = bool(order["needed"])


def _forbid(cluster, order):
    cluster.forbidden = [dict(rule) for rule in order]


def _leave_out(cluster, order):
    cluster.left_out = set(order)


def _watches(cluster, order):
    cluster.watch_seconds = order.get("close_after")
    cluster.bookmark_seconds = float(order.get("bookmark_every", cluster.bookmark_seconds))


def _log(cluster, order):
    cluster.controllers.logs[(order.get("namespace", _NAMESPACE), order["name"])] = order["text"]


def _own_route(cluster, order):
    key = (order.get("namespace", _NAMESPACE), order["name"])
    resource = next(each for each in resources.ALL if each.plural == "httproutes")
    cluster.controllers.owned_routes[key] = cluster.store.get(resource, *key)["spec"]
    cluster.controllers.behaviours[("httproutes", *key)] = "revert"


_ORDERS = {"behaviour": _behave, "fault": lambda cluster, order: cluster.add_fault(order),
           "clear": lambda cluster, _: cluster.clear_faults(),
           "compact": lambda cluster, _: cluster.store.compact(), "nodes": _nodes, "node": _node,
           "tokens": _tokens, "needs_user": _needs_user, "forbid": _forbid,
           "leave_out": _leave_out, "watches": _watches, "log": _log, "own_route": _own_route}
