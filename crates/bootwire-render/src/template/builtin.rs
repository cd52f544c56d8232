//! The templates that come with the crate.

/// Names and texts.
pub(super) const TEMPLATES: [(&str, &str); 3] = [
    (
        "bootwire/grub.cfg.j2",
        include_str!("../../templates/grub.cfg.j2"),
    ),
    (
        "bootwire/pxelinux.cfg.j2",
        include_str!("../../templates/pxelinux.cfg.j2"),
    ),
    (
        "bootwire/boot.ipxe.j2",
        include_str!("../../templates/boot.ipxe.j2"),
    ),
];
