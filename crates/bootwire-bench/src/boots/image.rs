//! Files to boot from: with the headers that matter, and noise behind them.

use super::Arch;

/// Where the PE header begins in the programs made here.
const PE_AT: usize = 0x80;

/// A program for UEFI on this processor, of this many bytes (512 at least): a loader, or a kernel
/// with a stub for UEFI. Its header is right; what follows is noise that depends on the seed.
#[must_use]
pub fn efi(arch: Arch, size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = noise(size.max(512), seed);
    let header = &mut bytes[..512];
    header.fill(0);
    header[..2].copy_from_slice(b"MZ");
    header[0x3c..0x40].copy_from_slice(&(PE_AT as u32).to_le_bytes());
    header[PE_AT..PE_AT + 4].copy_from_slice(b"PE\0\0");
    let coff = PE_AT + 4;
    header[coff..coff + 2].copy_from_slice(&arch.pe_machine().to_le_bytes());
    // Sections; the size of the optional header; an executable image.
    header[coff + 2] = 1;
    header[coff + 16..coff + 18].copy_from_slice(&240_u16.to_le_bytes());
    header[coff + 18..coff + 20].copy_from_slice(&0x0206_u16.to_le_bytes());
    // PE32+, and an EFI application.
    let optional = coff + 20;
    header[optional..optional + 2].copy_from_slice(&0x020b_u16.to_le_bytes());
    header[optional + 68..optional + 70].copy_from_slice(&10_u16.to_le_bytes());
    bytes
}

/// A compressed archive, by its first bytes: an initrd of this many bytes (16 at least).
#[must_use]
pub fn initrd(size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = noise(size.max(16), seed);
    bytes[..10].copy_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    bytes
}

/// A store of the Windows boot manager's (`\Boot\BCD`): its entry boots a disk image into memory,
/// both named in Windows' way, such as `\sources\boot.wim`.
#[must_use]
pub fn bcd(sdi: &str, wim: &str) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(b"regf");
    for text in [sdi, wim] {
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend([0; 14]);
    }
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    bytes
}

/// Bytes that do not compress: the same seed, the same bytes.
#[must_use]
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// The number of the processor that a program for UEFI is made for; `None` if it is no such program.
#[must_use]
pub fn pe_machine(head: &[u8]) -> Option<u16> {
    if !head.starts_with(b"MZ") {
        return None;
    }
    let at = u32::from_le_bytes(head.get(0x3c..0x40)?.try_into().ok()?);
    let header = head.get(usize::try_from(at).ok()?..)?;
    let machine = header.strip_prefix(b"PE\0\0")?.get(..2)?;
    Some(u16::from_le_bytes(machine.try_into().ok()?))
}

/// The sum that [`Fetched::checksum`](super::Fetched::checksum) has (FNV-1a, 64 bits).
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.value()
}

/// A sum that grows block by block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(super) const fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_for_which_processor_they_are() {
        for arch in [Arch::X86_64, Arch::Arm64] {
            let program = efi(arch, 100_000, 1);
            assert_eq!(program.len(), 100_000);
            assert_eq!(pe_machine(&program), Some(arch.pe_machine()));
            assert_eq!(Arch::of_pe_machine(arch.pe_machine()), Some(arch));
        }
        for other in [&b""[..], b"MZ", b"#!ipxe\n", &[b'M'; 4096], &noise(4096, 1)] {
            assert_eq!(pe_machine(other), None);
        }
        let mut beyond = efi(Arch::Arm64, 512, 1);
        beyond[0x3c..0x40].fill(0xff);
        assert_eq!(pe_machine(&beyond), None);
    }

    #[test]
    fn sums_do_not_depend_on_the_blocks() {
        let bytes = noise(5000, 3);
        let mut sum = Sum::default();
        bytes.chunks(512).for_each(|block| sum.add(block));
        assert_eq!(sum.value(), checksum(&bytes));
        assert_ne!(checksum(&bytes), checksum(&noise(5000, 4)));
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
    }
}
