//! What is sent: a file, in which each client reads on from where it is, every block behind a
//! header of its own. No server can send less than that, or from a single buffer that stays in
//! the processor's cache.

use std::io::IoSlice;
use std::ops::Range;

/// Most bytes in one UDP datagram before segmentation.
const GSO_BYTES: usize = 65_507;
/// Most blocks that the kernel cuts out of one message.
const GSO_BLOCKS: usize = 128;
/// In front of each block.
const HEADER: [u8; 4] = [0, 3, 0, 1];

/// The file, and where each client is in it.
pub struct Content {
    file: Vec<u8>,
    positions: Vec<usize>,
    blksize: usize,
    window: usize,
}

/// One message: blocks, each a header and a piece of the file.
pub type Pieces<'c> = Vec<IoSlice<'c>>;

impl Content {
    /// A file of `size` bytes, at least a window.
    pub fn new(size: usize, clients: usize, blksize: usize, window: usize) -> Self {
        let window_bytes = blksize * window;
        let file = vec![0x5a; size];
        // Clients are spread over the file, as those of a server that has run for a while.
        let apart = (file.len() - window_bytes) / clients;
        Self {
            file,
            positions: (0..clients).map(|client| client * apart).collect(),
            blksize,
            window,
        }
    }

    /// Bytes of a datagram.
    pub const fn segment(&self) -> usize {
        HEADER.len() + self.blksize
    }

    /// The next window of each of these clients, in as few messages as possible: first the first
    /// message to each, then the second. Afterwards they are one window further.
    pub fn windows(&mut self, clients: Range<usize>) -> Vec<Vec<Pieces<'_>>> {
        let window_bytes = self.blksize * self.window;
        let positions = &mut self.positions[clients];
        let starts: Vec<usize> = positions
            .iter_mut()
            .map(|position| {
                if *position + window_bytes > self.file.len() {
                    *position = 0;
                }
                let start = *position;
                *position += window_bytes;
                start
            })
            .collect();
        let most = (GSO_BYTES / self.segment()).clamp(1, GSO_BLOCKS);
        let blocks: Vec<usize> = (0..self.window).collect();
        let message = |start: usize, blocks: &[usize]| {
            let blocks = blocks.iter().flat_map(|block| {
                let from = start + block * self.blksize;
                [&HEADER[..], &self.file[from..from + self.blksize]]
            });
            blocks.map(IoSlice::new).collect()
        };
        let parts = blocks.chunks(most);
        parts
            .map(|part| starts.iter().map(|&start| message(start, part)).collect())
            .collect()
    }
}
