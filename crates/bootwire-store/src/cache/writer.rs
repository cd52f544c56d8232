//! Bytes from an origin into a file, at the pace they come.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::chunks::{CHUNK, Sum, Summing};
use super::data::Data;
use super::disk::Disk;
use super::fault::{Fault, is_planted};
use super::paced::Paced;
use crate::origin::OriginError;

/// Bytes written to the file at a time, and then told to those who wait: 256 KiB.
const BLOCK: usize = (CHUNK / 16) as usize;
/// Whose fault it is that a body did not come to its end in the file.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The origin's fault.
    Origin(OriginError),
    /// The disk's fault.
    Disk(io::Error),
}

impl From<OriginError> for Cut {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// A part of a file that is being written, from its start on.
pub(crate) struct Writer {
    disk: Arc<Disk>,
    data: Arc<Data>,
    /// Up to here the bytes are in the file.
    at: u64,
    end: u64,
    /// What has come and is not in the file.
    block: Vec<u8>,
    summing: Option<Summing>,
}

impl Writer {
    pub(crate) fn new(disk: &Arc<Disk>, data: &Arc<Data>, range: Range<u64>) -> Self {
        Self {
            disk: Arc::clone(disk),
            data: Arc::clone(data),
            at: range.start,
            end: range.end,
            block: Vec::new(),
            summing: Some(Summing::new()),
        }
    }

    /// The next byte to come.
    pub(crate) fn position(&self) -> u64 {
        self.at + self.block.len() as u64
    }

    /// Bytes that still have to come from the origin.
    pub(crate) fn to_come(&self) -> u64 {
        self.end - self.position()
    }

    /// Bytes that are not in the file, whether they have come or not.
    pub(crate) fn missing(&self) -> u64 {
        if self.is_forgetful() {
            return self.to_come();
        }
        self.end - self.at
    }

    fn is_forgetful(&self) -> bool {
        is_planted(&**self.disk.storage(), Fault::TailForgotten)
    }

    /// Writes what has come.
    async fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let (data, at) = (Arc::clone(&self.data), self.at);
        let block = std::mem::take(&mut self.block);
        let summing = self.summing.take();
        let mut summing =
            summing.ok_or_else(|| io::Error::other("a write to the cache was given up"))?;
        let write = move || {
            let written = data.write_all_at(&block, at);
            if written.is_ok() {
                summing.update(&block);
            }
            (block, summing, written)
        };
        let written = self.disk.run(write).await;
        let (mut block, summing, written) = written.map_err(io::Error::other)?;
        if written.is_ok() {
            self.at += block.len() as u64;
            block.clear();
        }
        // What could not be written is kept for another attempt.
        self.block = block;
        self.summing = Some(summing);
        written
    }

    /// Pours `body` into the file until it is full or the body ends; tells `arrived` up to where
    /// the bytes are in the file.
    pub(crate) async fn pour(
        &mut self,
        body: &mut Paced,
        arrived: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Cut> {
        let result = self.take_all(body, arrived).await;
        // What came before a failure is good.
        let flushed = self.settle(arrived).await;
        result?;
        Ok(flushed?)
    }

    async fn take_all(
        &mut self,
        body: &mut Paced,
        arrived: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Cut> {
        if self.block.len() >= BLOCK {
            self.flush().await?;
        }
        while self.to_come() > 0 {
            let max = self.to_come();
            let due = match body.next_soon(max).await? {
                Some(piece) if piece.is_empty() => return Ok(()),
                Some(piece) => {
                    self.block.extend_from_slice(&piece);
                    self.block.len() >= BLOCK
                }
                None => !self.block.is_empty(),
            };
            if due {
                self.flush().await?;
                arrived(self.at);
            }
        }
        Ok(())
    }

    /// Writes what has come.
    pub(crate) async fn settle(&mut self, arrived: &(dyn Fn(u64) + Send + Sync)) -> io::Result<()> {
        let flushed = self.flush().await;
        arrived(self.at);
        flushed
    }

    /// The sum of everything written.
    pub(crate) fn finish(self) -> io::Result<Sum> {
        if !self.block.is_empty() && !self.is_forgetful() {
            return Err(io::Error::other("not all of it was written to the cache"));
        }
        let summing = self.summing.map(Summing::finish);
        summing.ok_or_else(|| io::Error::other("a write to the cache failed"))
    }
}
