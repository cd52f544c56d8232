//! Values without their quotes, which a TOML parser takes for numbers, dates and worse.

use std::ops::Range;

/// The line that this byte is in.
pub(super) fn line(text: &str, at: usize) -> Range<usize> {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}

/// What to write instead, if the value that cannot be read at this byte lacks something simple. The
/// value itself is not repeated: it may be a secret.
pub(super) fn advice(text: &str, at: usize) -> Option<String> {
    let line = line(text, at);
    let (key, value) = match text[line.clone()].split_once('=') {
        Some((key, value)) if at >= line.start + key.len() => (Some(key.trim()), value),
        Some(_) => return None,
        None => (None, &text[line.clone()]),
    };
    let value = value.trim();
    let word = value.split('#').next().unwrap_or_default().trim();
    let Some(key) = key.filter(|key| is_key(key)) else {
        // A list of several lines.
        let before = text[..line.start].lines().rev();
        let opened = before.filter_map(|line| line.split_once('=')).next();
        let is_list = opened
            .is_some_and(|(_, value)| value.trim_start().starts_with('[') && !value.contains(']'));
        let is_item = is_list && is_text(word.trim_end_matches([',', ']']));
        return is_item.then(|| "texts go in quotes: \"...\"".to_owned());
    };
    if let Some(quote) = value
        .chars()
        .next()
        .filter(|first| ['"', '\''].contains(first))
    {
        let is_closed = value[1..].contains(quote);
        return (!is_closed)
            .then(|| format!("the quote is not closed: write {key} = {quote}...{quote}"));
    }
    match word {
        "" => Some(format!(
            "{key:?} has no value: write one, or leave the line out"
        )),
        "yes" | "on" | "True" | "TRUE" => Some(format!("write {key} = true")),
        "no" | "off" | "False" | "FALSE" => Some(format!("write {key} = false")),
        // An IPv6 address and its port are no list.
        address if address.starts_with('[') && address.contains("]:") && !address.contains(',') => {
            Some(format!("a text goes in quotes: write {key} = \"...\""))
        }
        list if list.starts_with('[') => {
            let items = list.trim_matches(['[', ']']).split(',');
            let mut bare = items.map(str::trim).filter(|item| is_text(item));
            let found = bare.next().is_some();
            found.then(|| format!("texts in a list go in quotes: write {key} = [\"...\", \"...\"]"))
        }
        table if table.starts_with('{') => {
            let values = table.trim_matches(['{', '}']).split(',');
            let mut values = values.filter_map(|pair| pair.split_once('='));
            let found = values.any(|(_, value)| is_text(value.trim()));
            found.then(|| "texts go in quotes: write { name = \"...\" }".to_owned())
        }
        bare if is_text(bare) => Some(format!("a text goes in quotes: write {key} = \"...\"")),
        _ => None,
    }
}

fn is_key(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.\"'".contains(&byte);
    !key.is_empty() && key.bytes().all(is_letter)
}

/// Whether a value without quotes can only have been meant as a text.
fn is_text(value: &str) -> bool {
    let is_quoted = value.starts_with(['"', '\'', '[', '{']);
    let is_word = value != "true"
        && value != "false"
        && value.contains(|letter: char| {
            letter.is_alphabetic() || [':', '/', '@', '*'].contains(&letter)
        });
    // Addresses, and ranges of ports.
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = value.matches('.').count() > 1;
    let is_range = value
        .split_once('-')
        .is_some_and(|(a, b)| is_number(a) && is_number(b));
    !is_quoted && (is_word || is_address || is_range)
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn told(text: &str) -> Vec<String> {
        let (_, problems) = parse(text, 0);
        problems.into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn what_lacks_its_quotes_is_told() {
        for (text, advice) in [
            ("listen = 127.0.0.1:7002", "listen = \"...\""),
            ("listen = 127.0.0.1", "listen = \"...\""),
            ("listen = [::]:69", "listen = \"...\""),
            (
                "listen = [0.0.0.0:69, [::]:69]",
                "listen = [\"...\", \"...\"]",
            ),
            (
                "listen = [\n  \"0.0.0.0:69\",\n  10.0.0.1:69,\n]",
                "texts go in quotes",
            ),
            ("allow = 10.0.0.0/8 # ours", "allow = \"...\""),
            ("allow = fd00::/8", "allow = \"...\""),
            (
                "allow = [10.0.0.0/8, \"fd00::/8\"]",
                "allow = [\"...\", \"...\"]",
            ),
            ("log = json", "log = \"...\""),
            ("give_up = 60s", "give_up = \"...\""),
            ("ports = 5000-5010", "ports = \"...\""),
            ("max = 20 GiB", "max = \"...\""),
            ("user = nobody", "user = \"...\""),
            ("dir = /srv/tftp", "dir = \"...\""),
            ("url = http://host/?a=b", "url = \"...\""),
            ("headers = { name = value }", "{ name = \"...\" }"),
            ("single_port = yes", "write single_port = true"),
            ("single_port = False", "write single_port = false"),
            ("key =", "\"key\" has no value"),
            ("listen = '127.0.0.1:69", "the quote is not closed"),
        ] {
            let found = told(text);
            assert!(found[0].contains(advice), "{text}: {found:?}");
            assert!(!found[0].contains("127"), "{text}: it may be a secret");
        }
        // The others have one mistake each.
        assert_eq!(told("a = b\nlisten = [::]:69\nc = 1\n").len(), 2);
    }

    #[test]
    fn other_mistakes_are_told_as_they_are() {
        for text in [
            "a b = 1",
            "x = 1_",
            "x = 0x",
            "[table",
            "x = \"a\" \"b\"",
            "= 1",
            "x",
        ] {
            let found = told(text);
            assert!(!found.is_empty(), "{text}");
            assert!(!found[0].contains("quotes:"), "{text}: {found:?}");
        }
    }
}
