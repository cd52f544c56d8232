"""What goes wrong in handlers, in content and in callbacks, and what the client is told."""

from .compare import Perhaps, SideBySide, blocks, brief, changed, failed, stats, told
from .sides import pattern

# What a client is told of an exception whose text is none of its business.
SORRY = told(0, "Server error, try again")
SOURCE = "Error while reading from source"


class Exceptions(SideBySide):
    def test_in_get_response_data(self):
        names = ("PermissionError", "IsADirectoryError", "OSError", "ValueError", "Exception")
        for name in names:
            with self.subTest(name):
                self.same(self.read(f"raise/{name}"))

    def test_a_mistake_in_get_response_data(self):
        row = "Exceptions in get_response_data()"
        self.same(self.read("raise/KeyError"), packets=(row, SORRY))

    def test_a_path_in_an_exception(self):
        row = "Exceptions in get_response_data()"
        self.same(self.read("raise/Path"), packets=(row, told(1, "No such file or directory")))

    def test_file_not_found(self):
        self.same(self.read("raise/FileNotFoundError"))

    def test_file_not_found_with_options(self):
        self.same(self.read("raise/FileNotFoundError", "octet", "blksize", "1000", "tsize", "0"))

    def test_in_read(self):
        # fbtftp sends the block before once more, behind the error. Bootwire reads ahead: it may know of
        # the error before the last blocks are out.
        read = self.read("readfails/2000")

        def scenario(side):
            seen = read(side)
            *sent, last = seen.pop("packets")
            self.assertIn(sent, [blocks(2000)[:count] for count in range(3)])
            self.assertEqual([last], told(0, SOURCE))
            self.assertEqual(seen.pop("data"), brief(pattern(2000)[: 512 * len(sent)]))
            counted = seen.pop("stats")[0]
            if side.name == "bootwire":
                self.assertEqual(counted["packets_sent"], len(sent))
            return seen | {"error": counted["error"]}

        self.same(scenario)

    def test_in_size(self):
        row = "Exceptions in size()"
        self.same(
            self.read("sizefails/700", "octet", "tsize", "0", done="bootwire", patience=1),
            packets=(row, SORRY),
            stats=(
                row,
                stats(
                    error=failed(0, "nobody knows how long /srv/secret is"),
                    options_in={"mode": "octet", "tsize": "0"},
                ),
            ),
            calls=(row, lambda theirs: [*theirs, ["close"]]),
        )

    def test_in_close(self):
        self.same(self.read("closefails/700"))

    def test_in_run(self):
        row = "Exceptions in run()"
        path = self.path("runfails")
        read = self.read("runfails", done="", patience=1)

        def scenario(side):
            seen = read(side)
            if side.name == "bootwire":
                side.wait("close", path)
                seen["calls"].append(side.notes(path)[-1])
            return seen | {"calls": [call for call in seen["calls"] if call != ["close"]]}

        self.same(scenario, packets=(row, SORRY))

    def test_in_the_callback(self):
        self.same(self.read("callback/fails"))

    def test_no_callback(self):
        path = self.path("callback/none")
        read = self.read("callback/none", done="")

        def scenario(side):
            read(side)
            side.wait("close", path)
            return {"calls": side.notes(path)}

        self.same(scenario)

    def test_in_the_constructor(self):
        row = "Exceptions in a constructor"
        self.same(self.read("initfails", done="", patience=1), packets=(row, SORRY))

    def test_in_get_handler(self):
        row = "Exceptions in get_handler()"
        self.same(self.read("refused", done="", patience=1), packets=(row, SORRY))

    def test_no_handler(self):
        self.same(self.read("nobody", done="", patience=1))

    def test_no_content(self):
        self.same(self.read("none"), stats=("No content", changed(packets_sent=0)))

    def test_no_content_but_its_size(self):
        row = "No content"
        ended = stats(error=failed(0, SOURCE), options_in={"mode": "octet", "tsize": "0"})
        self.same(
            self.read("none", "octet", "tsize", "0", done="bootwire", patience=1),
            packets=(row, told(0, SOURCE)),
            stats=(row, ended),
        )

    def test_stopped_while_made(self):
        row = "_should_stop before the first packet"
        self.same(self.read("stops"), stats=(row, changed(packets_sent=0)))

    def test_content_that_is_asked_for_too_much(self):
        row = "Exceptions in read()"
        self.same(
            self.read("prefetching/20000", "octet", "blksize", "8192"),
            packets=(row, told(0, SOURCE)),
            stats=(row, changed(packets_sent=0, packets_acked=0)),
        )


class Requests(SideBySide):
    """Requests that make no sense."""

    def served(self, kind, *words, row, options_in, size=700, blksize=512, done="bootwire", **more):
        """fbtftp's handler dies of the option or takes it, and Bootwire does what is right."""
        granted = more.pop("granted", {})
        packets = size // blksize + 1 + bool(granted)
        self.same(
            self.read(f"{kind}/{size}", "octet", *words, done=done, calls=False, **more),
            packets=(row, blocks(size, blksize, granted)),
            stats=(
                row,
                stats(
                    options_in={"mode": "octet"} | options_in,
                    options=granted,
                    options_acked=granted,
                    blksize=blksize,
                    packets_sent=packets,
                    packets_acked=packets,
                    bytes_sent=size,
                ),
            ),
            data=(row, Perhaps(brief(pattern(size)))),
        )

    def test_unknown_mode(self):
        row = "Unknown mode"
        self.same(
            self.read("content/700", "mail", done="fbtftp"),
            packets=(row, told(4, "Unknown mode: use octet or netascii")),
            stats=(row, []),
            calls=(row, []),
        )

    def test_block_size_that_is_none(self):
        option = {"blksize": "many"}
        self.served("content", "blksize", "many", row="Block size", options_in=option, patience=1)

    def test_block_size_of_nothing(self):
        option = {"blksize": "0"}
        self.served("content", "blksize", "0", row="Block size", options_in=option, blocks=3)

    def test_block_size_of_the_largest_packet(self):
        self.served(
            "content",
            "blksize",
            "65535",
            row="Block size",
            options_in={"blksize": "65535"},
            size=140_000,
            blksize=65464,
            granted={"blksize": "65464"},
            patience=1,
        )

    def test_block_size_below_the_least(self):
        row = "Block size"
        sent = changed(blksize=512, options={}, options_acked={}, packets_sent=2, packets_acked=2)
        self.same(
            self.read("content/700", "octet", "blksize", "4", calls=False),
            packets=(row, blocks(700)),
            stats=(row, sent),
        )

    def test_block_size_above_the_largest(self):
        row = "Block size"
        granted = {"blksize": "65464"}
        self.same(
            self.read("content/700", "octet", "blksize", "70000", calls=False),
            packets=(row, blocks(700, 65464, granted)),
            stats=(row, changed(blksize=65464, options=granted, options_acked=granted)),
        )

    def test_timeout_of_nothing(self):
        option = {"timeout": "0"}
        self.served("content", "timeout", "0", row="Timeout option", options_in=option, patience=1)

    def test_timeout_above_the_largest(self):
        row = "Timeout option"
        sent = changed(options={}, options_acked={}, packets_sent=2, packets_acked=2)
        self.same(
            self.read("content/700", "octet", "timeout", "300"),
            packets=(row, blocks(700)),
            stats=(row, sent),
        )

    def test_size_that_is_not_asked_with_nothing(self):
        self.same(self.read("content/700", "octet", "tsize", "17"))

    def test_windows(self):
        row = "Windows"
        granted = {"windowsize": "4"}

        def scenario(side):
            seen = self.read("content/2000", "octet", "windowsize", "4", calls=False)(side)
            # How often something is sent to a client that acknowledges every block is another question.
            stats = seen.pop("stats")[0]
            packets = list(dict.fromkeys(seen["packets"]))
            granted = {"options": stats["options"], "acked": stats["options_acked"]}
            return seen | granted | {"packets": packets}

        self.same(
            scenario,
            packets=(row, blocks(2000, options=granted)),
            options=(row, granted),
            acked=(row, granted),
        )
