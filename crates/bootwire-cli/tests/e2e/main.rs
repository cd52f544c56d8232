//! End to end: the binary people install, against the clients people boot with.
//!
//! Real clients (tftp-hpa, atftp, curl, busybox, tftpy and `bootwire get` and `put`) move whole
//! files both ways. Scripted ones speak UDP packet by packet, as the firmware in the field was seen
//! to do, and check what only the wire shows: source ports, option order, resends, silence.
//!
//! Each test starts a server of its own on a port of its own and may run beside all others.
//! `./test` at the top of the repository installs the clients.

mod harness;

mod addresses;
mod admin;
mod amplification;
mod boots;
mod bootwire_client;
mod check;
mod commands;
mod configured;
mod corpus;
mod crowds;
mod demo;
mod disk;
mod faults;
mod first_packets;
mod forged;
mod forged_uploads;
mod lifecycle;
mod loads;
mod logs;
mod loss;
mod machines;
mod malformed;
mod measured;
mod migrate;
mod nat;
mod oack;
mod one_port;
mod permissions;
mod portable;
mod probes;
mod reads;
mod refused_files;
mod replaced;
mod rollover;
mod sandbox;
mod scraped;
mod search;
mod service;
mod startup;
mod storms;
mod strangers;
mod told;
mod unread;
mod uploads;
mod uploads_wire;
mod windows_boot;
mod writes;
