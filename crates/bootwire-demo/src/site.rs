//! The directory that the demo serves: configuration, templates, machines, and files to boot.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bootwire_bench::boots::Arch::{Arm64, X86_64};
use bootwire_bench::boots::image::{bcd, efi, initrd, noise};
use tempfile::TempDir;

use crate::DemoError;
use crate::fleet::{self, Member};
use crate::ports::Ports;
use crate::web::Files;

const CONFIG: &str = include_str!("site/bootwire.toml");
const TEMPLATES: [(&str, &str); 3] = [
    ("grub.cfg.j2", include_str!("site/templates/grub.cfg.j2")),
    (
        "pxelinux.cfg.j2",
        include_str!("site/templates/pxelinux.cfg.j2"),
    ),
    ("boot.ipxe.j2", include_str!("site/templates/boot.ipxe.j2")),
];

/// Files that are not made smaller.
const SMALL: usize = 128 << 10;

/// The directory, until it is dropped.
pub(crate) struct Site {
    path: PathBuf,
    /// Removes it at the end.
    temporary: Option<TempDir>,
}

impl Site {
    /// In this directory, which stays, or in a temporary one.
    pub(crate) fn make(
        keep: Option<&Path>,
        ports: &Ports,
        members: &[Member],
        small: bool,
    ) -> Result<Self, DemoError> {
        let site = match keep {
            Some(path) => Self::kept(path)?,
            None => Self::temporary()?,
        };
        site.fill(ports, members, small)
            .map_err(DemoError::system(format!(
                "cannot write into {}",
                site.path.display()
            )))?;
        Ok(site)
    }

    fn kept(path: &Path) -> Result<Self, DemoError> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(DemoError::system(format!("cannot make {shown}")))?;
        let mut entries =
            fs::read_dir(path).map_err(DemoError::system(format!("cannot read {shown}")))?;
        if entries.next().is_some() {
            return Err(DemoError::NotEmpty(shown.to_string()));
        }
        let path =
            fs::canonicalize(path).map_err(DemoError::system(format!("cannot find {shown}")))?;
        Ok(Self {
            path,
            temporary: None,
        })
    }

    fn temporary() -> Result<Self, DemoError> {
        let made = tempfile::Builder::new().prefix("bootwire-demo-").tempdir();
        let place = std::env::temp_dir();
        let made = made.map_err(DemoError::system(format!(
            "cannot make a directory in {} (TMPDIR names another place)",
            place.display()
        )))?;
        Ok(Self {
            path: made.path().to_owned(),
            temporary: Some(made),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the server keeps its boots.
    pub(crate) fn boots(&self) -> PathBuf {
        self.path.join("state/boots.db")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("bootwire.toml")
    }

    /// Whether it is there afterwards.
    pub(crate) const fn stays(&self) -> bool {
        self.temporary.is_none()
    }

    /// Removes it, if it is a temporary one.
    pub(crate) fn remove(self) -> Result<(), DemoError> {
        let shown = self.path.display();
        match self.temporary {
            Some(temporary) => temporary
                .close()
                .map_err(DemoError::system(format!("cannot remove {shown}"))),
            None => Ok(()),
        }
    }

    fn fill(&self, ports: &Ports, members: &[Member], small: bool) -> io::Result<()> {
        // Started as root, the server becomes another user.
        fs::set_permissions(&self.path, Permissions::from_mode(0o755))?;
        let config = ports.written_into(CONFIG);
        self.write("bootwire.toml", config.as_bytes())?;
        self.write("machines.toml", fleet::inventory(members).as_bytes())?;
        for (name, text) in TEMPLATES {
            self.write(&format!("templates/{name}"), text.as_bytes())?;
        }
        for (name, mut content) in files() {
            if small && content.len() > SMALL {
                content.truncate(content.len() / 8);
            }
            self.write(name, &content)?;
        }
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, content)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        let directories = path.ancestors().skip(1);
        for directory in directories.take_while(|directory| *directory != self.path) {
            fs::set_permissions(directory, Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// Makes a file.
type Make = fn() -> Vec<u8>;

/// What the demo's web server has.
pub(crate) fn web(small: bool) -> Files {
    let files: [(&str, Make); 2] = [
        ("/12.7/vmlinuz", || efi(X86_64, 8_219_520, 19)),
        ("/12.7/initrd.img", || initrd(16_777_216, 20)),
    ];
    let files = files.into_iter().map(|(path, make)| {
        let mut content = make();
        if small {
            content.truncate(content.len() / 8);
        }
        (path.to_owned(), content)
    });
    files.collect()
}

/// What is booted: as large as real files are, with the headers that matter, and noise behind them.
fn files() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let files: [(&str, Make); 26] = [
        ("tftproot/bootx64.efi", || efi(X86_64, 934_240, 1)),
        ("tftproot/grubx64.efi", || efi(X86_64, 2_598_000, 2)),
        ("tftproot/bootaa64.efi", || efi(Arm64, 869_584, 3)),
        ("tftproot/grubaa64.efi", || efi(Arm64, 2_400_000, 4)),
        ("tftproot/grub/x86_64-efi/gzio.mod", || noise(22_744, 5)),
        ("tftproot/grub/arm64-efi/gzio.mod", || noise(24_880, 6)),
        ("tftproot/pxelinux.0", || noise(42_430, 7)),
        ("tftproot/ldlinux.c32", || noise(116_096, 8)),
        ("tftproot/ipxe.efi", || efi(X86_64, 1_054_720, 9)),
        ("tftproot/ipxe-arm64.efi", || efi(Arm64, 1_067_008, 10)),
        ("tftproot/start4.elf", || noise(2_252_768, 11)),
        ("tftproot/fixup4.dat", || noise(5_400, 12)),
        ("tftproot/bcm2711-rpi-4-b.dtb", || noise(54_810, 13)),
        ("tftproot/cmdline.txt", || {
            b"console=tty1 root=/dev/nfs ip=dhcp\n".to_vec()
        }),
        ("tftproot/config.txt", || {
            b"[pi4]\nkernel=kernel8.img\ninitramfs initrd.img followkernel\n".to_vec()
        }),
        ("tftproot/kernel8.img", || efi(Arm64, 8_520_192, 14)),
        ("tftproot/initrd.img", || initrd(9_400_000, 15)),
        ("tftproot/bootmgfw.efi", || efi(X86_64, 1_552_216, 16)),
        ("tftproot/Boot/BCD", || {
            bcd("\\Boot\\boot.sdi", "\\sources\\boot.wim")
        }),
        ("tftproot/Boot/boot.sdi", || noise(3_170_304, 17)),
        ("tftproot/sources/boot.wim", || noise(26_214_400, 18)),
        ("images/12.7/vmlinuz", || efi(X86_64, 8_219_520, 19)),
        ("images/12.7/initrd.img", || initrd(16_777_216, 20)),
        ("images/arm64/Image", || efi(Arm64, 9_830_400, 21)),
        ("images/arm64/initrd.img", || initrd(9_400_000, 22)),
        ("images/arm64/revision-c.dtb", || noise(38_120, 23)),
    ];
    files.into_iter().map(|(name, make)| (name, make()))
}

#[cfg(test)]
mod tests {
    use bootwire_site::Config;

    use super::*;

    #[test]
    fn the_configuration_is_a_right_one_whichever_port_it_has() {
        let members = fleet::members(1.0);
        let ports = Ports {
            tftp: "127.0.0.1:7070".parse().unwrap(),
            admin: "127.0.0.1:7072".parse().unwrap(),
            metrics: "127.0.0.1:7071".parse().unwrap(),
            web: "127.0.0.1:7073".parse().unwrap(),
        };
        let site = Site::make(None, &ports, &members, true).unwrap();
        let config = Config::load_with(&site.config(), []).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let text = fs::read_to_string(site.config()).unwrap();
        assert!(text.contains("listen = \"127.0.0.1:7070\""));
        assert!(text.contains("listen = \"127.0.0.1:7071\""));
        assert!(text.contains("url = \"http://127.0.0.1:7073/\""));
        let path = site.path().to_owned();
        site.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_with_something_in_it_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let ports = Ports::choose(None).unwrap();
        let new = place.path().join("a/b");
        let kept = Site::make(Some(&new), &ports, &[], true).unwrap();
        assert!(kept.stays());
        kept.remove().unwrap();
        assert!(new.join("templates/grub.cfg.j2").exists());
        let again = Site::make(Some(&new), &ports, &[], true);
        let why = again.err().unwrap().to_string();
        assert!(why.ends_with("is not empty: name a new directory, or an empty one, for --keep"));
    }
}
