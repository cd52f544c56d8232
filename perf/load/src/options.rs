//! The command line.

use std::net::SocketAddrV4;
use std::time::Duration;

/// What to do. All of it is given as `--name value`.
pub struct Options {
    pub server: SocketAddrV4,
    pub name: String,
    pub content: Vec<u8>,
    pub clients: usize,
    /// 512: the option is not sent.
    pub blksize: usize,
    /// 1: the option is not sent.
    pub windowsize: usize,
    /// Each client reads once; else again and again until `limit`.
    pub once: bool,
    pub limit: Duration,
    pub timeout: Duration,
    pub tries: u32,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            server: "127.0.0.1:6969".parse().expect("an address"),
            name: String::new(),
            content: Vec::new(),
            clients: 1,
            blksize: 512,
            windowsize: 1,
            once: false,
            limit: Duration::from_secs(3),
            timeout: Duration::from_secs(1),
            tries: 8,
        };
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let bad = |error: &dyn std::fmt::Display| format!("{name} {value}: {error}");
            let number = || value.parse::<usize>().map_err(|error| bad(&error));
            match name.as_str() {
                "--server" => options.server = value.parse().map_err(|error| bad(&error))?,
                "--name" => options.name.clone_from(&value),
                "--content" => {
                    options.content = std::fs::read(&value).map_err(|error| bad(&error))?;
                }
                "--clients" => options.clients = number()?,
                "--blksize" => options.blksize = number()?,
                "--windowsize" => options.windowsize = number()?,
                "--once" => options.once = number()? != 0,
                "--seconds" => options.limit = Duration::from_secs(number()? as u64),
                "--timeout-ms" => options.timeout = Duration::from_millis(number()? as u64),
                "--tries" => options.tries = number()? as u32,
                _ => return Err(format!("{name} is unknown")),
            }
        }
        Ok(options)
    }

    /// The read request these options make.
    pub fn request(&self) -> Vec<u8> {
        let mut packet = vec![0, 1];
        let mut field = |text: &str| {
            packet.extend_from_slice(text.as_bytes());
            packet.push(0);
        };
        field(&self.name);
        field("octet");
        if self.blksize != 512 {
            field("blksize");
            field(&self.blksize.to_string());
        }
        if self.windowsize != 1 {
            field("windowsize");
            field(&self.windowsize.to_string());
        }
        packet
    }
}
