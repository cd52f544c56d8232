//! A yardstick: a TFTP read server the way one writes it with tokio, and writes it well.
//!
//! One thread, one task and one connected socket for each transfer, the file in memory, no
//! allocation per block, the socket tried before it is awaited. It grants blksize, tsize and
//! windowsize. `perf-reference DIR ADDR:PORT`
//!
//! It is complete enough to be measured (it retransmits, it gives up) and no more: no uploads,
//! no netascii, no other options.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
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
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(listen)) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: perf-reference DIR ADDR:PORT"));
    };
    let listen: SocketAddr = listen.parse().map_err(io::Error::other)?;
    let files = Rc::new(load(Path::new(&dir))?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(listen, files))
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

async fn serve(listen: SocketAddr, files: Rc<HashMap<Vec<u8>, Rc<[u8]>>>) -> io::Result<()> {
    let socket = Socket::new(
        Domain::for_address(listen),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_recv_buffer_size(LISTENER_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    let listener = UdpSocket::from_std(socket.into())?;
    let mut datagram = [0; 2048];
    loop {
        let (length, peer) = listener.recv_from(&mut datagram).await?;
        let Some(request) = Request::parse(&datagram[..length]) else {
            continue;
        };
        let Some(content) = files.get(request.name).cloned() else {
            let _ = listener
                .send_to(b"\0\x05\0\x01File not found\0", peer)
                .await;
            continue;
        };
        let terms = request.terms(content.len());
        tokio::task::spawn_local(async move {
            // The client sees what went wrong by the silence; nothing here wants to know.
            let _ = transfer(peer, &content, &terms).await;
        });
    }
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

    fn terms(&self, size: usize) -> Terms {
        let mut terms = Terms {
            blksize: 512,
            windowsize: 1,
            oack: vec![0, 6],
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
                b"tsize" => size,
                _ => continue,
            };
            terms.oack.extend_from_slice(option);
            terms.oack.push(0);
            terms.oack.extend_from_slice(granted.to_string().as_bytes());
            terms.oack.push(0);
        }
        terms
    }
}

/// What was agreed, and the OACK that says it (two bytes long when there is nothing to say).
struct Terms {
    blksize: usize,
    windowsize: usize,
    oack: Vec<u8>,
}

async fn transfer(peer: SocketAddr, content: &[u8], terms: &Terms) -> io::Result<()> {
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
                let data = &content[from..content.len().min(from + terms.blksize)];
                packet[..2].copy_from_slice(&[0, 3]);
                packet[2..4].copy_from_slice(&wire(block).to_be_bytes());
                packet[4..4 + data.len()].copy_from_slice(data);
                send(&socket, &packet[..4 + data.len()]).await?;
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
