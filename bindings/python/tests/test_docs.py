"""What the pages show works as it stands there, and docstrings too."""

from __future__ import annotations

import doctest
import pathlib
import re
import unittest

import bootwire
from bootwire import _answer, _directory, _mac, _server

DOCS = pathlib.Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Pages(unittest.TestCase):
    def run_page(self, name: str) -> dict[str, object]:
        """Runs a page's blocks one after the other, as one program."""
        page = DOCS / name
        text = page.read_text()
        blocks = list(BLOCK.finditer(text))
        self.assertTrue(blocks)
        names: dict[str, object] = {"__name__": "page"}
        for block in blocks:
            line = text[: block.start(1)].count("\n")
            code = compile("\n" * line + block[1], str(page), "exec")
            exec(code, names)
        return names

    def test_the_tutorial(self):
        names = self.run_page("tutorials/python.md")
        # Its own tests are tests here too.
        loader = unittest.TestLoader()
        suite = unittest.TestSuite(
            loader.loadTestsFromTestCase(names[case]) for case in ("Machines", "Sockets")
        )
        result = unittest.TestResult()
        suite.run(result)
        self.assertEqual((result.errors, result.failures), ([], []))
        self.assertEqual(result.testsRun, 3)

    def test_coming_from_fbtftp(self):
        names = self.run_page("how-to/coming-from-fbtftp.md")
        app = names["app"]
        self.assertIsInstance(app, bootwire.Server)
        self.assertIn(b"52:54:00:12:34:56", app.call("/grub/grub.cfg-01-525400123456").content)

    def test_the_readme(self):
        text = (DOCS.parent / "README.md").read_text()
        (block,) = BLOCK.findall(text)
        names: dict[str, object] = {"__name__": "page"}
        exec(block.replace("app.run()", ""), names)
        reply = names["app"].call("/grub/grub.cfg-01-52-54-00-12-34-56")
        self.assertIn("/images/52:54:00:12:34:56/vmlinuz", reply.text)

    def test_the_reference_names_everything(self):
        text = (DOCS / "reference/python.md").read_text()
        for name in bootwire.__all__:
            self.assertIn(f"`{name}`", text)
        settings = re.findall(r"^    (\w+):", (_settings_source()), re.MULTILINE)
        for name in settings:
            self.assertIn(f"`{name}`", text)
        for name in vars(bootwire.Server):
            if not name.startswith("_"):
                self.assertIn(name, text)


def _settings_source() -> str:
    from bootwire import _settings

    return pathlib.Path(_settings.__file__).read_text()


class Docstrings(unittest.TestCase):
    def test_their_examples_work(self):
        for module in (bootwire, _answer, _directory, _mac, _server):
            failed, _ = doctest.testmod(module)
            self.assertEqual(failed, 0, module)

    def test_everything_public_has_one(self):
        for name in bootwire.__all__:
            thing = getattr(bootwire, name)
            self.assertTrue(thing.__doc__, name)
            for member, value in vars(thing).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    self.assertTrue(value.__doc__, f"{name}.{member}")


if __name__ == "__main__":
    unittest.main()
