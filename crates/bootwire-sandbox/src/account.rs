//! Users and their groups, as `/etc/passwd` and `/etc/group` have them.
//!
//! Read as text: other sources of users (LDAP, systemd) answer through libraries that a static
//! binary does not have. Their users go by number.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::process::{Gid, Uid};

use crate::SandboxError;

/// Who owns nothing on every Unix.
const NOBODY: u32 = 65_534;

/// A user to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The name, or the number where there is none.
    name: String,
    uid: u32,
    gid: u32,
    /// Groups it is in besides.
    groups: Vec<u32>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Account {
    /// The user for what must own nothing.
    pub(super) fn nobody() -> Self {
        let user = UserName {
            user: "nobody".to_owned(),
            group: None,
        };
        // A container may have no /etc/passwd; the numbers are the same everywhere that counts.
        user.look_up().unwrap_or_else(|_| Self {
            name: "nobody".to_owned(),
            uid: NOBODY,
            gid: NOBODY,
            groups: Vec::new(),
        })
    }

    pub(super) fn uid(&self) -> Uid {
        Uid::from_raw(self.uid)
    }

    pub(super) fn gid(&self) -> Gid {
        Gid::from_raw(self.gid)
    }

    pub(super) fn groups(&self) -> Vec<Gid> {
        self.groups.iter().map(|&gid| Gid::from_raw(gid)).collect()
    }

    /// The directory on the way to `path` that this user may not enter, or `path` itself if it may
    /// not write there. What is not there is no obstacle. By file modes alone.
    pub(super) fn stopped_at(&self, path: &Path, to_write: bool) -> Option<PathBuf> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter().find_map(|place| {
            let stat = fs::metadata(place).ok().filter(fs::Metadata::is_dir)?;
            let wanted = if to_write && place == path { 0o3 } else { 0o1 };
            let granted = self.bits(&stat);
            (granted & wanted != wanted).then(|| place.to_owned())
        })
    }

    /// What a file's mode grants this user, as the last three bits.
    fn bits(&self, stat: &fs::Metadata) -> u32 {
        let (mode, gid) = (stat.mode(), stat.gid());
        if stat.uid() == self.uid {
            mode >> 6
        } else if gid == self.gid || self.groups.contains(&gid) {
            mode >> 3
        } else {
            mode
        }
    }

    /// The name of a user.
    pub(super) fn name_of(uid: Uid) -> Option<String> {
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        let found = entries(&passwd).find(|fields| number(fields.get(2)) == Some(uid.as_raw()));
        found.map(|fields| fields[0].to_owned())
    }
}

/// `USER[:GROUP]` as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName {
    user: String,
    group: Option<String>,
}

impl FromStr for UserName {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        if user.is_empty() || group.is_some_and(|group| group.is_empty() || group.contains(':')) {
            return Err(SandboxError::User(
                "write a user, or a user and a group: tftp, tftp:staff, 990:990".to_owned(),
            ));
        }
        Ok(Self {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        })
    }
}

impl UserName {
    pub(super) const fn names_group(&self) -> bool {
        self.group.is_some()
    }

    /// Finds the numbers.
    pub(super) fn look_up(&self) -> Result<Account, SandboxError> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        self.look_up_in(&read("/etc/passwd"), &read("/etc/group"))
    }

    fn look_up_in(&self, passwd: &str, group: &str) -> Result<Account, SandboxError> {
        let unknown = SandboxError::User;
        let Self { user, group: named } = self;
        let entry = entries(passwd)
            .find(|fields| fields[0] == user)
            .or_else(|| {
                let uid = number(Some(&user.as_str()))?;
                entries(passwd).find(|fields| number(fields.get(2)) == Some(uid))
            });
        let uid = entry
            .as_ref()
            .and_then(|fields| number(fields.get(2)))
            .or_else(|| number(Some(&user.as_str())))
            .ok_or_else(|| {
                unknown(format!(
                    "user {user}: there is no such user in /etc/passwd; users from elsewhere go \
                     by number, like 990:990"
                ))
            })?;
        let name = entry
            .as_ref()
            .map_or_else(|| user.clone(), |fields| fields[0].to_owned());
        let gid = match (named, &entry) {
            (Some(named), _) => number(Some(&named.as_str()))
                .or_else(|| {
                    let found = entries(group).find(|fields| fields[0] == named);
                    number(found?.get(2))
                })
                .ok_or_else(|| {
                    unknown(format!(
                        "user {user}:{named}: there is no such group in /etc/group"
                    ))
                })?,
            (None, Some(entry)) => number(entry.get(3))
                .ok_or_else(|| unknown(format!("user {user}: /etc/passwd tells no group of it")))?,
            (None, None) => {
                return Err(unknown(format!(
                    "user {user}: /etc/passwd does not tell its group; say which, like \
                     {user}:{user}"
                )));
            }
        };
        let mut groups: Vec<u32> = entries(group)
            .filter(|fields| {
                fields
                    .get(3)
                    .is_some_and(|members| members.split(',').any(|member| member == name))
            })
            .filter_map(|fields| number(fields.get(2)))
            .filter(|&other| other != gid)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(Account {
            name,
            uid,
            gid,
            groups,
        })
    }
}

/// The lines of such a file, by fields: one at least.
fn entries(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines().map(|line| line.split(':').collect())
}

/// A user's or group's number. The highest is none: to the kernel it means "leave as it is".
fn number(text: Option<&&str>) -> Option<u32> {
    let text = text?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten()?;
    (number != u32::MAX).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                          broken\n\
                          nobody:x:65534:65534::/:/usr/sbin/nologin\n\
                          tftp:x:990:980:TFTP:/srv/tftp:/usr/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:alice,tftp\ntftp:x:980:tftp\nwww:x:33:tftp\n";

    fn found(text: &str) -> Result<Account, SandboxError> {
        text.parse::<UserName>().unwrap().look_up_in(PASSWD, GROUP)
    }

    fn account(name: &str, uid: u32, gid: u32, groups: &[u32]) -> Account {
        Account {
            name: name.to_owned(),
            uid,
            gid,
            groups: groups.to_vec(),
        }
    }

    #[test]
    fn users_are_found_by_name_and_by_number_with_their_groups() {
        let tftp = account("tftp", 990, 980, &[33, 50]);
        assert_eq!(found("tftp").unwrap(), tftp);
        assert_eq!(found("990").unwrap(), tftp);
        let staff = account("tftp", 990, 50, &[33, 980]);
        assert_eq!(found("tftp:staff").unwrap(), staff);
        assert_eq!(found("tftp:50").unwrap(), staff);
        assert_eq!(found("root").unwrap(), account("root", 0, 0, &[]));
        assert_eq!(found("1234:77").unwrap(), account("1234", 1234, 77, &[]));
    }

    #[test]
    fn users_and_groups_that_are_not_there_are_named() {
        for (text, words) in [
            ("tfpt", "user tfpt: there is no such user"),
            ("tftp:stuff", "tftp:stuff: there is no such group"),
            ("1234", "like 1234:1234"),
            ("4294967295:1", "no such user"),
            ("99999999999:1", "no such user"),
            ("-1:1", "no such user"),
        ] {
            let error = found(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn half_a_user_is_refused() {
        for text in ["", ":", ":staff", "tftp:", "a:b:c"] {
            assert!(text.parse::<UserName>().is_err(), "{text}");
        }
    }

    #[test]
    fn there_is_always_a_nobody() {
        let nobody = Account::nobody();
        assert_eq!(nobody.to_string(), "nobody");
        assert_ne!(nobody.uid, 0);
    }

    #[test]
    fn who_is_stopped_on_the_way_is_told_where() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let (closed, below) = (dir.path().join("closed"), dir.path().join("closed/below"));
        fs::create_dir_all(&below).unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(dir.path(), 0o755);
        let owner = fs::metadata(&below).unwrap();
        let stranger = account("stranger", owner.uid() + 4_000, owner.gid() + 4_000, &[]);
        let member = account("member", owner.uid() + 4_000, 4_000, &[owner.gid()]);
        let mine = account("mine", owner.uid(), owner.gid(), &[]);
        for (of_closed, of_below, who, to_write, expected) in [
            (0o755, 0o755, &stranger, false, None),
            (0o755, 0o755, &stranger, true, Some(&below)),
            (0o755, 0o773, &stranger, true, None),
            (0o700, 0o777, &stranger, false, Some(&closed)),
            (0o750, 0o770, &member, true, None),
            (0o750, 0o750, &member, true, Some(&below)),
            (0o700, 0o700, &mine, true, None),
        ] {
            mode(&closed, of_closed);
            mode(&below, of_below);
            let stopped = who.stopped_at(&below, to_write);
            assert_eq!(
                stopped.as_ref(),
                expected,
                "{of_closed:o} {of_below:o} {who}"
            );
        }
        let not_there = below.join("not/there");
        assert_eq!(
            stranger.stopped_at(&not_there, true).as_ref(),
            Some(&closed)
        );
        mode(&closed, 0o755);
        mode(&below, 0o755);
        assert_eq!(stranger.stopped_at(&not_there, true), None);
    }
}
