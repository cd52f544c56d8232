//! Content that cannot be sent as it is: files that are not mapped, and netascii.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bootwire_proto::{Mode, netascii};
use bytes::Bytes;

use super::{Content, changed};
use crate::file::{OpenFile, READ_PIECE};
use crate::partial_file::PartialSource;
use crate::{BoxFuture, Refusal, Source};

impl Content {
    /// The content as the engine can send it in `mode`: plain bytes, in memory, in a mapped file, or
    /// coming as a stream. Without `mapping` no file is sent from its mapping.
    pub(crate) fn sendable(self, mode: Mode, mapping: bool) -> Self {
        let as_it_is = mapping && mode == Mode::Octet;
        let content = match self {
            Self::File { file, .. } if file.is_empty() => Self::Memory(Bytes::new()),
            Self::File { file, .. } if !(as_it_is && file.is_mapped()) => {
                Self::source(Box::new(FileSource { file, offset: 0 }))
            }
            Self::Partial { file, .. } if file.is_empty() => Self::Memory(Bytes::new()),
            Self::Partial { file, .. } if !(as_it_is && file.is_mapped()) => {
                Self::source(Box::new(PartialSource::new(file)))
            }
            sendable => sendable,
        };
        match (mode, content) {
            (Mode::Netascii, Self::Memory(text)) => {
                Self::Memory(encode(&mut netascii::Encoder::default(), &text))
            }
            (Mode::Netascii, Self::Stream(mut stream)) => match stream.take_source() {
                Some(source) => Self::source(Box::new(NetasciiSource {
                    source,
                    encoder: netascii::Encoder::default(),
                })),
                None => Self::Stream(stream),
            },
            (_, content) => content,
        }
    }

    /// The content as a stream, whatever it is.
    pub(crate) fn into_source(self) -> Box<dyn Source> {
        match self {
            // Nobody reads it before the engine has it.
            Self::Stream(mut stream) => stream
                .take_source()
                .unwrap_or_else(|| Box::new(InMemory(Bytes::new()))),
            Self::Memory(bytes) => Box::new(InMemory(bytes)),
            Self::File { file, .. } => Box::new(FileSource { file, offset: 0 }),
            Self::Partial { file, .. } => Box::new(PartialSource::new(file)),
        }
    }
}

/// Bytes in memory, given once.
struct InMemory(Bytes);

impl Source for InMemory {
    fn size(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(std::future::ready(Ok(std::mem::take(&mut self.0))))
    }
}

fn encode(encoder: &mut netascii::Encoder, text: &[u8]) -> Bytes {
    let mut wire = Vec::with_capacity(text.len() + text.len() / 32);
    encoder.push(text, &mut wire);
    wire.into()
}

/// A source converted on the way. Its size after conversion is not known before it ends.
struct NetasciiSource {
    source: Box<dyn Source>,
    encoder: netascii::Encoder,
}

impl Source for NetasciiSource {
    fn read_ahead(&self) -> u64 {
        self.source.read_ahead()
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let piece = self.source.next().await?;
            Ok(encode(&mut self.encoder, &piece))
        })
    }
}

/// A file read piece by piece, for file systems on which mappings are unwise.
struct FileSource {
    file: Arc<OpenFile>,
    offset: u64,
}

impl Source for FileSource {
    fn size(&self) -> Option<u64> {
        Some(self.file.len())
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let (file, offset) = (Arc::clone(&self.file), self.offset);
            let left = file.len() - offset;
            if left == 0 {
                return Ok(Bytes::new());
            }
            let read = move || read_piece(&file, offset, left.min(READ_PIECE));
            let piece = tokio::task::spawn_blocking(read)
                .await
                .map_err(io::Error::other)??;
            self.offset += piece.len() as u64;
            Ok(piece.into())
        })
    }
}

fn read_piece(file: &OpenFile, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let changed = |detail: &str| io::Error::other(changed().because(detail));
    let mut piece = vec![0; len as usize];
    file.file()
        .read_exact_at(&mut piece, offset)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed("the file was truncated while it was sent"),
            // It is ours, no origin's.
            _ => io::Error::other(Refusal::from(error)),
        })?;
    // The last piece vouches for all of them: a file written to in place may have given a mix of two
    // versions.
    if offset + len == file.len() && !file.unchanged()? {
        return Err(changed("the file was written to while it was sent"));
    }
    Ok(piece)
}
