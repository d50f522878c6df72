"""What the parts of one demo know about it: folder, ports, addresses, users.

It is one plain text file, FOLDER/world, a "name value" per line, because the power switch reads
it on every call and has to answer within milliseconds. It holds no secrets; those have files of
their own.
"""
import os

FILE = "world"
SITES = {"amsterdam": "127.0.1.1", "berlin": "127.0.1.2"}
DATABASE = "shop"
FRONT_DOOR = "www.shop.test."
ZONE = "shop.test."


class World:
    """The settings of one demo. Ports are integers; users are names, or empty where everything
    runs as one user."""

    def __init__(self, folder, postgres_port, http_port, dns_port, api_port, postgres_bin,
                 postgres_user="",
                 service_user="", dns_user=""):
        self.folder = folder
        self.postgres_port = int(postgres_port)
        self.http_port = int(http_port)
        self.dns_port = int(dns_port)
        self.api_port = int(api_port)
        self.postgres_bin = postgres_bin
        self.postgres_user = postgres_user
        self.service_user = service_user
        self.dns_user = dns_user

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def secret(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read().strip()

    def save(self):
        lines = [f"{name} {value}\n" for name, value in vars(self).items()]
        with open(self.path(FILE), "w", encoding="utf-8") as file:
            file.writelines(lines)


def load(folder):
    """The world of that folder. Raises OSError where there is none."""
    values = {}
    with open(os.path.join(folder, FILE), encoding="utf-8") as file:
        for line in file:
            name, _, value = line.rstrip("\n").partition(" ")
            values[name] = value
    return World(**values)


def folder_of(program):
    """A program that was installed into the folder of a demo finds it by its own path."""
    return os.path.dirname(os.path.realpath(program))
