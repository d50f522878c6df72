#!/usr/bin/python3
"""Proves that each house rule fires on what it is meant for, and stays silent on clean code."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import house_rules  # noqa: E402  (needs the path above)

SOURCE = "src/runtime/loop.cpp"
ENGINE = "src/engine/decide.cpp"
HEADER = "src/model/plan.h"
TEST = "src/net/resolver_test.cpp"
SCRIPT = "scripts/tool.py"
PAGE = "docs/page.md"


def rules_of(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    return [rule for _, rule, _ in house_rules.check(path, data)]


def body(statement):
    return "void f() {\n  " + statement + "\n}\n"


def lines(count, line="  g();\n"):
    return line * count


# rule: what must be refused, as (path, text)
REFUSED = {
    "sleep": [
        (SOURCE, body("std::this_thread::sleep_for(10ms);")),
        (TEST, body("std::this_thread::sleep_until(then);")),
        (SOURCE, body("sleep(1);")),
        (SOURCE, body("if (x) ::usleep(10);").replace("if (x)", "x = ")),
    ],
    "shell": [
        (SOURCE, body("std::system(command.c_str());")),
        (SOURCE, body("auto* pipe = popen(command, mode);")),
        (TEST, body("return fork();")),
    ],
    "resolver": [
        (SOURCE, body("asio::ip::tcp::resolver resolver(loop);")),
        (TEST, body("co_await resolver.async_resolve(host, port);")),
        (SOURCE, body("getaddrinfo(a, b, c, d);")),
    ],
    "now": [
        (SOURCE, body("auto now = std::chrono::system_clock::now();")),
        (SOURCE, body("auto now = steady_clock::now();")),
        (ENGINE, body("auto now = time(nullptr);")),
        (TEST, body("auto now = std::chrono::system_clock::now();")),
    ],
    "random": [
        (SOURCE, body("std::random_device device;")),
        (TEST, body("int x = rand();")),
    ],
    "environment": [(SOURCE, body("const char* x = std::getenv(name);"))],
    "print": [
        (SOURCE, body("std::cout << x;")),
        (ENGINE, body("printf(format);")),
        (SOURCE, body("fmt::print(format, x);")),
    ],
    "awaitable-or": [
        (SOURCE, "#include <boost/asio/experimental/awaitable_operators.hpp>\n"),
        (TEST, body("using namespace asio::experimental::awaitable_operators;")),
    ],
    "thread": [
        (SOURCE, body("std::jthread worker(work);")),
        (SOURCE, body("auto later = std::async(work);")),
        (SOURCE, body("worker.detach();")),
    ],
    "order": [(ENGINE, "std::unordered_map<int, int> x;\n")],
    "cancel-query": [(SOURCE, body("PQcancel(handle, text, size);"))],
    "assert": [(SOURCE, body("assert(x > 0);"))],
    "using-namespace": [(HEADER, "// A plan.\n#pragma once\nusing namespace std;\n")],
    "name": [
        (SOURCE, "class PlanManager {};\n"),
        (SOURCE, "struct StringUtils;\n"),
        (SOURCE, "namespace util {\n}\n"),
        ("src/base/string_util.cpp", "int x;\n"),
        ("src/base/helpers.h", "// Words.\n#pragma once\n"),
    ],
    "json-dump": [
        (SOURCE, body("return value.dump();")),
        (TEST, body("return value->dump(2,\n    ' ');")),
    ],
    "coroutine-argument": [
        (HEADER, "// A plan.\n#pragma once\nawaitable<void> f(Clock& clock, const Plan& plan);\n"),
        (SOURCE, "asio::awaitable<Result<std::map<int, int>>> A::f(const std::map<int, int>& x,\n"
                 "    int y) {\n}\n"),
        (SOURCE, "awaitable<void> f(int x,\n                  Plan&& plan = {});\n"),
    ],
    "lambda-in-await": [
        (SOURCE, body("co_await pool.run([this] { return read(); });")),
        (SOURCE, body("auto x = co_await f(1,\n    [&](int y) { return y; });")),
        (SOURCE, body("co_await [=]() -> awaitable<void> { co_return; }();")),
    ],
    "swallow": [
        (SOURCE, body("try { g(); } catch (...) {}")),
        (SOURCE, body("try { g(); } catch (...) { /* never mind */ }")),
        (SOURCE, body("try { g(); } catch (...) { log(); }")),
        (TEST, body("try { g(); } catch (const std::exception& e) {\n  }")),
    ],
    "line-length": [
        (SOURCE, "// " + "x" * 98 + "\n"),
        (SOURCE, "// " + "⚡" * 49 + "\n"),
        (SCRIPT, "# " + "x" * 99 + "\n"),
        ("demo/demo", "#!/bin/bash\n# " + "x" * 99 + "\n"),
    ],
    "function-length": [
        (SOURCE, "void f() {\n" + lines(69) + "}\n"),
        (SOURCE, "namespace a {\nclass B {\n  B() : x_{1}, y_(2) {\n" + lines(69) + "  }\n};\n}\n"),
        (SOURCE, "auto f(Options o = {}) const -> Result<int> {\n" + lines(69) + "}\n"),
        (TEST, "TEST(A, b) {\n" + lines(35, "  if (x) {\n  }\n") + "}\n"),
        (SCRIPT, "def f():\n" + lines(70, "    g()\n")),
    ],
    "file-length": [(SOURCE, lines(501, "int x;\n")), (SCRIPT, lines(501, "x = 1\n"))],
    "opening": [(HEADER, "#pragma once\n// A plan.\n")],
    "pragma-once": [(HEADER, "// A plan.\n#ifndef PLAN\n#endif\n")],
    "todo": [
        (SOURCE, "// TO" "DO: more\n"),
        (PAGE, "FIX" "ME\n"),
    ],
    "machine-path": [
        (SOURCE, "// see /" "home/ana/notes\n"),
        (PAGE, "`/" "root/x`\n"),
    ],
    "white-space": [(SOURCE, "int x; \n"), (PAGE, "text"), (PAGE, "text\n\n")],
    "encoding": [
        (SOURCE, b"// caf\xe9\n"),
        (PAGE, "text\r\n"),
        (PAGE, "\ufefftext\n"),
    ],
    "allowance": [
        (SOURCE, "int x;  // house-rules: allow sleep because it is fun\n"),
        (SOURCE, "int x;  // house-rules: allow everything because I can\n"),
        (SOURCE, "int x;  // house-rules: allow sleep\n"),
    ],
}

# What looks alike and is right.
CLEAN = [
    (SOURCE, body("co_await clock.sleep(deadline);")),
    (SOURCE, "awaitable<void> sleep(Duration span);\n"),
    (SOURCE, body("log(\"sleep(1), std::cout and system(x) are banned\");  // sleep(1)")),
    (SOURCE, body("auto text = R\"(printf(1); std::thread x;)\";")),
    (SOURCE, "/* std::random_device\n   printf(x) */\n"),
    (SOURCE, body("identity.system(1); file_system(2); run.time(nullptr_t{});")),
    ("src/async/clock.cpp", body("return std::chrono::steady_clock::now();")),
    ("src/async/child_process.cpp", body("return posix_spawn(a, b);")),
    ("src/async/random.cpp", body("std::random_device device;")),
    ("src/app/main.cpp", body("fmt::print(format, getenv(name));")),
    ("src/base/assert.cpp", body("std::fprintf(stderr, format);")),
    (TEST, body("const auto deadline = std::chrono::steady_clock::now() + 5s;")),
    (TEST, body("std::thread client(work); client.join();")),
    (SOURCE, body("static_assert(sizeof(int) == 4); auto id = std::thread::id();")),
    (SOURCE, "std::unordered_map<int, int> x;\n"),
    (SOURCE, "class PlanManagement {};\nstruct Utility1;\n"),
    (SOURCE, body("auto t = value.dump(-1, ' ', false,\n  json::error_handler_t::replace);")),
    (SOURCE, "awaitable<void> f(Clock& clock, const Plan* plan, Plan other);\n"),
    (SOURCE, "void f(const Plan& plan);\nstd::function<awaitable<void>(const Plan&)> g;\n"),
    (SOURCE, body("co_await f([] { return 1; });")),
    (SOURCE, body("co_await steps[i](x); co_await f(values[at]);")),
    (SOURCE, body("if (co_await f()) { std::ranges::sort(v, [&](int a) { return a < b; }); }")),
    (SOURCE, body("auto work = [this] { return read(); };\n  co_await pool.run(work);")),
    (SOURCE, body("try { g(); } catch (...) { return fail(ErrorCode::invalid, text); }")),
    (SOURCE, body("try { g(); } catch (...) { failure = std::current_exception(); }")),
    (SOURCE, body("try { g(); } catch (const std::exception& e) { log(e.what()); }")),
    (SOURCE, body("try { g(); } catch (const Canceled&) {\n  // the end that was asked for\n  }")),
    (SOURCE, "void f() {\n" + lines(68) + "}\n"),
    (SOURCE, "namespace a {\n" + lines(100, "int g();\n") + "}  // namespace a\n"),
    (SOURCE, "constexpr std::array<int, 80> kTable{{\n" + lines(80, "    1,\n") + "}};\n"),
    (SOURCE, "class A : public B {\n" + lines(40, "  int f() { return 1'000; }\n\n") + "};\n"),
    (SOURCE, "const char* k = R\"(" + "x" * 200 + ")\";\n"),
    (SCRIPT, "def f():\n" + lines(69, "    g()\n")),
    (HEADER, "// A plan.\n#pragma once\n\nenum class Phase { claim, fence };\n"),
    (PAGE, "A long line of prose is a matter of taste, " * 5 + "so.\n"),
    (PAGE, "see https://example.org/home/page and src/work/x and ${HOME}/root/x\n"),
    (SOURCE, "// mkstemp wants XXXXXX\n"),
    ("tests/data/blob.bin", b"\0\xff\xfe  \n"),
    (PAGE, ""),
]

ALLOWED = [
    (SOURCE, body("sleep(1);  // house-rules: allow sleep because the device needs a second")),
    (SOURCE, body("// house-rules: allow sleep because the device needs a second\n  sleep(1);")),
    (SOURCE, "// house-rules: allow function-length because one table is easier to read\n"
             "void f() {\n" + lines(69) + "}\n"),
    (SOURCE, lines(501, "int x;\n") + "// house-rules: allow file-length because of a table\n"),
    (SCRIPT, "# house" "-rules: allow line-length because of a key\n# " + "x" * 99 + "\n"),
    (PAGE, "/" "home/x <!-- house-rules: allow machine-path because it is an example -->\n"),
]


class HouseRules(unittest.TestCase):
    def test_every_rule_is_tried(self):
        self.assertEqual(sorted(REFUSED), sorted(house_rules.all_rules()))

    def test_each_rule_fires_and_no_other(self):
        for rule, samples in REFUSED.items():
            for path, text in samples:
                with self.subTest(rule=rule, path=path, text=text):
                    self.assertEqual(set(rules_of(path, text)), {rule})

    def test_clean_code_passes(self):
        for path, text in CLEAN:
            with self.subTest(path=path, text=text):
                self.assertEqual(rules_of(path, text), [])

    def test_an_allowance_with_a_reason_is_respected(self):
        for path, text in ALLOWED:
            with self.subTest(path=path, text=text):
                self.assertEqual(rules_of(path, text), [])

    def test_an_allowance_is_for_one_line_and_one_rule(self):
        text = body("// house-rules: allow sleep because of the device\n  sleep(1);\n  sleep(2);")
        self.assertEqual(house_rules.check(SOURCE, text.encode())[0][:2], (4, "sleep"))
        text = body("sleep(1); abort(printf(x));  // house-rules: allow sleep because of it")
        self.assertEqual(rules_of(SOURCE, text), ["print"])

    def test_a_complaint_names_line_and_replacement(self):
        (line, rule, message), = house_rules.check(SOURCE, b"int x;\n\nstd::jthread y;\n")
        self.assertEqual((line, rule), (3, "thread"))
        self.assertIn("the pool of async/", message)

    def test_odd_text_is_survived(self):
        for text in ["}}}}", "((((", "\"", "'", "R\"x(", "/*", "#define A \\", "co_await [", "{{{"]:
            with self.subTest(text=text):
                rules_of(SOURCE, text + "\n")


if __name__ == "__main__":
    unittest.main()
