//! A yardstick: a TFTP read server the way one writes it with tokio, and writes it well.
//!
//! One thread, one task and one connected socket for each transfer, the file in memory, no
//! allocation per block, the socket tried before it is awaited. It grants blksize, tsize and
//! windowsize. `perf-reference DIR ADDR:PORT`
//!
//! With `--open` before these it has no files in memory, as few servers have: each transfer opens
//! its own on one of tokio's threads for what blocks, and reads block after block from it.
//!
//! It is complete enough to be measured (it retransmits, it gives up) and no more: no uploads,
//! no netascii, no other options.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::LocalSet;
use tokio::time::timeout;

const RETRANSMIT: Duration = Duration::from_secs(1);
const TRIES: u32 = 6;
const LISTENER_BUFFER: usize = 4 << 20;

fn main() -> io::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let open = args.first().is_some_and(|arg| arg == "--open");
    args.drain(..usize::from(open));
    let [dir, listen] = args.as_slice() else {
        return Err(io::Error::other(
            "usage: perf-reference [--open] DIR ADDR:PORT",
        ));
    };
    let listen: SocketAddr = listen.parse().map_err(io::Error::other)?;
    let files = Rc::new(if open {
        Files::Directory(PathBuf::from(dir))
    } else {
        Files::Memory(load(Path::new(dir))?)
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(listen, files))
}

/// Where content comes from.
enum Files {
    Memory(HashMap<Vec<u8>, Rc<[u8]>>),
    Directory(PathBuf),
}

impl Files {
    async fn find(&self, name: &[u8]) -> Option<Content> {
        match self {
            Self::Memory(files) => files.get(name).cloned().map(Content::Memory),
            Self::Directory(dir) => {
                let name = std::str::from_utf8(name).ok()?;
                if name.contains('/') {
                    return None;
                }
                let path = dir.join(name);
                let open = move || {
                    let file = File::open(path)?;
                    let size = file.metadata()?.len();
                    io::Result::Ok((file, size as usize))
                };
                let (file, size) = tokio::task::spawn_blocking(open).await.ok()?.ok()?;
                Some(Content::File(file, size))
            }
        }
    }
}

/// A file.
enum Content {
    Memory(Rc<[u8]>),
    File(File, usize),
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(_, size) => *size,
        }
    }

    /// Copies what is at `from`, as much as fits or there is.
    fn read(&self, from: usize, block: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let bytes = &bytes[from..bytes.len().min(from + block.len())];
                block[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
            Self::File(file, _) => file.read_at(block, from as u64),
        }
    }
}

/// Every file of the directory, by name.
fn load(dir: &Path) -> io::Result<HashMap<Vec<u8>, Rc<[u8]>>> {
    let mut files = HashMap::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().into_encoded_bytes();
            files.insert(name, std::fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}

async fn serve(listen: SocketAddr, files: Rc<Files>) -> io::Result<()> {
    let socket = Socket::new(
        Domain::for_address(listen),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_recv_buffer_size(LISTENER_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    let listener = Rc::new(UdpSocket::from_std(socket.into())?);
    let mut datagram = [0; 2048];
    loop {
        let (length, peer) = listener.recv_from(&mut datagram).await?;
        let Some(request) = Request::parse(&datagram[..length]) else {
            continue;
        };
        let name = request.name.to_vec();
        let terms = request.terms();
        if let Files::Memory(_) = *files {
            // Nothing to wait for: no task before it is known that there is something to send.
            match files.find(&name).await {
                Some(content) => {
                    tokio::task::spawn_local(answer(peer, content, terms));
                }
                None => absent(&listener, peer).await,
            }
            continue;
        }
        let (files, listener) = (Rc::clone(&files), Rc::clone(&listener));
        tokio::task::spawn_local(async move {
            match files.find(&name).await {
                Some(content) => answer(peer, content, terms).await,
                None => absent(&listener, peer).await,
            }
        });
    }
}

async fn answer(peer: SocketAddr, content: Content, mut terms: Terms) {
    terms.tell_size(content.len());
    // The client sees what went wrong by the silence; nothing here wants to know.
    let _ = transfer(peer, &content, &terms).await;
}

async fn absent(listener: &UdpSocket, peer: SocketAddr) {
    let _ = listener
        .send_to(b"\0\x05\0\x01File not found\0", peer)
        .await;
}

/// A read request, its option values as they stand.
struct Request<'a> {
    name: &'a [u8],
    options: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Request<'a> {
    fn parse(datagram: &'a [u8]) -> Option<Self> {
        let fields = datagram.strip_prefix(&[0, 1])?.strip_suffix(&[0])?;
        let mut fields = fields.split(|byte| *byte == 0);
        let name = fields.next()?;
        let mode = fields.next()?;
        if !mode.eq_ignore_ascii_case(b"octet") {
            return None;
        }
        let mut options = Vec::new();
        while let (Some(option), Some(value)) = (fields.next(), fields.next()) {
            options.push((option, value));
        }
        Some(Self { name, options })
    }

    fn terms(&self) -> Terms {
        let mut terms = Terms {
            blksize: 512,
            windowsize: 1,
            oack: vec![0, 6],
            tsize: None,
        };
        for (option, value) in &self.options {
            let value = std::str::from_utf8(value).ok();
            let Some(value) = value.and_then(|value| value.parse::<usize>().ok()) else {
                continue;
            };
            let granted = match option.to_ascii_lowercase().as_slice() {
                b"blksize" if value >= 8 => {
                    terms.blksize = value.min(65464);
                    terms.blksize
                }
                b"windowsize" if value >= 1 => {
                    terms.windowsize = value.min(64);
                    terms.windowsize
                }
                b"tsize" => {
                    terms.tsize = Some(option.to_vec());
                    continue;
                }
                _ => continue,
            };
            terms.tell(option, granted);
        }
        terms
    }
}

/// What was agreed, and the OACK that says it (two bytes long when there is nothing to say).
struct Terms {
    blksize: usize,
    windowsize: usize,
    oack: Vec<u8>,
    /// The size is asked for, under this name.
    tsize: Option<Vec<u8>>,
}

impl Terms {
    fn tell(&mut self, option: &[u8], value: usize) {
        self.oack.extend_from_slice(option);
        self.oack.push(0);
        self.oack.extend_from_slice(value.to_string().as_bytes());
        self.oack.push(0);
    }

    fn tell_size(&mut self, size: usize) {
        if let Some(option) = self.tsize.take() {
            self.tell(&option, size);
        }
    }
}

async fn transfer(peer: SocketAddr, content: &Content, terms: &Terms) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(peer).await?;
    let blocks = content.len() / terms.blksize + 1;
    let mut packet = vec![0; 4 + terms.blksize];
    let mut acked = 0;
    let mut opened = terms.oack.len() == 2;
    let mut tries = 0;
    while acked < blocks {
        let end = if opened {
            let end = (acked + terms.windowsize).min(blocks);
            for block in acked + 1..=end {
                let from = (block - 1) * terms.blksize;
                packet[..2].copy_from_slice(&[0, 3]);
                packet[2..4].copy_from_slice(&wire(block).to_be_bytes());
                let length = content.read(from, &mut packet[4..])?;
                send(&socket, &packet[..4 + length]).await?;
            }
            end
        } else {
            send(&socket, &terms.oack).await?;
            0
        };
        match timeout(RETRANSMIT, ack(&socket, acked, end, opened)).await {
            Ok(Ok(block)) => {
                acked = block;
                opened = true;
                tries = 0;
            }
            Ok(Err(error)) => return Err(error),
            Err(_) if tries == TRIES => return Ok(()),
            Err(_) => tries += 1,
        }
    }
    Ok(())
}

/// The last 16 bits of a block's position are what travels.
#[expect(clippy::cast_possible_truncation, reason = "block numbers wrap")]
fn wire(block: usize) -> u16 {
    block as u16
}

async fn send(socket: &UdpSocket, packet: &[u8]) -> io::Result<()> {
    match socket.try_send(packet) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.send(packet).await.map(drop)
        }
        other => other.map(drop),
    }
}

/// Waits for an ACK between `acked` (only if nothing was opened yet) and `end`.
async fn ack(socket: &UdpSocket, acked: usize, end: usize, opened: bool) -> io::Result<usize> {
    let mut datagram = [0; 64];
    loop {
        let length = match socket.try_recv(&mut datagram) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.recv(&mut datagram).await?
            }
            other => other?,
        };
        match datagram[..length] {
            [0, 4, high, low] => {
                let ahead = usize::from(u16::from_be_bytes([high, low]).wrapping_sub(wire(acked)));
                if acked + ahead <= end && (ahead > 0 || !opened) {
                    return Ok(acked + ahead);
                }
            }
            [0, 5, ..] => return Err(io::Error::other("the client gave up")),
            _ => {}
        }
    }
}
