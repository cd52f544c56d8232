//! Patterns, with the names real boot loaders ask for.

use bootwire::router::{App, Pattern};
use bootwire::{BoxFuture, Endpoint, Op, Refusal, Reply, Request, Router};

/// Tells what reached it by its refusal.
struct Tell;

impl Endpoint<Reply> for Tell {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        let told = self.at_hand(&request).unwrap();
        Box::pin(async { told })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        let params: Vec<_> = request
            .params()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Some(Err(Refusal::denied().because(params.join(" "))))
    }
}

fn read(filename: &str) -> Request {
    Request::synthetic(Op::Read, filename, "192.0.2.7:4000".parse().unwrap(), &[]).unwrap()
}

/// The parameters `pattern` finds in a request for `filename`, as `name=value` joined by spaces.
fn matched(pattern: &str, filename: &str) -> Option<String> {
    ask(Router::new().read(pattern, Tell), filename)
}

fn ask(router: Router, filename: &str) -> Option<String> {
    let refusal = App::from(router)
        .at_hand(&read(filename))
        .unwrap()
        .unwrap_err();
    refusal.detail().map(str::to_owned)
}

#[test]
fn text_matches_itself_alone() {
    assert_eq!(matched("/pxelinux.0", "pxelinux.0").as_deref(), Some(""));
    assert_eq!(matched("/pxelinux.0", "//pxelinux.0").as_deref(), Some(""));
    assert_eq!(matched("/Boot/BCD", "\\Boot\\BCD").as_deref(), Some(""));
    for other in [
        "pxelinux.01",
        "pxelinux",
        "x/pxelinux.0",
        "pxelinux.0/",
        "PXELINUX.0",
        "/",
    ] {
        assert_eq!(matched("/pxelinux.0", other), None, "{other}");
    }
}

#[test]
fn hardware_addresses() {
    for (pattern, filename, expected) in [
        (
            "/grub/grub.cfg-01-{mac}",
            "/grub/grub.cfg-01-52-54-00-12-34-5a",
            "mac=52:54:00:12:34:5a",
        ),
        (
            "/pxelinux.cfg/01-{mac}",
            "pxelinux.cfg/01-52-54-00-12-34-5A",
            "mac=52:54:00:12:34:5a",
        ),
        (
            "/SEP{mac}.cnf.xml",
            "SEP00070E5A1B2C.cnf.xml",
            "mac=00:07:0e:5a:1b:2c",
        ),
        ("/{mac}.htm", "000413A1B2C3.htm", "mac=00:04:13:a1:b2:c3"),
        (
            "/{phone:mac}-{model:int}.cfg",
            "0004.13A1.B2C3-320.cfg",
            "phone=00:04:13:a1:b2:c3 model=320",
        ),
        (
            "/ipxe/{mac}/{file}",
            "ipxe/52:54:00:12:34:56/boot.ipxe",
            "mac=52:54:00:12:34:56 file=boot.ipxe",
        ),
    ] {
        assert_eq!(
            matched(pattern, filename).as_deref(),
            Some(expected),
            "{pattern} {filename}"
        );
    }
    for (pattern, filename) in [
        ("/pxelinux.cfg/01-{mac}", "pxelinux.cfg/01-52-54-00-12-34"),
        (
            "/pxelinux.cfg/01-{mac}",
            "pxelinux.cfg/01-52-54-00-12-34-56-78",
        ),
        (
            "/pxelinux.cfg/01-{mac}",
            "pxelinux.cfg/01-52-54:00-12-34-56",
        ),
        ("/pxelinux.cfg/01-{mac}", "pxelinux.cfg/default"),
        ("/SEP{mac}.cnf.xml", "SEPDefault.cnf.xml"),
    ] {
        assert_eq!(matched(pattern, filename), None, "{pattern} {filename}");
    }
}

#[test]
fn addresses() {
    for (pattern, filename, expected) in [
        (
            "/pxelinux.cfg/{ip:hex}",
            "pxelinux.cfg/C0A8010F",
            "ip=192.168.1.15",
        ),
        (
            "/grub/grub.cfg-{ip:hex}",
            "/grub/grub.cfg-c0a8010f",
            "ip=192.168.1.15",
        ),
        ("/by-ip/{ip}.cfg", "by-ip/192.0.2.10.cfg", "ip=192.0.2.10"),
        ("/by-ip/{ip}", "by-ip/2001:DB8::7", "ip=2001:db8::7"),
        ("/by-ip/{ip}", "by-ip/::1", "ip=::1"),
        ("/by-ip/{ip}", "by-ip/::", "ip=::"),
        (
            "/grub/grub.cfg-{ip}",
            "/grub/grub.cfg-FE80-0-0-0-5054-FF-FE12-3456",
            "ip=fe80::5054:ff:fe12:3456",
        ),
        (
            "/{client:ip}-{rest}",
            "192.0.2.1-99",
            "client=192.0.2.1 rest=99",
        ),
    ] {
        assert_eq!(
            matched(pattern, filename).as_deref(),
            Some(expected),
            "{pattern} {filename}"
        );
    }
    // The names PXELINUX goes on to with fewer and fewer digits stand for networks, not machines.
    for shortened in [
        "C0A8010",
        "C0A801",
        "C0A8",
        "C",
        "C0A8010F0",
        "C0A8010G",
        "+0A8010F",
    ] {
        assert_eq!(
            matched("/pxelinux.cfg/{ip:hex}", shortened),
            None,
            "{shortened}"
        );
    }
    for other in [
        "192.0.2",
        "192.0.2.256",
        "01-52-54-00-12-34-56",
        "fe80",
        "fe80-0-0-0",
        "--1",
    ] {
        assert_eq!(
            matched("/by-ip/{ip}", &format!("by-ip/{other}")),
            None,
            "{other}"
        );
    }
}

#[test]
fn identities() {
    let uuid = "4C4C4544-0039-4A10-8051-B4C04F564433";
    let expected = format!("uuid={}", uuid.to_lowercase());
    assert_eq!(
        matched("/pxelinux.cfg/{uuid}", &format!("pxelinux.cfg/{uuid}")),
        Some(expected.clone())
    );
    assert_eq!(
        matched("/grub/grub.cfg-{uuid}", &format!("/grub/grub.cfg-{uuid}")),
        Some(expected)
    );
    assert_eq!(matched("/{uuid}", &uuid.replace('-', "")), None);
    assert_eq!(matched("/{uuid}", &uuid.replace('9', "g")), None);

    assert_eq!(
        matched("/{serial}/start4.elf", "1a2b3c4d/start4.elf").as_deref(),
        Some("serial=1a2b3c4d")
    );
    assert_eq!(
        matched("/conf.{serial}", "conf.FOX-1234.A_5").as_deref(),
        Some("serial=FOX-1234.A_5")
    );
    assert_eq!(matched("/conf.{serial}", "conf.FOX 1234"), None);

    assert_eq!(
        matched("/rack{rack:int}/{file}", "rack042/x").as_deref(),
        Some("rack=042 file=x")
    );
    assert_eq!(matched("/rack{rack:int}/{file}", "rack-1/x"), None);
}

#[test]
fn architectures() {
    for (pattern, filename, expected) in [
        (
            "/grub/{arch}/{module}.mod",
            "/grub/x86_64-efi/normal.mod",
            "arch=x86_64-efi module=normal",
        ),
        (
            "/grub/{arch}/{module}.mod",
            "/grub/i386-pc/normal.mod",
            "arch=i386-pc module=normal",
        ),
        (
            "/grub/{arch}/{module}.mod",
            "/grub/arm64-efi/http.mod",
            "arch=arm64-efi module=http",
        ),
        (
            "/EFI/BOOT/BOOT{arch}.EFI",
            "EFI\\BOOT\\BOOTX64.EFI",
            "arch=x64",
        ),
        ("/shim{arch}.efi", "shimaa64.efi", "arch=aa64"),
        (
            "/debian-installer/{arch}/linux",
            "debian-installer/armhf/linux",
            "arch=armhf",
        ),
        ("/default-{arch}", "default-arm", "arch=arm"),
        ("/{arch}-{flavour}", "arm-rt", "arch=arm flavour=rt"),
        ("/{arch:name}/x", "vax/x", "arch=vax"),
    ] {
        assert_eq!(
            matched(pattern, filename).as_deref(),
            Some(expected),
            "{pattern} {filename}"
        );
    }
    assert_eq!(
        matched("/grub/{arch}/{module}.mod", "/grub/fonts/normal.mod"),
        None
    );
}

#[test]
fn names_take_as_much_as_they_can() {
    for (pattern, filename, expected) in [
        ("/{stem}.{ext}", "a.tar.gz", "stem=a.tar ext=gz"),
        ("/{host}-{part}", "web-01-kernel", "host=web-01 part=kernel"),
        (
            "/{host}-{n:int}.{part}",
            "web-01-7.x.y",
            "host=web-01 n=7 part=x.y",
        ),
        ("/{name}.cfg", ".cfg.cfg", "name=.cfg"),
        ("/{hostname}-confg", "router1-confg", "hostname=router1"),
        ("/{name}", "name with spaces", "name=name with spaces"),
        ("/{name}", "größe", "name=größe"),
        ("/gr{name}e", "größe", "name=öß"),
    ] {
        assert_eq!(
            matched(pattern, filename).as_deref(),
            Some(expected),
            "{pattern} {filename}"
        );
    }
    for (pattern, filename) in [
        ("/{name}.cfg", ".cfg"),
        ("/{a}-{b}", "ab-"),
        ("/{a}-{b}", "-ab"),
        ("/{name}", "a/b"),
        ("/{name}", "/"),
    ] {
        assert_eq!(matched(pattern, filename), None, "{pattern} {filename}");
    }
}

#[test]
fn catch_alls_take_what_is_left() {
    assert_eq!(
        matched("/images/{*path}", "images/a/b/c.img").as_deref(),
        Some("path=a/b/c.img")
    );
    assert_eq!(
        matched("/{site}/{*path}", "lab/x").as_deref(),
        Some("site=lab path=x")
    );
    assert_eq!(matched("/{*path}", "x").as_deref(), Some("path=x"));
    for nothing_left in ["images", "images/", "image/x"] {
        assert_eq!(
            matched("/images/{*path}", nothing_left),
            None,
            "{nothing_left}"
        );
    }
}

#[test]
fn text_may_follow_a_catch_all() {
    let of = |pattern, path| matched(pattern, path);
    assert_eq!(of("/{*stem}.PVT", "a/b.PVT").as_deref(), Some("stem=a/b"));
    assert_eq!(of("/{*stem}.PVT", "a/b.pvt"), None);
    assert_eq!(of("/{*stem}.PVT", ".PVT"), None);
    assert_eq!(
        of("/{*dir}/grub.cfg-{mac}", "a/b/grub.cfg-525400123456").as_deref(),
        Some("dir=a/b mac=52:54:00:12:34:56")
    );
    assert_eq!(
        of("/{*a}/x/{b}", "1/x/2/x/3").as_deref(),
        Some("a=1/x/2 b=3"),
        "it takes as much as it can"
    );
}

#[test]
fn what_may_be_empty_matches_nothing_too() {
    let of = |pattern, path| matched(pattern, path);
    for (path, expected) in [
        ("images/", Some("rest=")),
        ("images/a/b", Some("rest=a/b")),
        ("images", None),
    ] {
        assert_eq!(of("/images/{*rest?}", path).as_deref(), expected, "{path}");
    }
    assert_eq!(of("/{*rest?}", "/").as_deref(), Some("rest="));
    assert_eq!(of("/a{n:int?}.cfg", "a.cfg").as_deref(), Some("n="));
    assert_eq!(of("/a{n:int?}.cfg", "a17.cfg").as_deref(), Some("n=17"));
    assert_eq!(of("/a{n:int?}.cfg", "ax.cfg"), None);
    assert_eq!(of("/{name?}-{b?}", "a-b-").as_deref(), Some("name=a-b b="));
    assert_eq!(
        of("/{name?}/{*dir?}/x", "//x"),
        None,
        "slashes are made one"
    );
}

#[test]
fn a_directory_is_no_name() {
    // U-Boot asks for "dtb/" when it does not know its device tree.
    assert_eq!(matched("/{name}", "dtb/"), None);
    assert_eq!(matched("/{serial}", "dtb/"), None);
    assert_eq!(matched("/{name}/", "dtb/").as_deref(), Some("name=dtb"));
    assert_eq!(matched("/{*path}", "dtb/").as_deref(), Some("path=dtb/"));
}

#[test]
fn braces_can_be_text() {
    assert_eq!(matched("/{{{name}}}", "{x}").as_deref(), Some("name=x"));
    assert_eq!(matched("/{{mac}}", "{mac}").as_deref(), Some(""));
}

#[test]
fn case_is_ignored_on_request_in_text_alone() {
    let router = || {
        Router::new()
            .read("/Boot/Fonts/{font}.ttf", Tell)
            .case_insensitive()
    };
    assert_eq!(
        ask(router(), "\\boot\\FONTS\\Segoe_Slboot.TTF").as_deref(),
        Some("font=Segoe_Slboot")
    );
    assert_eq!(ask(router(), "\\boot\\x\\Segoe_Slboot.TTF"), None);
    let accents = Router::new().read("/größe", Tell).case_insensitive();
    assert_eq!(
        ask(accents, "GRÖßE"),
        None,
        "only ASCII letters have their case ignored"
    );
}

#[test]
fn mistakes_are_pointed_at() {
    for (pattern, column, problem) in [
        (
            "grub.cfg",
            1,
            "a pattern begins with a slash: write \"/grub.cfg\"",
        ),
        ("", 1, "a pattern begins with a slash: write \"/\""),
        (
            "/größe/{mac",
            8,
            "this brace is never closed: write {name}, or {{ for a literal brace",
        ),
        (
            "/{mac/x}",
            2,
            "this brace is never closed: write {name}, or {{ for a literal brace",
        ),
        (
            "/{a{b}}",
            2,
            "this brace is never closed: write {name}, or {{ for a literal brace",
        ),
        (
            "/mac}",
            5,
            "a brace that was never opened: write }} for a literal one",
        ),
        ("/{}", 3, "a parameter needs a name: write {name}"),
        ("/{:ip}", 3, "a parameter needs a name: write {name}"),
        ("/x/{*}", 5, "a parameter needs a name: write {name}"),
        (
            "/{host-name}",
            3,
            "\"host-name\" is no name: use letters, digits and _, and begin with a letter",
        ),
        (
            "/{1st}",
            3,
            "\"1st\" is no name: use letters, digits and _, and begin with a letter",
        ),
        (
            "/{ip:hexx}",
            6,
            "\"hexx\" is no type; the types are name, int, serial, mac, uuid, ip, hex, arch",
        ),
        (
            "/{ip:}",
            6,
            "\"\" is no type; the types are name, int, serial, mac, uuid, ip, hex, arch",
        ),
        (
            "/{mac}/{mac}",
            9,
            "mac is there twice: name each parameter differently",
        ),
        (
            "/{a}{b}",
            5,
            "put text between two parameters, to show where the first one ends",
        ),
        (
            "/{*path}/x/{*more}",
            12,
            "{*path} takes everything already: write {more} for one segment",
        ),
        ("/{mac?}", 2, "{mac} is never empty: leave out the \"?\""),
        ("/{?}", 3, "a parameter needs a name: write {name}"),
        (
            "/{a?}{b?}",
            6,
            "put text between two parameters, to show where the first one ends",
        ),
        (
            "/img-{*path}",
            6,
            "a catch-all begins a segment: write /{*path}",
        ),
        (
            "/{a}{*path}",
            5,
            "put text between two parameters, to show where the first one ends",
        ),
        (
            "\\Boot\\BCD",
            1,
            "a pattern begins with a slash: write \"/\\Boot\\BCD\"",
        ),
        (
            "/Boot\\BCD",
            6,
            "write / for \\: requests are matched with forward slashes",
        ),
        (
            "/a//b",
            4,
            "write one slash: repeated ones are made one before matching",
        ),
        (
            "/a/../b",
            4,
            "leave out \"..\": it is resolved before matching",
        ),
        (
            "/images/*",
            9,
            "write {*rest} for everything below, or {name} for one segment",
        ),
    ] {
        let error = Pattern::parse(pattern).expect_err(pattern);
        assert_eq!(
            (error.column(), error.problem()),
            (column, problem),
            "{pattern}"
        );
        assert_eq!(
            error.to_string(),
            format!("pattern {pattern:?}, column {column}: {problem}")
        );
    }
    assert!(Pattern::parse(&format!("/{}", "a".repeat(499))).is_ok());
    assert!(Pattern::parse(&format!("/{}", "a".repeat(500))).is_err());
    let many: String = (0..17).map(|index| format!("/{{p{index}}}")).collect();
    assert_eq!(
        Pattern::parse(&many).unwrap_err().problem(),
        "more than 16 parameters"
    );
}

#[test]
#[should_panic(expected = "pattern \"/grub/{mac\", column 7: this brace is never closed")]
fn a_bad_pattern_in_the_program_stops_it_at_the_start() {
    let _ = Router::<()>::new().read("/grub/{mac", Tell);
}
