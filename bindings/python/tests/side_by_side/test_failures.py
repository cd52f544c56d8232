"""What goes wrong in handlers, in content and in callbacks, and what the client is told."""

from .compare import SideBySide


class Exceptions(SideBySide):
    def test_in_get_response_data(self):
        for name in (
            "PermissionError",
            "IsADirectoryError",
            "OSError",
            "ValueError",
            "KeyError",
            "Exception",
        ):
            with self.subTest(name):
                self.same(self.read(f"raise/{name}"))

    def test_file_not_found(self):
        self.same(self.read("raise/FileNotFoundError"))

    def test_file_not_found_with_options(self):
        self.same(self.read("raise/FileNotFoundError", "octet", "blksize", "1000", "tsize", "0"))

    def test_in_read(self):
        self.same(self.read("readfails/2000"))

    def test_in_size(self):
        self.same(self.read("sizefails/700", "octet", "tsize", "0", done=False, patience=2))

    def test_in_close(self):
        self.same(self.read("closefails/700"))

    def test_in_run(self):
        self.same(self.read("runfails", done=False, patience=2))

    def test_in_the_callback(self):
        self.same(self.read("callback/fails"))

    def test_no_callback(self):
        self.same(self.read("callback/none", done=False))

    def test_in_the_constructor(self):
        self.same(self.read("initfails", done=False, patience=2))

    def test_in_get_handler(self):
        self.same(self.read("refused", done=False, patience=2))

    def test_no_handler(self):
        self.same(self.read("nobody", done=False, patience=2))

    def test_no_content(self):
        self.same(self.read("none"))

    def test_no_content_but_its_size(self):
        self.same(self.read("none", "octet", "tsize", "0", done=False, patience=2))

    def test_stopped_while_made(self):
        self.same(self.read("stops"))

    def test_content_that_is_asked_for_too_much(self):
        self.same(self.read("prefetching/20000", "octet", "blksize", "8192"))


class Requests(SideBySide):
    """Requests that make no sense."""

    def test_unknown_mode(self):
        self.same(self.read("content/700", "mail"))

    def test_block_size_that_is_none(self):
        self.same(self.read("content/700", "octet", "blksize", "many", done=False, patience=2))

    def test_block_size_of_nothing(self):
        self.same(
            self.read("content/700", "octet", "blksize", "0", done=False, patience=2, blocks=3)
        )

    def test_block_size_below_the_least(self):
        self.same(self.read("content/700", "octet", "blksize", "4", patience=2))

    def test_block_size_above_the_largest(self):
        self.same(self.read("content/700", "octet", "blksize", "70000", patience=2))

    def test_block_size_of_the_largest_packet(self):
        self.same(self.read("content/140000", "octet", "blksize", "65535", done=False, patience=2))

    def test_timeout_of_nothing(self):
        self.same(self.read("content/700", "octet", "timeout", "0", done=False, patience=2))

    def test_timeout_above_the_largest(self):
        self.same(self.read("content/700", "octet", "timeout", "300", patience=2))

    def test_size_that_is_not_asked_with_nothing(self):
        self.same(self.read("content/700", "octet", "tsize", "17"))

    def test_windows(self):
        self.same(self.read("content/2000", "octet", "windowsize", "4"))
