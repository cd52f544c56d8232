//! Named parameters of a query, put into the form PostgreSQL knows.

use super::SqlError;

/// What a query may ask for, in the order of the positions they get.
pub(super) const NAMES: [&str; 5] = ["mac", "uuid", "serial", "ip", "hostname"];

/// Replaces `:mac`, `:uuid`, `:serial`, `:ip` and `:hostname` by `$1` to `$5`, outside of quotes and
/// comments. `::` is a cast and stays.
pub(super) fn numbered(query: &str) -> Result<String, SqlError> {
    let mut sql = String::with_capacity(query.len() + 16);
    let mut rest = query;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '\'' | '"' => quoted(rest, next)?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest
                .find("*/")
                .map(|end| end + 2)
                .ok_or_else(|| SqlError::Query("a comment does not end".to_owned()))?,
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let name = word(&rest[1..]);
                if name.is_empty() {
                    1
                } else {
                    sql.push_str(position(name)?);
                    rest = &rest[1 + name.len()..];
                    continue;
                }
            }
            other => other.len_utf8(),
        };
        sql.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    Ok(sql)
}

/// Length of the quoted text at the beginning of `rest`, with its quotes. A doubled quote inside
/// reads as two texts side by side, which comes to the same.
fn quoted(rest: &str, quote: char) -> Result<usize, SqlError> {
    let end = rest[1..].find(quote);
    end.map(|end| end + 2)
        .ok_or_else(|| SqlError::Query("a quote does not end".to_owned()))
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

fn position(name: &str) -> Result<&'static str, SqlError> {
    match name {
        "mac" => Ok("$1"),
        "uuid" => Ok("$2"),
        "serial" => Ok("$3"),
        "ip" => Ok("$4"),
        "hostname" => Ok("$5"),
        name => Err(SqlError::Query(format!(
            "no parameter is called :{name}; there are :{}",
            NAMES.join(", :")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_positions_outside_of_quotes_and_comments() {
        for (query, sql) in [
            (
                "select * from m where mac = :mac::macaddr",
                "select * from m where mac = $1::macaddr",
            ),
            (
                "select ':mac', \":ip\" -- :uuid\n, :serial",
                "select ':mac', \":ip\" -- :uuid\n, $3",
            ),
            (
                "select 'it''s :ip' /* :nothing */ where ip=:ip or h = :hostname",
                "select 'it''s :ip' /* :nothing */ where ip=$4 or h = $5",
            ),
            ("select a[1 : 2], ü", "select a[1 : 2], ü"),
        ] {
            assert_eq!(numbered(query).unwrap(), sql);
        }
        for (query, what) in [
            ("select :hwaddr", "no parameter is called :hwaddr"),
            ("select 'x", "a quote does not end"),
            ("select /* x", "a comment does not end"),
        ] {
            let error = numbered(query).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "[:'\"/*\\- a-zü\n]{0,40}") {
            let _ = numbered(&query);
        }
    }
}
