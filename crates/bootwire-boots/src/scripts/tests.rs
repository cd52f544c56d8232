use proptest::prelude::*;

use super::*;

/// `stage path`, of all files.
fn files(script: &Script) -> Vec<String> {
    let files = script.files();
    files
        .map(|(entry, named)| format!("{entry} {} {}", named.stage, named.target.as_str()))
        .collect()
}

fn read_as(path: &str, text: &str) -> Script {
    read(path, text.as_bytes()).expect("it is understood")
}

#[test]
fn grub_menus_with_variables_quotes_and_devices() {
    let script = read_as(
        "/grub/grub.cfg",
        r#"
        set timeout=5; set default="second"
        set base=/images/$unknown/12.7
        if [ -s $prefix/grubenv ]; then
            load_env
        fi
        function recordfail { set recordfail=1; }
        menuentry 'First' --id first {
            linux (tftp)/a/vmlinuz root=/dev/nfs "x y"
            initrd (tftp,10.0.0.1)/a/ucode.img /a/initrd\ 1.img
        }
        menuentry "Second" --class debian --id=second {
            linux ${base}/vmlinuz \
                quiet
            initrd ${base}/initrd.gz
            devicetree /dtb/board.dtb
        }
        submenu 'More' {
            menuentry 'Local' { chainloader (hd0,gpt1)/EFI/BOOT/BOOTX64.EFI }
            menuentry 'Web' { linux (http,web:8080)/vmlinuz; initrd (http,web:8080)/initrd }
        }
        source /grub/more.cfg
        "#,
    );
    assert_eq!(
        files(&script),
        [
            "0 kernel /a/vmlinuz",
            "0 initrd /a/ucode.img",
            "0 initrd /a/initrd 1.img",
            "1 kernel /images/*/12.7/vmlinuz",
            "1 initrd /images/*/12.7/initrd.gz",
            "1 devicetree /dtb/board.dtb",
            "3 kernel http://web:8080/vmlinuz",
            "3 initrd http://web:8080/initrd",
        ]
    );
    assert_eq!(script.default, Some(1));
    assert!(script.entries[2].local);
    assert_eq!(script.includes, [Target::Path("/grub/more.cfg".to_owned())]);
    assert!(
        script.entries[1].files[0]
            .target
            .is_asked_by("/images/x/12.7/vmlinuz")
    );
    assert!(
        !script.entries[1].files[0]
            .target
            .is_asked_by("/images/x/12.8/vmlinuz")
    );
}

#[test]
fn grub_without_a_menu() {
    let script = read_as(
        "/grub/grub.cfg-01-52-54-00-12-34-56",
        "if [ $x = 1 ]; then\n linux /a\nelse\n linux /b\nfi\ninitrd /c\nboot\n",
    );
    assert_eq!(
        files(&script),
        ["0 kernel /a", "0 kernel /b", "0 initrd /c"]
    );
    assert!(script.entries[0].conditional);
}

#[test]
fn syslinux_menus() {
    let script = read_as(
        "/bios/pxelinux.cfg/default",
        "default vesamenu.c32\nontimeout b\nmenu include menu/colours.cfg\n\
         label a\n kernel ::a/vmlinuz\n append initrd=a/one.img,a/two.img quiet\n\
         label b\n  MENU DEFAULT\n  LINUX http://web/vmlinuz\n  INITRD /b/initrd\n  FDT b.dtb\n\
         label c\n localboot 0\n",
    );
    assert_eq!(
        files(&script),
        [
            "0 kernel /a/vmlinuz",
            "0 initrd /bios/a/one.img",
            "0 initrd /bios/a/two.img",
            "1 kernel http://web/vmlinuz",
            "1 initrd /b/initrd",
            "1 devicetree /bios/b.dtb",
        ]
    );
    assert_eq!(script.default, Some(1));
    let include = Target::Path("/bios/menu/colours.cfg".to_owned());
    assert_eq!(script.includes, [include]);
}

#[test]
fn syslinux_without_labels() {
    let script = read_as(
        "/pxelinux.cfg/default",
        "DEFAULT vmlinuz initrd=initrd.img quiet\nPROMPT 0\n",
    );
    assert_eq!(
        files(&script),
        ["0 kernel /vmlinuz", "0 initrd /initrd.img"]
    );
    assert_eq!(script.default, Some(0));
}

#[test]
fn ipxe_scripts() {
    let script = read_as(
        "/scripts/boot.php",
        "#!ipxe\nset base-url http://user:secret@web/x?token=1\nset img tftp://${next-server}/i\n\
         isset ${net0/mac} || goto failed\n\
         menu Boot\nitem linux Linux\nchoose --default linux --timeout 5000 target && goto ${target}\n\
         :linux\nkernel ${img}/vmlinuz initrd=initrd.gz\ninitrd --name initrd.gz ${img}/initrd.gz || goto failed\nboot\n\
         :web\nkernel ${base-url}/vmlinuz\n\
         :more\nchain ../other.ipxe\n\
         :failed\nexit\n",
    );
    assert_eq!(
        files(&script),
        [
            "0 kernel /i/vmlinuz",
            "0 initrd /i/initrd.gz",
            "1 kernel http://web/x",
        ],
        "without passwords"
    );
    assert_eq!(script.default, Some(0));
    assert_eq!(script.includes, [Target::Path("/other.ipxe".to_owned())]);
    assert!(script.entries[2].local);
}

#[test]
fn raspberry_pi() {
    let script = read_as(
        "/1a2b3c4d/config.txt",
        "[pi4]\nkernel=kernel8.img\n[all]\nos_prefix=12/\ninitramfs a.gz,b.gz followkernel\n\
         device_tree=board.dtb\ninclude extra.txt\n",
    );
    assert_eq!(
        files(&script),
        [
            "0 kernel /1a2b3c4d/kernel8.img",
            "0 initrd /1a2b3c4d/12/a.gz",
            "0 initrd /1a2b3c4d/12/b.gz",
            "0 devicetree /1a2b3c4d/12/board.dtb",
        ]
    );
    assert!(script.entries[0].conditional);
    let include = Target::Path("/1a2b3c4d/extra.txt".to_owned());
    assert_eq!(script.includes, [include]);
}

#[test]
fn what_is_no_configuration_is_left_alone() {
    assert_eq!(read("/vmlinuz", b"menuentry x { linux /y }"), None);
    assert_eq!(read("/grub/grub.cfg", b"linux /x\0"), None);
    let script = read_as("/grub/grub.cfg", "linux /../../etc/passwd\n");
    assert!(script.is_empty(), "a name that climbs is none");
}

#[test]
fn a_name_below_other_directories_is_the_same_file() {
    let target = Target::Path("/debian/linux".to_owned());
    assert!(target.is_asked_by("/debian/linux"));
    assert!(target.is_asked_by("/bios/debian/linux"));
    assert!(!target.is_asked_by("/notdebian/linux"));
    assert!(!target.is_asked_by("/debian/linux2"));
}

#[test]
fn what_doubles_itself_stays_small() {
    let mut text = String::from("set a=xxxxxxxxxxxxxxxx\n");
    for _ in 0..100 {
        text.push_str("set a=$a$a\n");
    }
    text.push_str("linux /$a\n");
    let script = read_as("/grub/grub.cfg", &text);
    assert!(files(&script).iter().all(|file| file.len() < 2048));
    let many = "menuentry x { linux /a\n initrd /b\n }\n".repeat(10_000);
    let script = read_as("/grub/grub.cfg", &many);
    assert_eq!(script.entries.len(), ENTRIES_MAX);
    let deep = "menuentry x {".repeat(50_000);
    let _ = read_as("/grub/grub.cfg", &deep);
}

const PATHS: [&str; 4] = [
    "/grub/grub.cfg",
    "/pxelinux.cfg/default",
    "/x.ipxe",
    "/1a2b3c4d/config.txt",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        path in prop::sample::select(&PATHS[..]),
        text in "([a-z${}'\"\\\\ =/:;|&#\n*\\[\\]é]|linux |initrd |label |kernel |menuentry |set |chain |default )*",
    ) {
        if let Some(script) = read(path, text.as_bytes()) {
            prop_assert!(script.entries.len() <= ENTRIES_MAX);
            for (_, named) in script.files() {
                prop_assert!(named.target.as_str().len() <= 2 * NAME_MAX + 16);
                let _ = named.target.is_asked_by(path);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for path in PATHS {
            let _ = read(path, &bytes);
        }
    }
}
