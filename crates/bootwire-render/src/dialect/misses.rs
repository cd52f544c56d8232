//! Names whose absence is no fault.

use super::{Ask, Loader, asked};

/// Parts of a Raspberry Pi's boot partition that its boot loader tries in every boot and does
/// without.
const RASPBERRY_PI: [&str; 14] = [
    "autoboot.txt",
    "boot.sig",
    "bootcode4.bin",
    "bootsig.bin",
    "dt-blob.bin",
    "pieeprom.sig",
    "pieeprom.upd",
    "recover4.elf",
    "recovery.bin",
    "recovery.elf",
    "syscfg.txt",
    "tryboot.txt",
    "usercfg.txt",
    "vl805.sig",
];

/// Whether a boot loader that asks for this path goes on without the file: it is a step of a search
/// that ends elsewhere, or one it tries in every boot. The last name of a search, such as
/// `pxelinux.cfg/default`, is none of them, and neither is a kernel.
///
/// A log that hides such misses shows those that matter.
///
/// ```
/// use bootwire_render::dialect::goes_on_without;
///
/// assert!(goes_on_without("/pxelinux.cfg/C0A802"));
/// assert!(goes_on_without("/grub/x86_64-efi/command.lst"));
/// assert!(!goes_on_without("/pxelinux.cfg/default"));
/// assert!(!goes_on_without("/vmlinuz"));
/// ```
#[must_use]
pub fn goes_on_without(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = directory.rsplit('/').next().unwrap_or_default();
    if let Some(found) = asked(path) {
        return match found.ask {
            Ask::List | Ask::Optional | Ask::Network(_) => true,
            // A Raspberry Pi looks in the root next.
            Ask::Machine(_) => matches!(
                found.loader,
                Loader::Grub | Loader::Pxelinux | Loader::RaspberryPi
            ),
            // U-Boot asks for its architecture and board before the default of all.
            Ask::Default => name.starts_with("default-") || RASPBERRY_PI.contains(&name),
        };
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    RASPBERRY_PI.contains(&name)
        // GRUB's translations.
        || (parent == "locale" && matches!(extension, "mo" | "gmo"))
        // U-Boot's script, before it looks as PXELINUX does.
        || name == "boot.scr.uimg"
        // Windows: nothing to resume, and fonts for languages that are not shown.
        || name.eq_ignore_ascii_case("hiberfil.sys")
        || (parent.eq_ignore_ascii_case("fonts") && extension.eq_ignore_ascii_case("ttf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_searches_and_optional_files_may_be_missing() {
        for path in [
            "/pxelinux.cfg/01-52-54-00-12-34-56",
            "/pxelinux.cfg/4c4c4544-0042-3510-8051-b7c04f4d4d31",
            "/pxelinux.cfg/C0A80207",
            "/pxelinux.cfg/C0A8",
            "/pxelinux.cfg/default-arm-bcm283x",
            "/grub/grub.cfg-01-52-54-00-12-34-56",
            "/grub/x86_64-efi/fs.lst",
            "/grub/locale/en.gmo",
            "/autoexec.ipxe",
            "/revocations_sku.efi",
            "/shim_certificate_0.efi",
            "/1a2b3c4d/start4.elf",
            "/recovery.elf",
            "/autoboot.txt",
            "/boot.scr.uimg",
            "/Boot/Fonts/wgl4_boot.ttf",
            "/hiberfil.sys",
        ] {
            assert!(goes_on_without(path), "{path}");
        }
    }

    #[test]
    fn what_a_boot_needs_may_not() {
        for path in [
            "/pxelinux.cfg/default",
            "/grub/grub.cfg",
            "/pxelinux.0",
            "/vmlinuz",
            "/initrd.img",
            "/bootcode.bin",
            "/start4.elf",
            "/config.txt",
            "/Boot/BCD",
            "/mac-52-54-00-12-34-56.ipxe",
            "/SEP001122334455.cnf.xml",
            "/router1-confg",
        ] {
            assert!(!goes_on_without(path), "{path}");
        }
    }
}
