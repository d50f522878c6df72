#!/usr/bin/python3 -B
"""config init, schema and validate; `-o yaml`."""
import json
import os
import unittest

import jsonschema
import lone
import yaml

TESTDATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/config/testdata")


class Text(yaml.SafeLoader):
    """Reads a configuration as Bascule does (YAML 1.2): `on` is a word and a date a text."""


Text.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Text.add_implicit_resolver("tag:yaml.org,2002:bool", __import__("re").compile("^(true|false)$"),
                           "tf")


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Text)  # noqa: S506, a SafeLoader


class Schema(lone.Lone):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(lone.run("config", "schema").out)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def mistakes(self, configuration):
        return ["/".join(map(str, error.absolute_path)) + ": " + error.message
                for error in self.validator.iter_errors(configuration)]

    def test_it_is_a_schema_of_the_draft_that_it_names(self):
        self.assertIn("2020-12", self.schema["$schema"])
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_both_contracts_are_of_this_structure(self):
        for name in ("twosite.yaml", "storefront.yaml"):
            with self.subTest(name):
                self.assertEqual(self.mistakes(read(os.path.join(TESTDATA, name))), [])

    def test_what_init_writes_is_of_this_structure(self):
        for words in ((), ("--http",)):
            file = self.start_configuration(*words)
            self.assertEqual(self.mistakes(read(file)), [])

    def test_mistakes_are_refused(self):
        def at(configuration, path):
            for part in path:
                configuration = configuration[part]
            return configuration

        site = ("groups", 0, "sites", 0)
        for what, path, key, value in (
                ("an unknown key", ("groups", 0, "policy"), "cooldwon", "10m"),
                ("a number without a unit", ("groups", 0, "policy"), "cooldown", 10),
                ("a unit that is none", ("groups", 0, "policy"), "cooldown", "10 minutes"),
                ("a word that is none", ("groups", 0, "policy"), "mode", "automatik"),
                ("a number out of its range", ("groups", 0, "policy", "detect"), "failures", 0),
                ("a second kind", (*site, "checks", 0), "tcp", "127.0.0.1:80"),
                ("an unknown kind", (*site, "checks", 0), "htpp", {}),
                ("a kind of step that is none", (*site, "activate", 0), "uses", "postgres.demote"),
                ("an unknown setting of a step", (*site, "activate", 0, "with"), "chek", "x"),
                ("a step that may not be a preflight item", (*site, "preflight", 0), "uses",
                 "postgres.promote"),
                ("an unknown key at the top", (), "listne", "127.0.0.1:1")):
            configuration = read(os.path.join(TESTDATA, "twosite.yaml"))
            at(configuration, path)[key] = value
            with self.subTest(what):
                self.assertNotEqual(self.mistakes(configuration), [])
        configuration = read(os.path.join(TESTDATA, "twosite.yaml"))
        del configuration["store"]
        self.assertNotEqual(self.mistakes(configuration), [])


class Init(lone.Lone):
    def test_what_it_writes_validates_and_is_never_overwritten(self):
        for words in ((), ("--http",)):
            file = self.path(f"made{len(words)}.yaml")
            answer = self.ends_with(0, lone.run("config", "init", file, *words))
            self.assertIn(f"bascule config validate {file}", answer.out)
            answer = self.ends_with(0, lone.run("config", "validate", file))
            self.assertNotIn("error", answer.out.replace("no errors", ""))
            with open(file, "a", encoding="utf-8") as made:
                made.write("# mine\n")
            answer = self.ends_with(2, lone.run("config", "init", file, *words))
            self.assertIn("exists, and is left as it is", answer.err)
            with open(file, encoding="utf-8") as made:
                self.assertTrue(made.read().endswith("# mine\n"))

    def test_a_port_of_zero_is_refused_where_everything_else_is(self):
        file = self.start_configuration()
        with open(file, encoding="utf-8") as made:
            lines = made.read().split("\n")
        text = "\n".join("listen: 127.0.0.1:0" if line.startswith("listen:") else line
                         for line in lines)
        answer = self.ends_with(2, lone.run("config", "validate", self.write("zero.yaml", text)))
        self.assertIn("`127.0.0.1:0` is not ADDRESS:PORT", answer.out)


class Yaml(lone.Lone):
    def test_yaml_says_what_json_says(self):
        file = self.start_configuration("--http")
        for words in (("config", "validate", file), ("config", "schema"), ("version",),
                      ("audit", "verify", "/nowhere/journal.db"), ("status", "-c", file)):
            as_json = lone.run(*words, "-o", "json")
            as_yaml = lone.run(*words, "-o", "yaml")
            self.assertEqual(as_yaml.code, as_json.code)
            self.assertEqual(yaml.safe_load(as_yaml.out), json.loads(as_json.out), as_yaml.out)

    def test_the_views_of_a_daemon_as_well(self):
        file = self.start_configuration("--http")
        self.serve(file)
        for words in (("explain", "shop"), ("runs",), ("plan", "shop", "--to", "berlin"),
                      ("hold", "shop", "--reason", "12:30")):
            answer = lone.run(*words, "-c", file, "-o", "yaml")
            self.assertIsInstance(yaml.safe_load(answer.out), (dict, list), answer.out)
        view = yaml.safe_load(lone.run("status", "-c", file, "-o", "yaml").out)
        self.assertIsInstance(view["now"], str)
        self.assertEqual(view["groups"][0]["hold"]["reason"], "12:30")


if __name__ == "__main__":
    unittest.main()
