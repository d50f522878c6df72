#!/usr/bin/python3
"""Simulated Kubernetes clusters, each with an API server of its own, in one process.

    serve.py east west:tls [--certificate FILE --key FILE [--client-authority FILE]]

Prints one line of JSON, {NAME: URL}, when all of them answer, and runs until it is told to stop or
its standard input ends (--until-input-ends). The objects are in memory only. What a cluster can be
told to do wrong is described in control.py; the parts come from the official description, see
README.md.
"""
import argparse
import json
import signal
import ssl
import sys
import threading

import cluster
import server


def tls_of(arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    if arguments.client_authority:
        context.load_verify_locations(arguments.client_authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("cluster", nargs="+", help="NAME, or NAME:tls")
    arguments.add_argument("--port", type=int, default=0, help="of the first; the next follow")
    arguments.add_argument("--certificate", help="PEM, for the clusters with TLS")
    arguments.add_argument("--key")
    arguments.add_argument("--client-authority", help="whose client certificates name a user")
    arguments.add_argument("--until-input-ends", action="store_true")
    arguments = arguments.parse_args()
    urls = {}
    for number, text in enumerate(arguments.cluster):
        name, _, kind = text.partition(":")
        tls = tls_of(arguments) if kind == "tls" else None
        port = arguments.port + number if arguments.port else 0
        one = server.serve(cluster.Cluster(name), port, tls)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        urls[name] = one.url
    print(json.dumps(urls), flush=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.until_input_ends:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()),
                         daemon=True).start()
    stop.wait()


if __name__ == "__main__":
    main()
