"""Whole transfers: bytes, options granted, reads, stats."""

import os
import unittest

from .compare import SideBySide, brief, changed
from .raw import Client


class Transfers(SideBySide):
    def test_a_file(self):
        self.same(self.read("content/700"))

    def test_a_file_of_whole_blocks(self):
        self.same(self.read("content/1024"))

    def test_an_empty_file(self):
        self.same(self.read("content/0"))

    def test_many_blocks(self):
        self.same(self.read("content/100000"))

    @unittest.skipUnless("LONG" in os.environ, "65,537 round trips: set LONG=1")
    def test_block_numbers_that_start_over(self):
        # In notes and packets of 65,537 blocks nobody would find anything.
        path = self.path("string/75000")

        def scenario(side):
            with Client(side.server) as client:
                transfer = client.read(path, "octet", "blksize", "8")
            side.wait("callback", path)
            return {"data": brief(transfer.data), "packets": transfer.packets[-3:]}

        self.same(scenario)

    def test_a_string(self):
        self.same(self.read("string/100"))

    def test_block_size(self):
        self.same(self.read("content/5000", "octet", "blksize", "1428"))

    def test_small_blocks(self):
        self.same(self.read("content/100", "octet", "blksize", "8"))

    def test_large_blocks(self):
        self.same(self.read("content/200000", "octet", "blksize", "65464"))

    def test_size(self):
        self.same(self.read("content/700", "octet", "tsize", "0"))

    def test_no_size(self):
        self.same(self.read("sizeless/700", "octet", "tsize", "0", "blksize", "600"))

    def test_timeout(self):
        self.same(self.read("content/700", "octet", "timeout", "3"))

    def test_options_are_acknowledged_in_the_order_of_the_request(self):
        for number, words in enumerate(
            (
                ("tsize", "0", "timeout", "2", "blksize", "900"),
                ("blksize", "900", "tsize", "0", "timeout", "2"),
                ("timeout", "2", "blksize", "900", "tsize", "0"),
            )
        ):
            with self.subTest(words):
                self.same(self.read(f"content/2000/{number}", "octet", *words))

    def test_names_of_options_in_capitals(self):
        self.same(self.read("content/2000", "OCTET", "BLKSIZE", "900", "TSize", "0"))

    def test_unknown_options(self):
        self.same(self.read("content/700", "octet", "color", "blue", "tsize", "0"))

    def test_only_unknown_options(self):
        self.same(self.read("content/700", "octet", "color", "blue"))

    def test_netascii(self):
        self.same(self.read("text/100", "netascii"))

    def test_netascii_with_its_size(self):
        self.same(self.read("text/100", "netascii", "tsize", "0", "blksize", "700"))

    def test_content_of_no_class(self):
        self.same(self.read("duck/2000", "octet", "tsize", "0"))

    def test_content_in_dribs_and_drabs(self):
        self.same(self.read("dribble/1200"))

    def test_content_of_bytearrays(self):
        self.same(self.read("bytearrays/1200"))

    def test_content_that_refuses_large_reads(self):
        self.same(self.read("prefetching/20000", "octet", "blksize", "4096"))

    def test_slow_content(self):
        self.same(self.read("slow/2000"))

    def test_an_unacknowledged_end(self):
        row = "Lost last ACK"
        sent = changed(error={}, packets_acked=2, packets_sent=3, bytes_sent=888, retransmits=1)
        self.same(self.read("content/700", blocks=2), stats=(row, sent))
