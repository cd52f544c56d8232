//! Configurations of other TFTP servers, read and written as Bootwire's.
//!
//! | server | reads | module |
//! |---|---|---|
//! | tftp-hpa | options of `in.tftpd`, `/etc/default/tftpd-hpa`, a line of inetd, maps | [`tftp_hpa`] |
//! | dnsmasq | `dnsmasq.conf` and what it includes | [`dnsmasq`] |
//! | atftpd | options, `/etc/default/atftpd`, maps of PCRE | [`atftpd`] |
//! | hooktftp | `hooktftp.yml` | [`hooktftp`] |
//!
//! Each has a reader, which knows the line of everything and keeps what it does not understand, and a
//! writer. Both take any text: none makes them panic, and what they keep grows with the text alone.
//! What comes out is a [`Migrated`]: a configuration with a comment for each line it was made of, and
//! [findings](Finding) about what it cannot say.
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod draft;
mod place;
mod toml;
mod words;

pub mod atftpd;
pub mod dnsmasq;
pub mod hooktftp;
pub mod tftp_hpa;

pub use draft::{Finding, Kind, Migrated};
pub use place::{Place, Source};
