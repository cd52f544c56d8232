//! Filters for what boot loaders read.
//!
//! A value that cannot be written so that the loader takes it for what it is, is an error and not a
//! guess: a serial number with a line break in it must not become a second line of configuration.

use std::net::Ipv4Addr;

use bootwire::MacAddr;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

use super::bounds::budget;

#[cfg(test)]
mod tests;

/// Adds all filters.
pub(super) fn add(environment: &mut Environment<'static>) {
    let mut add = |name, filter: fn(&Value) -> Result<String, Error>| {
        environment.add_filter(name, move |value: &Value| {
            budget::keep(Value::from(filter(value)?))
        });
    };
    add("mac", |value| Ok(mac(value)?.to_string()));
    add("mac_dash", |value| Ok(mac(value)?.dashed()));
    add("mac_bare", |value| {
        Ok(mac(value)?.dashed().replace('-', ""))
    });
    add("mac_dot", mac_dot);
    add("mac_pxe", |value| {
        Ok(format!("01-{}", mac(value)?.dashed()))
    });
    add("ip_hex", ip_hex);
    add("grub", quoted);
    add("grub_line", grub_line);
    add("shell", quoted);
    add("line", line);
    add("word", word);
    add("ipxe", ipxe);
    add("ipxe_line", ipxe_line);
    add("url", |value| percent(value, false));
    add("url_path", |value| percent(value, true));
}

fn refuse(what: &str, text: &str) -> Error {
    // Shown in the log: short, and without control characters.
    let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::InvalidOperation, format!("\"{shown}\" {what}"))
}

/// The text of a value that has one.
fn text(value: &Value) -> Result<String, Error> {
    if value.is_undefined() || value.is_none() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "there is no value to write",
        ));
    }
    budget::weigh(value)?;
    Ok(value.to_string())
}

fn mac(value: &Value) -> Result<MacAddr, Error> {
    let text = text(value)?;
    text.parse()
        .map_err(|_| refuse("is no hardware address", &text))
}

/// `5254.0012.3456`, as Cisco writes it.
fn mac_dot(value: &Value) -> Result<String, Error> {
    let [a, b, c, d, e, f] = mac(value)?.octets();
    Ok(format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}"))
}

/// `C0A80207`.
fn ip_hex(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    let ip: Ipv4Addr = text
        .parse()
        .map_err(|_| refuse("is no IPv4 address", &text))?;
    Ok(format!("{:08X}", ip.to_bits()))
}

/// Text without control characters: it stays on its line.
fn line(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    if text.chars().any(char::is_control) {
        return Err(refuse("has control characters", &text));
    }
    Ok(text)
}

/// Text without white space either: it stays one word, of a kernel's command line or of PXELINUX. No
/// boot loader that expands variables may read it: GRUB needs [`quoted`].
fn word(value: &Value) -> Result<String, Error> {
    let text = line(value)?;
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        return Err(refuse("is not one word", &text));
    }
    // The kernel takes blanks up to the next one for a part of the word.
    if text.contains('"') {
        return Err(refuse("has a quotation mark", &text));
    }
    Ok(text)
}

/// One word in single quotes, in which neither GRUB nor a shell sees anything special.
fn quoted(value: &Value) -> Result<String, Error> {
    Ok(quote(&line(value)?))
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The rest of a line of GRUB's: the words of a kernel's command line, those quoted in which GRUB
/// would see something. Words with blanks are in quotation marks, as the kernel reads them.
fn grub_line(value: &Value) -> Result<String, Error> {
    let text = line(value)?;
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    if is_quoted {
        return Err(refuse("has a quotation mark without its other", &text));
    }
    words.push(word);
    let words = words.iter().filter(|word| !word.is_empty());
    let is_plain = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_=.,:/+@%-".contains(&byte);
        word.bytes().all(plain)
    };
    let words = words.map(|word| {
        if is_plain(word) {
            word.clone()
        } else {
            quote(word)
        }
    });
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// The rest of a line of iPXE's: `${` would be a setting.
fn ipxe_line(value: &Value) -> Result<String, Error> {
    let text = line(value)?;
    // What comes behind it could be the other half.
    if text.contains("${") || text.ends_with('$') {
        return Err(refuse("would be a setting of iPXE's", &text));
    }
    for word in text.split_whitespace() {
        // Between blanks these begin another command, and a comment.
        if matches!(word, "||" | "&&" | ";") {
            return Err(refuse("would end the command in iPXE", &text));
        }
        if word.starts_with('#') {
            return Err(refuse("would be a comment in iPXE", &text));
        }
    }
    Ok(text)
}

/// One argument of iPXE's, which knows no quotes.
fn ipxe(value: &Value) -> Result<String, Error> {
    let text = ipxe_line(value)?;
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        return Err(refuse("is not one word", &text));
    }
    if text.starts_with('-') {
        return Err(refuse("would be an option of iPXE's", &text));
    }
    Ok(text)
}

/// Percent-encoding: all but unreserved characters (RFC 3986 section 2.3), slashes too unless they
/// are kept.
fn percent(value: &Value, keep_slashes: bool) -> Result<String, Error> {
    Ok(crate::percent::encode(&text(value)?, keep_slashes))
}
