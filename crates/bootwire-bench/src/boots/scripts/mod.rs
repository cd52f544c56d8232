//! The configurations that boot loaders read. What they do not know they leave out, as real ones do.

pub(super) mod bcd;
pub(super) mod grub;
pub(super) mod ipxe;
pub(super) mod raspberry;
pub(super) mod syslinux;
