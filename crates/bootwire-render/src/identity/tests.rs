//! Who asks, by every kind of evidence.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use bootwire::router::App;
use bootwire::{Answer, Op, Request, Router};
use proptest::prelude::*;

use super::*;

fn request(path: &str) -> Request {
    from("192.168.2.7", path)
}

fn from(ip: &str, path: &str) -> Request {
    let peer = SocketAddr::new(ip.parse().unwrap(), 2000);
    Request::synthetic(Op::Read, path, peer, &[]).unwrap()
}

fn mac(who: &Identity) -> Option<(String, Evidence)> {
    who.mac.map(|mac| (mac.value.to_string(), mac.from))
}

#[test]
fn the_path_says_who_and_the_address_is_always_known() {
    let who = Identity::of(&request("/grub/grub.cfg-01-52-54-00-12-34-56"));
    assert_eq!(
        mac(&who),
        Some(("52:54:00:12:34:56".into(), Evidence::Path))
    );
    assert_eq!(who.loader, Some(Loader::Grub));
    assert_eq!(
        who.describe(),
        "mac=52:54:00:12:34:56 (path) ip=192.168.2.7 (peer)"
    );

    // The address in the name is better than the one NAT shows us.
    let who = Identity::of(&request("/pxelinux.cfg/0A000001"));
    let ip = who.ip.unwrap();
    assert_eq!(
        (ip.value.to_string().as_str(), ip.from),
        ("10.0.0.1", Evidence::Path)
    );

    let who = Identity::of(&from("::ffff:192.168.2.7", "/vmlinuz"));
    assert_eq!(who.describe(), "ip=192.168.2.7 (peer)");
    assert!(!who.is_named());
}

#[tokio::test]
async fn parameters_of_the_route_go_before_the_path() {
    let describe = |request: Request| async move { Identity::of(&request).describe() };
    let app = App::from(
        Router::new()
            .read("/{mac}/{serial}/pxelinux.cfg/01-{other:mac}", describe)
            .read("/by-ip/{ip:hex}.cfg", describe)
            .read("/by-name/{hostname}/{uuid}", describe),
    );
    let said = |path: &'static str| {
        let app = app.clone();
        async move {
            let Ok(Answer::Reply(reply)) = app.call(request(path)).await else {
                panic!("refused");
            };
            reply.size()
        }
    };
    let expected = "mac=52:54:00:12:34:56 (parameter) serial=X1 (parameter) ip=192.168.2.7 (peer)";
    let len = said("/52-54-00-12-34-56/X1/pxelinux.cfg/01-00-00-00-00-00-01").await;
    assert_eq!(len, Some(expected.len() as u64));
    let len = said("/by-ip/C0A80209.cfg").await;
    assert_eq!(len, Some("ip=192.168.2.9 (parameter)".len() as u64));
    let expected = "uuid=4c4c4544-0042-3510-8051-b4c04f4d3233 (parameter) ip=192.168.2.7 (peer) hostname=node-7 (parameter)";
    let len = said("/by-name/Node-7/4C4C4544-0042-3510-8051-B4C04F4D3233").await;
    assert_eq!(len, Some(expected.len() as u64));
}

/// A lease file with this text.
fn leases(format: LeaseFormat, text: &str) -> (tempfile::TempDir, Leases) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("leases");
    std::fs::write(&path, text).unwrap();
    let leases = Leases::new(path, format);
    (dir, leases)
}

fn later() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600
}

/// Who 192.168.2.`last` is, in the words of [`Identity::describe`].
async fn who(identifier: &Identifier, ip: &str) -> String {
    identifier.identify(&from(ip, "/vmlinuz")).await.describe()
}

#[tokio::test]
async fn dnsmasq_knows_its_clients() {
    let text = format!(
        "{later} 52:54:00:00:00:07 192.168.2.7 Node-7 01:52:54:00:00:00:07\n\
         0 52:54:00:00:00:08 192.168.2.8 * *\n\
         1000 52:54:00:00:00:09 192.168.2.9 expired *\n\
         what is this\n\
         duid 00:01:00:01:2a:2b:2c:2d:52:54:00:00:00:01\n\
         {later} 17 fd00::7 node-7 00:03:00:01:52:54:00:00:00:17\n",
        later = later()
    );
    let (_dir, leases) = leases(LeaseFormat::Dnsmasq, &text);
    assert_eq!((leases.len(), leases.problems().len()), (4, 0));
    let identifier = Identifier::new().leases(leases);
    assert_eq!(
        who(&identifier, "192.168.2.7").await,
        "mac=52:54:00:00:00:07 (lease) ip=192.168.2.7 (peer) hostname=node-7 (lease)"
    );
    assert_eq!(
        who(&identifier, "192.168.2.8").await,
        "mac=52:54:00:00:00:08 (lease) ip=192.168.2.8 (peer)"
    );
    assert_eq!(
        who(&identifier, "192.168.2.9").await,
        "ip=192.168.2.9 (peer)"
    );
    assert!(
        who(&identifier, "fd00::7")
            .await
            .starts_with("mac=52:54:00:00:00:17 (lease)")
    );
    assert!(identifier.at_hand(&from("192.168.2.7", "/x")).is_some());
}

#[tokio::test]
async fn of_dhcpd_the_last_block_of_an_address_counts() {
    let text = r#"
# The format of this file is documented in the dhcpd.leases(5) manual page.
server-duid "\000\001";
lease 192.168.2.7 {
  starts 0 2026/11/22 10:00:00;
  ends 0 2126/11/22 12:00:00;
  binding state active;
  hardware ethernet 52:54:00:00:00:01;
}
lease 192.168.2.7 {
  ends 0 2126/11/22 12:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 52:54:00:00:00:07;
  uid "\001RT\000\000\000\007";
  client-hostname "node-7";
}
lease 192.168.2.8 {
  ends never;
  hardware ethernet 52:54:00:00:00:08;
}
lease 192.168.2.8 {
  ends never;
  binding state free;
}
lease 192.168.2.9 {
  ends epoch 1000; # long ago
  binding state active;
  hardware ethernet 52:54:00:00:00:09;
}
lease 192.168.2.10 {
  ends never;
  hardware ethernet 52:54:0"#;
    let (_dir, leases) = leases(LeaseFormat::Isc, text);
    let identifier = Identifier::new().leases(leases);
    assert_eq!(
        who(&identifier, "192.168.2.7").await,
        "mac=52:54:00:00:00:07 (lease) ip=192.168.2.7 (peer) hostname=node-7 (lease)"
    );
    for gone in ["192.168.2.8", "192.168.2.9", "192.168.2.10"] {
        assert_eq!(who(&identifier, gone).await, format!("ip={gone} (peer)"));
    }
}

#[tokio::test]
async fn of_kea_the_last_line_of_an_address_counts() {
    let later = later();
    let header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n";
    let (dir, leases) = leases(
        LeaseFormat::Kea,
        &format!(
            "{header}192.168.2.7,52:54:00:00:00:07,01:02,3600,{later},1,0,0,node-7.example.com.,0,,0\n\
             192.168.2.8,52:54:00:00:00:08,,3600,{later},1,0,0,,0,,0\n\
             192.168.2.8,52:54:00:00:00:08,,0,{later},1,0,0,,0,,0\n\
             192.168.2.9,52:54:00:00:00:09,,3600,{later},1,0,0,,1,,0\n\
             192.168.2.10,half a li"
        ),
    );
    let identifier = Identifier::new().leases(leases.check_every(Duration::ZERO));
    assert_eq!(
        who(&identifier, "192.168.2.7").await,
        "mac=52:54:00:00:00:07 (lease) ip=192.168.2.7 (peer) hostname=node-7.example.com (lease)"
    );
    for gone in ["192.168.2.8", "192.168.2.9", "192.168.2.10"] {
        assert_eq!(who(&identifier, gone).await, format!("ip={gone} (peer)"));
    }

    // Cleaning: the file moves to .1 and a new one begins.
    std::fs::rename(dir.path().join("leases"), dir.path().join("leases.1")).unwrap();
    let new = format!("{header}192.168.2.8,52:54:00:00:00:18,,3600,{later},1,0,0,,0,,0\n");
    std::fs::write(dir.path().join("leases"), new).unwrap();
    assert!(
        who(&identifier, "192.168.2.7")
            .await
            .starts_with("mac=52:54:00:00:00:07")
    );
    assert!(
        who(&identifier, "192.168.2.8")
            .await
            .starts_with("mac=52:54:00:00:00:18")
    );

    // DHCPv6 has the hardware address in the DUID at least.
    let six = format!(
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state\n\
         fd00::7,00:01:00:01:2a:2b:2c:2d:52:54:00:00:00:17,3600,{later},1,1800,0,7,128,0,0,,,0\n"
    );
    std::fs::write(dir.path().join("leases"), six).unwrap();
    assert!(
        who(&identifier, "fd00::7")
            .await
            .starts_with("mac=52:54:00:00:00:17")
    );
}

#[tokio::test]
async fn a_lease_file_that_goes_away_leaves_what_was_known_and_says_so() {
    let line = format!("{} 52:54:00:00:00:07 192.168.2.7 * *\n", later());
    let (dir, leases) = leases(LeaseFormat::Dnsmasq, &line);
    let leases = leases.check_every(Duration::ZERO);
    let identifier = Identifier::new().leases(leases);
    std::fs::remove_file(dir.path().join("leases")).unwrap();
    assert!(who(&identifier, "192.168.2.7").await.starts_with("mac="));
    let problems = identifier.leases[0].problems();
    assert!(
        problems[0].to_string().contains("leases: No such file"),
        "{problems:?}"
    );

    let line = format!("{} 52:54:00:00:00:08 192.168.2.7 * *\n", later());
    std::fs::write(dir.path().join("leases"), line).unwrap();
    assert!(
        who(&identifier, "192.168.2.7")
            .await
            .starts_with("mac=52:54:00:00:00:08")
    );
}

#[tokio::test]
async fn a_lease_file_of_garbage_leaves_what_was_known_and_says_so() {
    let later = later();
    let dnsmasq = format!("{later} 52:54:00:00:00:07 192.168.2.7 * *\n");
    let isc = "lease 192.168.2.7 {\n  ends never;\n  hardware ethernet 52:54:00:00:00:07;\n}\n";
    let kea = format!(
        "address,hwaddr,valid_lifetime,expire\n192.168.2.7,52:54:00:00:00:07,3600,{later}\n"
    );
    for (format, text, other) in [
        (LeaseFormat::Dnsmasq, dnsmasq.as_str(), isc),
        (LeaseFormat::Isc, isc, kea.as_str()),
        (LeaseFormat::Kea, kea.as_str(), dnsmasq.as_str()),
    ] {
        let (dir, leases) = leases(format, text);
        let identifier = Identifier::new().leases(leases.check_every(Duration::ZERO));
        let zeros = "\0".repeat(text.len());
        for garbage in [
            zeros.as_str(),
            "\u{1}\u{2}\n\u{3}\n",
            "<html>\n</html>\n",
            other,
        ] {
            std::fs::write(dir.path().join("leases"), garbage).unwrap();
            let who = who(&identifier, "192.168.2.7").await;
            assert!(who.starts_with("mac="), "{garbage:?}: {who}");
            let problems = identifier.leases[0].problems();
            let said = problems[0].to_string();
            assert!(said.contains("nothing in it is a lease of"), "{said}");
        }
        // An empty file, and one that is being begun, are as they should be.
        for fine in ["", "\n", "# comment\n", "17672"] {
            std::fs::write(dir.path().join("leases"), fine).unwrap();
            assert_eq!(
                who(&identifier, "192.168.2.7").await,
                "ip=192.168.2.7 (peer)"
            );
            assert_eq!(identifier.leases[0].problems(), [], "{fine:?}");
        }
    }
}

#[tokio::test]
async fn a_named_machine_needs_no_lease() {
    let (_dir, leases) = leases(
        LeaseFormat::Dnsmasq,
        &format!("{} 52:54:00:00:00:07 192.168.2.7 * *\n", later()),
    );
    let identifier = Identifier::new()
        .leases(leases.check_every(Duration::ZERO))
        .neighbours();
    let named = request("/pxelinux.cfg/01-00-00-00-00-00-99");
    let at_hand = identifier.at_hand(&named).expect("no look at the leases");
    assert_eq!(
        mac(&at_hand),
        Some(("00:00:00:00:00:99".into(), Evidence::Path))
    );
    assert_eq!(identifier.identify(&named).await, at_hand);
    assert!(
        identifier.at_hand(&request("/vmlinuz")).is_none(),
        "due for a look"
    );
}

#[test]
fn a_large_lease_file_is_read() {
    let mut text = String::new();
    for n in 0..50_000_u32 {
        let ip = std::net::Ipv4Addr::from(0x0a00_0000 + n);
        writeln!(
            text,
            "0 52:54:00:00:{:02x}:{:02x} {ip} * *",
            n >> 8 & 255,
            n & 255
        )
        .unwrap();
    }
    let (_dir, leases) = leases(LeaseFormat::Dnsmasq, &text);
    assert_eq!(leases.len(), 50_000);
}

proptest! {
    #[test]
    fn no_lease_file_makes_it_panic(
        text in "(lease [0-9.]{1,9} \\{\n|\\}\n|ends [0-9] [0-9]{1,5}/[0-9]{1,2}/[0-9]{1,2} [0-9:]{1,8};\n|[0-9a-f:, ]{0,40}\n|address,valid_lifetime,expire\n|.{0,20}\n){0,12}",
    ) {
        for format in [LeaseFormat::Dnsmasq, LeaseFormat::Isc, LeaseFormat::Kea] {
            let (_dir, leases) = leases(format, &text);
            // That nothing in it makes sense, at most.
            prop_assert!(leases.problems().len() <= 1);
        }
    }
}
