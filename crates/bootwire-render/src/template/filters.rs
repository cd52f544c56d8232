//! Filters for what boot loaders read.
//!
//! A value that cannot be written so that the loader takes it for what it is, is an error and not a
//! guess: a serial number with a line break in it must not become a second line of configuration.

use std::net::Ipv4Addr;

use bootwire::MacAddr;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

/// Adds all filters.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("mac", |value: &Value| {
        Ok::<_, Error>(mac(value)?.to_string())
    });
    environment.add_filter("mac_dash", |value: &Value| {
        Ok::<_, Error>(mac(value)?.dashed())
    });
    environment.add_filter("mac_bare", |value: &Value| {
        Ok::<_, Error>(mac(value)?.dashed().replace('-', ""))
    });
    environment.add_filter("mac_dot", mac_dot);
    environment.add_filter("mac_pxe", |value: &Value| {
        Ok::<_, Error>(format!("01-{}", mac(value)?.dashed()))
    });
    environment.add_filter("ip_hex", ip_hex);
    environment.add_filter("grub", quoted);
    environment.add_filter("shell", quoted);
    environment.add_filter("line", |value: &Value| line(value));
    environment.add_filter("word", word);
    environment.add_filter("ipxe", ipxe);
    environment.add_filter("ipxe_line", ipxe_line);
    environment.add_filter("url", |value: &Value| percent(value, false));
    environment.add_filter("url_path", |value: &Value| percent(value, true));
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

/// Text without white space either: it stays one word, of a kernel's command line say.
fn word(value: &Value) -> Result<String, Error> {
    let text = line(value)?;
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        return Err(refuse("is not one word", &text));
    }
    Ok(text)
}

/// One word in single quotes, in which neither GRUB nor a shell sees anything special.
fn quoted(value: &Value) -> Result<String, Error> {
    Ok(format!("'{}'", line(value)?.replace('\'', "'\\''")))
}

/// The rest of a line of iPXE's: `${` would be a setting.
fn ipxe_line(value: &Value) -> Result<String, Error> {
    let text = line(value)?;
    if text.contains("${") {
        return Err(refuse("would be a setting of iPXE's", &text));
    }
    // Between blanks these begin another command.
    if text
        .split_whitespace()
        .any(|word| matches!(word, "||" | "&&" | ";"))
    {
        return Err(refuse("would end the command in iPXE", &text));
    }
    Ok(text)
}

/// One argument of iPXE's, which knows no quotes.
fn ipxe(value: &Value) -> Result<String, Error> {
    word(&Value::from(ipxe_line(value)?))
}

/// Percent-encoding: all but unreserved characters (RFC 3986 section 2.3), slashes too unless they
/// are kept.
fn percent(value: &Value, keep_slashes: bool) -> Result<String, Error> {
    Ok(crate::percent::encode(&text(value)?, keep_slashes))
}
