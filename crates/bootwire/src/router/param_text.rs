//! Text with parameters in it: `/debian/{arch}/{path}`.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Pattern, PatternError};
use crate::params::Params;
use crate::{Refusal, Request};

/// Text with the parameters of a [`Pattern`] in it, and the client's addresses.
///
/// | in the text | becomes |
/// |---|---|
/// | `{name}` | what the parameter took: hardware addresses in lower case with colons, `{*path}` as the bytes that were sent |
/// | `{name:raw}` | the same as the client wrote it: `001B0D123456` |
/// | `{name:lower}`, `{name:upper}` | the same as the client wrote it, in lower or upper case |
/// | `{mac:dashes}` | `52-54-00-12-34-56`: a parameter with dashes for colons |
/// | `{1}`, `{0}` | of a [regular expression](Pattern::regex), what its first group took, and what it found |
/// | `{client}` | the client's address: `10.0.0.7`, `fd00::7` |
/// | `{client:hex}` | the same in hexadecimal: `0A000007`, of IPv6 32 digits |
/// | `{client:mac}` | its hardware address, `52-54-00-12-34-56`, see [`Request::with_client_mac`] |
/// | `{{`, `}}` | braces |
///
/// ```
/// use bootwire::Request;
/// use bootwire::router::{ParamText, Pattern};
///
/// let pattern = Pattern::parse("/SEP{mac}.cnf.xml")?;
/// assert!(ParamText::parse("SEP{mac:raw} at {client}", &pattern).is_ok());
/// let error = ParamText::parse("SEP{max}", &pattern).unwrap_err();
/// assert_eq!(error.column(), 4);
/// # Ok::<(), bootwire::router::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ParamText {
    source: Arc<str>,
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Param(Box<str>, Spelling),
    /// What the expression found.
    Found,
    Client(Address),
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Usual,
    Raw,
    Lower,
    Upper,
    Dashes,
}

impl Spelling {
    const ALL: [(&'static str, Self); 4] = [
        ("raw", Self::Raw),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("dashes", Self::Dashes),
    ];
}

/// Which address of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Ip,
    Hex,
    Mac,
}

impl Address {
    const ALL: [(&'static str, Self); 2] = [("hex", Self::Hex), ("mac", Self::Mac)];
}

/// The word for the client.
const CLIENT: &str = "client";

impl ParamText {
    /// Reads a text for what `pattern` takes.
    ///
    /// # Errors
    /// [`PatternError`] names the column and says what to write instead.
    pub fn parse(source: &str, pattern: &Pattern) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(next) = source[at..].chars().next() {
            let rest = &source[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push(next);
                at += 2;
            } else if next == '{' {
                let Some(len) = rest.find('}') else {
                    return Err(error(source, at, "a brace that is never closed"));
                };
                let part =
                    part(&rest[1..len], pattern).map_err(|problem| error(source, at, problem))?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.push(part);
                at += len + 1;
            } else if next == '}' {
                let problem = "a brace that was never opened: write }} for a literal one";
                return Err(error(source, at, problem));
            } else {
                text.push(next);
                at += next.len_utf8();
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Ok(Self {
            source: Arc::from(source),
            parts: parts.into(),
        })
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether there is nothing to fill in.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Whether the client's hardware address is part of it.
    #[must_use]
    pub fn needs_client_mac(&self) -> bool {
        self.parts.contains(&Part::Client(Address::Mac))
    }

    /// The text for a request that the pattern took.
    ///
    /// # Errors
    /// "Not found" where it needs the client's hardware address and nobody knows that; an internal
    /// error for a request that the pattern did not take.
    pub fn fill(&self, request: &Request) -> Result<Vec<u8>, Refusal> {
        let mut filled = Vec::with_capacity(self.source.len());
        self.fill_from(request, &request.params, &[], &mut filled)?;
        Ok(filled)
    }

    /// Fills in what `params` have, of an expression that looked at `seen`.
    pub(super) fn fill_from(
        &self,
        request: &Request,
        params: &Params,
        seen: &[u8],
        filled: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        for part in &*self.parts {
            match part {
                Part::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Part::Param(name, spelling) => {
                    filled.extend_from_slice(&self.value(params, name, *spelling)?);
                }
                Part::Found => {
                    let range = params.found.as_ref().map(|found| found.range.clone());
                    filled.extend(range.and_then(|range| seen.get(range)).unwrap_or_default());
                }
                Part::Client(address) => {
                    filled.extend_from_slice(client(request, *address)?.as_bytes());
                }
            }
        }
        Ok(())
    }

    fn value<'p>(
        &self,
        params: &'p Params,
        name: &str,
        spelling: Spelling,
    ) -> Result<Cow<'p, [u8]>, Refusal> {
        let value = params.values.iter().find(|value| &*value.name == name);
        let value = value.ok_or_else(|| {
            Refusal::internal().because(format_args!("{self} needs {{{name}}}, which is not there"))
        })?;
        Ok(match spelling {
            Spelling::Usual => value.bytes().into(),
            Spelling::Raw => value.sent().into(),
            Spelling::Lower => value.sent().to_ascii_lowercase().into(),
            Spelling::Upper => value.sent().to_ascii_uppercase().into(),
            Spelling::Dashes => value.text.replace(':', "-").into_bytes().into(),
        })
    }
}

/// What stands between two braces.
fn part(inner: &str, pattern: &Pattern) -> Result<Part, String> {
    let (name, form) = match inner.split_once(':') {
        Some((name, form)) => (name, Some(form)),
        None => (inner, None),
    };
    if name == "0" && pattern.is_regex() {
        return match form {
            None => Ok(Part::Found),
            Some(_) => Err("{0} has no other spelling: write a group around it".to_owned()),
        };
    }
    if let Some(param) = param_of(pattern, name) {
        let spelling = match form {
            None => Spelling::Usual,
            Some("mac" | "hex") if name == CLIENT => {
                return Err(
                    "{client} is a parameter here: give it another name, and {client} is who asks"
                        .to_owned(),
                );
            }
            Some(form) => chosen(&Spelling::ALL, name, form)?,
        };
        return Ok(Part::Param(param.into(), spelling));
    }
    if name == CLIENT {
        return Ok(Part::Client(match form {
            None => Address::Ip,
            Some(form) => chosen(&Address::ALL, name, form)?,
        }));
    }
    let known: Vec<String> = pattern
        .params()
        .map(|known| format!("{{{known}}}"))
        .collect();
    Err(if known.is_empty() {
        format!("{{{name}}} is no parameter of {pattern}, which has none")
    } else {
        format!(
            "{{{name}}} is no parameter of {pattern}; those are {}",
            known.join(", ")
        )
    })
}

/// The parameter that is called so. The groups of an expression have numbers, too.
fn param_of<'p>(pattern: &'p Pattern, name: &str) -> Option<&'p str> {
    let by_name = pattern.params().find(|known| *known == name);
    by_name.or_else(|| {
        let number: usize = name.parse().ok().filter(|_| pattern.is_regex())?;
        pattern.params().nth(number.checked_sub(1)?)
    })
}

fn chosen<T: Copy>(known: &[(&str, T)], name: &str, form: &str) -> Result<T, String> {
    let found = known.iter().find(|(word, _)| *word == form);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = known
            .iter()
            .map(|(word, _)| format!("{{{name}:{word}}}"))
            .collect();
        format!(
            "{form:?} is no way to write {{{name}}}: there are {}",
            words.join(", ")
        )
    })
}

/// An address of the client, as text.
fn client(request: &Request, address: Address) -> Result<String, Refusal> {
    let ip = request.peer_ip().to_canonical();
    Ok(match address {
        Address::Ip => ip.to_string(),
        Address::Hex => hex(ip),
        Address::Mac => match request.client_mac() {
            Some(mac) => mac.dashed(),
            None => {
                return Err(Refusal::not_found().because(format_args!(
                    "nobody knows the hardware address of {ip}: no lease, no neighbour"
                )));
            }
        },
    })
}

/// `0A000007`, as PXELINUX writes addresses; of IPv6 all 32 digits.
fn hex(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{:08X}", u32::from(ip)),
        IpAddr::V6(ip) => format!("{:032X}", u128::from(ip)),
    }
}

pub(super) fn error(source: &str, at: usize, problem: impl Into<String>) -> PatternError {
    PatternError {
        pattern: source.to_owned(),
        column: source[..at].chars().count() + 1,
        problem: problem.into(),
    }
}

impl fmt::Display for ParamText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for ParamText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParamText").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;

    fn seen(pattern: &Pattern, path: &str, peer: &str) -> Request {
        let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 4000);
        let mut request = Request::synthetic(Op::Read, path, peer, &[]).unwrap();
        request.params = pattern.params_of(&request, false).unwrap();
        request
    }

    fn filled(pattern: &str, text: &str, path: &str, peer: &str) -> String {
        let pattern = Pattern::parse(pattern).unwrap();
        let text = ParamText::parse(text, &pattern).unwrap();
        String::from_utf8(text.fill(&seen(&pattern, path, peer)).unwrap()).unwrap()
    }

    #[test]
    fn parameters_have_spellings() {
        let of = |text| filled("/SEP{mac}.{ext}", text, "SEP001B0D12345A.cnf", "10.0.0.7");
        assert_eq!(of("{mac}"), "00:1b:0d:12:34:5a");
        assert_eq!(of("SEP{mac:raw}.{ext}"), "SEP001B0D12345A.cnf");
        assert_eq!(of("{mac:lower}{ext:upper}"), "001b0d12345aCNF");
        assert_eq!(of("{{{mac:dashes}}}"), "{00-1b-0d-12-34-5a}");
    }

    #[test]
    fn the_client_has_an_address() {
        for (peer, address, hex) in [
            ("10.0.0.7", "10.0.0.7", "0A000007"),
            ("::ffff:192.168.2.7", "192.168.2.7", "C0A80207"),
            ("fd00::7", "fd00::7", "FD000000000000000000000000000007"),
        ] {
            assert_eq!(
                filled("/x", "{client} {client:hex}", "x", peer),
                format!("{address} {hex}")
            );
        }
        let pattern = Pattern::parse("/x").unwrap();
        let text = ParamText::parse("/{client:mac}/x", &pattern).unwrap();
        assert!(text.needs_client_mac());
        let request = seen(&pattern, "x", "10.0.0.7");
        let refusal = text.fill(&request).unwrap_err();
        assert_eq!(refusal.reason(), crate::Reason::NotFound);
        let request = request.with_client_mac("52:54:00:AB:34:56".parse().ok());
        assert_eq!(text.fill(&request).unwrap(), b"/52-54-00-ab-34-56/x");
    }

    #[test]
    fn a_parameter_named_client_hides_the_client() {
        assert_eq!(filled("/{client}", "{client}", "web1", "10.0.0.7"), "web1");
        let pattern = Pattern::parse("/{client:mac}").unwrap();
        let error = ParamText::parse("{client:mac}", &pattern).unwrap_err();
        assert!(error.problem().contains("another name"), "{error}");
    }

    #[test]
    fn mistakes_are_shown_with_their_column() {
        let pattern = Pattern::parse("/{arch}/{*path}").unwrap();
        for (text, column, words) in [
            ("a{path", 2, "never closed"),
            ("a}", 2, "never opened"),
            ("{arch:hexx}", 1, "{arch:raw}, {arch:lower}"),
            ("{client:raw}", 1, "{client:hex}, {client:mac}"),
            ("{0}", 1, "{arch}, {path}"),
            ("{1}", 1, "{arch}, {path}"),
        ] {
            let error = ParamText::parse(text, &pattern).unwrap_err();
            assert_eq!(error.column(), column, "{text}");
            assert!(error.problem().contains(words), "{text}: {error}");
        }
    }
}
