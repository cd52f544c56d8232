//! The messages of one round, in arrays that are allocated once.

use std::{io, ops::Range, ptr};

use super::{Blocks, Destination, Full, MAX_DATAGRAM, MAX_RUN_BLOCKS, Payload};

/// Messages in one round. `sendmmsg` takes at most 1024.
pub(crate) const MAX_MESSAGES: usize = 256;

/// Pieces in one round.
const MAX_PIECES: usize = 4096;

/// Pieces in one message (`UIO_MAXIOV`).
const MAX_MESSAGE_PIECES: usize = 1024;

/// Bytes of copied packets and DATA headers in one round: at least one packet of the largest
/// size, or a header for each of `MAX_PIECES`.
const ARENA_LEN: usize = 128 * 1024;

/// One `packet` or `blocks` call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) to: Destination,
    pub(crate) tag: u32,
}

/// What the kernel is handed at once: a datagram, or several of `segment` bytes (the last may
/// be shorter).
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Index into [`Queue::calls`].
    pub(crate) call: usize,
    /// Number of its first block within the call.
    pub(crate) first_block: u32,
    /// Datagrams in it.
    pub(crate) blocks: u32,
    /// Bytes of every datagram but the last.
    pub(crate) segment: usize,
    pub(crate) len: usize,
    /// Indices into [`Queue::pieces`].
    pub(crate) pieces: Range<usize>,
    /// Some of it is a mapped file, which only the kernel may read.
    pub(crate) mapped: bool,
}

impl Message {
    /// Whether the kernel must cut it into datagrams.
    pub(crate) const fn is_run(&self) -> bool {
        self.blocks > 1
    }

    /// Whether `block` may be appended to it as one more segment.
    #[inline]
    fn takes(&self, block: &Self) -> bool {
        let blocks = usize::try_from(self.blocks).unwrap_or(usize::MAX);
        self.call == block.call
            && blocks.saturating_mul(self.segment) == self.len
            && blocks < MAX_RUN_BLOCKS
            && block.len <= self.segment
            && self.len + block.len <= MAX_DATAGRAM
            && self.pieces.len() + block.pieces.len() <= MAX_MESSAGE_PIECES
    }
}

/// The arrays. The pieces point into payloads that the queue does not own: they may be read only
/// through [`Live`].
#[derive(Debug)]
pub(crate) struct Queue {
    calls: Vec<Call>,
    messages: Vec<Message>,
    pieces: Vec<libc::iovec>,
    /// Copied packets and headers. Never grows, as pieces point into it.
    arena: Vec<u8>,
}

// SAFETY: the pieces point into the queue's own arena, which moves with it without changing its
// address, and into payloads that are shared slices or mapped ranges, both of which are `Send`.
// They are read through `Live` alone, whose maker vouches for them.
unsafe impl Send for Queue {}

/// Where the arrays ended, to undo a call that did not fit.
struct Mark {
    calls: usize,
    messages: usize,
    pieces: usize,
    arena: usize,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            calls: Vec::with_capacity(MAX_MESSAGES),
            messages: Vec::with_capacity(MAX_MESSAGES),
            pieces: Vec::with_capacity(MAX_PIECES),
            arena: Vec::with_capacity(ARENA_LEN),
        }
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
        self.messages.clear();
        self.pieces.clear();
        self.arena.clear();
    }

    pub(super) const fn len(&self) -> usize {
        self.messages.len()
    }

    /// Adds one datagram, copied.
    pub(super) fn packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full> {
        let mark = self.mark();
        let added = self.add_packet(to, tag, bytes);
        if added.is_err() {
            self.undo(&mark);
        }
        added
    }

    fn add_packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full> {
        let call = self.call(to, tag)?;
        let start = self.pieces.len();
        self.copied(bytes)?;
        let block = self.block(call, 0, bytes.len(), start, false);
        self.message(block)
    }

    /// Adds a run of DATA blocks, or nothing of it.
    pub(super) fn blocks<'p>(
        &mut self,
        to: Destination,
        tag: u32,
        blocks: Blocks<impl ExactSizeIterator<Item = [u8; 4]>, impl Iterator<Item = Payload<'p>>>,
    ) -> Result<(), Full> {
        let mark = self.mark();
        let added = self.add_blocks(to, tag, blocks);
        if added.is_err() {
            self.undo(&mark);
        }
        added
    }

    fn add_blocks<'p>(
        &mut self,
        to: Destination,
        tag: u32,
        blocks: Blocks<impl ExactSizeIterator<Item = [u8; 4]>, impl Iterator<Item = Payload<'p>>>,
    ) -> Result<(), Full> {
        let Blocks {
            gso,
            blksize,
            headers,
            pieces,
        } = blocks;
        if headers.len() == 0 {
            return Ok(());
        }
        let call = self.call(to, tag)?;
        let mut pieces = pieces.fuse();
        let mut rest = Payload::Bytes(&[]);
        for (number, header) in (0..).zip(headers) {
            let start = self.pieces.len();
            self.copied(&header)?;
            let mut mapped = false;
            let mut missing = blksize;
            while missing > 0 {
                if rest.is_empty() {
                    match pieces.next() {
                        Some(piece) => rest = piece,
                        None => break,
                    }
                    continue;
                }
                let (head, tail) = rest.split_at(missing);
                mapped |= matches!(head, Payload::Mapped(_));
                self.piece(head.as_ptr(), head.len())?;
                missing -= head.len();
                rest = tail;
            }
            let len = header.len() + (blksize - missing);
            let block = Message {
                segment: header.len().saturating_add(blksize),
                ..self.block(call, number, len, start, mapped)
            };
            match self.messages.last_mut() {
                Some(run) if gso && run.takes(&block) => {
                    run.blocks += 1;
                    run.len += block.len;
                    run.pieces.end = block.pieces.end;
                    run.mapped |= block.mapped;
                }
                _ => self.message(block)?,
            }
        }
        Ok(())
    }

    /// One datagram whose pieces begin at `start`.
    #[inline]
    fn block(&self, call: usize, number: u32, len: usize, start: usize, mapped: bool) -> Message {
        let pieces = start..self.pieces.len();
        Message {
            call,
            first_block: number,
            blocks: 1,
            segment: len,
            len,
            pieces,
            mapped,
        }
    }

    #[inline]
    fn call(&mut self, to: Destination, tag: u32) -> Result<usize, Full> {
        let index = self.calls.len();
        if index == MAX_MESSAGES {
            return Err(Full);
        }
        self.calls.push(Call { to, tag });
        Ok(index)
    }

    #[inline]
    fn message(&mut self, message: Message) -> Result<(), Full> {
        if self.messages.len() == MAX_MESSAGES || message.pieces.len() > MAX_MESSAGE_PIECES {
            return Err(Full);
        }
        self.messages.push(message);
        Ok(())
    }

    #[inline]
    fn copied(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let start = self.arena.len();
        if self.arena.capacity() - start < bytes.len() {
            return Err(Full);
        }
        self.arena.extend_from_slice(bytes);
        // Through the vector's own pointer, so that later additions leave this one valid.
        let first = self.arena.as_mut_ptr().wrapping_add(start);
        self.piece(first, bytes.len())
    }

    #[inline]
    fn piece(&mut self, first: *const u8, len: usize) -> Result<(), Full> {
        if self.pieces.len() == MAX_PIECES {
            return Err(Full);
        }
        // The kernel's structure is shared by reading and writing calls, hence the `mut`.
        self.pieces.push(libc::iovec {
            iov_base: first.cast_mut().cast(),
            iov_len: len,
        });
        Ok(())
    }

    const fn mark(&self) -> Mark {
        Mark {
            calls: self.calls.len(),
            messages: self.messages.len(),
            pieces: self.pieces.len(),
            arena: self.arena.len(),
        }
    }

    /// Only whole messages are undone: a call never extends a message of an earlier one.
    fn undo(&mut self, mark: &Mark) {
        self.calls.truncate(mark.calls);
        self.messages.truncate(mark.messages);
        self.pieces.truncate(mark.pieces);
        self.arena.truncate(mark.arena);
    }
}

/// A queue whose payloads are all there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live<'q>(&'q Queue);

impl<'q> Live<'q> {
    /// # Safety
    /// Every payload added since the queue was last cleared must outlive `'q`, and nothing may
    /// write to it.
    pub(super) const unsafe fn new(queue: &'q Queue) -> Self {
        Self(queue)
    }

    pub(crate) fn calls(self) -> &'q [Call] {
        &self.0.calls
    }

    pub(crate) fn messages(self) -> &'q [Message] {
        &self.0.messages
    }

    /// Descriptions of readable memory, or of mapped files.
    pub(crate) fn pieces(self, range: Range<usize>) -> &'q [libc::iovec] {
        self.0.pieces.get(range).unwrap_or_default()
    }

    /// The pieces of each single datagram of a message, in order.
    pub(crate) fn datagrams(self, message: &Message) -> impl Iterator<Item = Range<usize>> {
        let mut next = message.pieces.start;
        let (end, segment, run) = (message.pieces.end, message.segment, message.is_run());
        std::iter::from_fn(move || {
            let start = next;
            let mut len = 0;
            while next < end && (next == start || !run || len < segment) {
                len += self
                    .pieces(next..next + 1)
                    .first()
                    .map_or(0, |piece| piece.iov_len);
                next += 1;
            }
            (start < next).then_some(start..next)
        })
    }

    /// Copies one datagram of a message into `out`, one piece behind the other.
    ///
    /// Not if there is a mapped file in the message: to copy it is to read it in this process,
    /// which a truncated file would end. The error is what the kernel says of such a file.
    pub(crate) fn gather(
        self,
        message: &Message,
        pieces: Range<usize>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        out.clear();
        if message.mapped {
            return Err(io::Error::from_raw_os_error(libc::EFAULT));
        }
        let within = pieces.start.max(message.pieces.start)..pieces.end.min(message.pieces.end);
        for piece in self.pieces(within) {
            let first = piece.iov_base.cast_const().cast::<u8>();
            // SAFETY: the pieces of a live queue describe memory that nobody writes to; as they
            // belong to a message without mapped files, it is readable, and `first` comes from a
            // slice.
            let bytes = unsafe { &*ptr::slice_from_raw_parts(first, piece.iov_len) };
            out.extend_from_slice(bytes);
        }
        Ok(())
    }
}
