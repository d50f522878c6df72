"""`bascule watch` on a real terminal: it draws in place within the terminal's height, outlives the
daemon, and leaves with ctrl-c."""
import signal
import time

import lone
import screen


class Watch(lone.Lone):
    def draw(self, rows, *words):
        drawn = screen.Screen(rows, lone.BASCULE, *words)
        self.addCleanup(drawn.close)
        return drawn

    def shows(self, drawn, words, is_there=True):
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while (words in "\n".join(drawn.picture())) != is_there:
            self.assertLess(time.monotonic(), until, f"{words!r} in\n{drawn.written[-3000:]!r}")
            drawn.read()
        return drawn.picture()

    def leave(self, drawn):
        drawn.program.send_signal(signal.SIGINT)
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while drawn.program.poll() is None:
            self.assertLess(time.monotonic(), until)
            drawn.read()
        drawn.read()
        self.assertEqual(drawn.program.returncode, 0, drawn.written[-3000:])

    def test_draws_within_the_terminal_and_leaves_tidily(self):
        file = self.start_configuration()
        self.serve(file)
        drawn = self.draw(24, "watch", "-c", file)
        self.shows(drawn, "ctrl-c leaves")
        self.assertIn("CHECK", "\n".join(drawn.picture()))
        self.ends_with(0, lone.run("hold", "shop", "-c", file, "--reason", "a test"))
        self.shows(drawn, "automation of shop is held by")
        drawn.resize(6)
        self.shows(drawn, "CHECK", is_there=False)
        picture = self.shows(drawn, "ctrl-c leaves")
        self.assertLessEqual(len(picture), 5)
        self.assertIn("shop", "\n".join(picture))
        self.leave(drawn)
        self.assertNotIn("ctrl-c", "\n".join(drawn.picture()))
        self.assertTrue(drawn.written.endswith("\x1b[J"))

    def test_waits_for_a_daemon_that_comes_back(self):
        file = self.start_configuration()
        first = self.serve(file)
        drawn = self.draw(24, "watch", "shop", "-c", file)
        self.shows(drawn, "ctrl-c leaves")
        first.send_signal(signal.SIGTERM)
        first.wait(lone.PATIENCE_SECONDS)
        self.shows(drawn, "silent for ")
        self.serve(file)
        self.shows(drawn, "ctrl-c leaves")
        self.leave(drawn)

    def test_gives_up_after_the_silence_that_was_asked_for(self):
        file = self.start_configuration()
        daemon = self.serve(file)
        drawn = self.draw(24, "watch", "-c", file, "--timeout", "300ms")
        self.shows(drawn, "ctrl-c leaves")
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(lone.PATIENCE_SECONDS)
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while drawn.program.poll() is None:
            self.assertLess(time.monotonic(), until)
            drawn.read()
        drawn.read()
        self.assertEqual(drawn.program.returncode, 7, drawn.written[-3000:])
        self.assertIn("Bascule has been silent for", drawn.written)

    def test_where_nobody_answers_it_says_so(self):
        file = self.start_configuration()
        answer = self.ends_with(7, lone.run("watch", "-c", file))
        self.assertIn("no Bascule answers", answer.err)


if __name__ == "__main__":
    lone.main()
