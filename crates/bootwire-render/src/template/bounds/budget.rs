//! What the rendering on this thread may still take.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

/// Texts up to this many bytes stand in the value itself.
const SMALL: usize = 22;
/// What a text takes beside its bytes: its counters, and its place in [`Budget::held`].
const OVERHEAD: usize = 32;
/// Written to variables and to the output together, in sizes of the output: what goes through macros
/// or `set` blocks inside each other is written again at each level.
const WRITTEN: usize = 4;
/// Items of lists a rendering may make in any case.
pub(super) const ITEMS_MIN: usize = 250_000;

/// Lists and maps inside each other: going through them takes the thread's stack.
const DEPTH_MAX: usize = 64;

thread_local! {
    static CURRENT: RefCell<Option<Budget>> = const { RefCell::new(None) };
}

struct Budget {
    /// No text may be longer.
    size: usize,
    /// Bytes that can still be written.
    unwritten: usize,
    /// Items of lists that can still be made.
    items: usize,
    /// Texts that were made, those of them that nobody else holds not yet looked for.
    held: Vec<Arc<str>>,
    /// The bytes of `held`.
    bytes: usize,
    exceeded: bool,
}

/// A rendering on this thread; it ends when this is dropped.
pub(in crate::template) struct Rendering {
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Rendering {
    /// Begins one that may write `size` bytes, and make texts no longer than that.
    pub(in crate::template) fn begin(size: usize) -> Self {
        let budget = Budget {
            size,
            unwritten: size.saturating_mul(WRITTEN),
            items: (size / 8).max(ITEMS_MIN),
            held: Vec::new(),
            bytes: 0,
            exceeded: false,
        };
        CURRENT.set(Some(budget));
        Self {
            _thread: PhantomData,
        }
    }

    /// Whether something was refused for its size.
    #[expect(clippy::unused_self, reason = "only while there is a rendering")]
    pub(in crate::template) fn exceeded(&self) -> bool {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|budget| budget.exceeded))
    }
}

impl Drop for Rendering {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl Budget {
    fn refuse(&mut self, what: fmt::Arguments<'_>) -> Error {
        self.exceeded = true;
        Error::new(ErrorKind::InvalidOperation, what.to_string())
    }

    fn room(&mut self, bytes: usize) -> Result<(), Error> {
        let size = self.size;
        if bytes > size {
            return Err(self.refuse(format_args!("makes a text of more than {size} bytes")));
        }
        // Texts nobody holds any more are looked for only when they may add up to something.
        if self.bytes.saturating_add(bytes) > size.saturating_mul(3) {
            self.held.retain(|text| Arc::strong_count(text) > 1);
            self.bytes = self.held.iter().map(|text| text.len() + OVERHEAD).sum();
            if self.bytes.saturating_add(bytes) > size.saturating_mul(2) {
                return Err(self.refuse(format_args!(
                    "holds more than {size} bytes of text in variables"
                )));
            }
        }
        Ok(())
    }
}

/// Outside of a rendering nothing is bounded.
fn with(work: impl FnOnce(&mut Budget) -> Result<(), Error>) -> Result<(), Error> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map_or(Ok(()), work))
}

/// The longest text there may be, in bytes.
pub(super) fn size() -> usize {
    CURRENT.with_borrow(|current| current.as_ref().map_or(usize::MAX, |budget| budget.size))
}

/// Whether a text of so many bytes may be made.
pub(super) fn room(bytes: usize) -> Result<(), Error> {
    with(|budget| budget.room(bytes))
}

/// Remembers a text that was made, for as long as the template holds it.
pub(in crate::template) fn keep(value: Value) -> Result<Value, Error> {
    if value.as_str().is_some_and(|text| text.len() > SMALL)
        && let Some(text) = value.to_str()
    {
        with(|budget| {
            budget.room(text.len())?;
            budget.bytes += text.len() + OVERHEAD;
            budget.held.push(text);
            Ok(())
        })?;
    }
    Ok(value)
}

/// So many bytes are to be written.
pub(super) fn write(bytes: usize) -> Result<(), Error> {
    with(|budget| match budget.unwritten.checked_sub(bytes) {
        Some(left) => {
            budget.unwritten = left;
            Ok(())
        }
        None => {
            let most = budget.size.saturating_mul(WRITTEN);
            Err(budget.refuse(format_args!(
                "writes more than {most} bytes to the output and to variables"
            )))
        }
    })
}

/// A list of so many items is to be made.
pub(super) fn items(count: usize) -> Result<(), Error> {
    with(|budget| match budget.items.checked_sub(count) {
        Some(left) => {
            budget.items = left;
            Ok(())
        }
        None => Err(budget.refuse(format_args!("makes lists of too many items"))),
    })
}

/// An error for what no rendering may do.
pub(super) fn refuse(what: &str) -> Error {
    CURRENT.with_borrow_mut(|current| {
        if let Some(budget) = current {
            budget.exceeded = true;
        }
    });
    Error::new(ErrorKind::InvalidOperation, what.to_owned())
}

/// A value as it is written.
pub(in crate::template) struct Written {
    pub(super) bytes: usize,
    /// How deep its brackets go, at most.
    pub(super) depth: usize,
}

/// How long `value` is when it is written. Takes no memory, and no longer than the longest text.
pub(in crate::template) fn weigh(value: &Value) -> Result<Written, Error> {
    if let Some(text) = value.as_str() {
        return Ok(Written {
            bytes: text.len(),
            depth: 0,
        });
    }
    let mut scales = Scales {
        limit: size(),
        bytes: 0,
        depth: 0,
        deepest: 0,
        quote: None,
        escaped: false,
    };
    if write!(scales, "{value}").is_err() {
        if scales.depth > DEPTH_MAX {
            return Err(refuse("has lists or maps too deep inside each other"));
        }
        room(scales.limit.saturating_add(1))?;
    }
    Ok(Written {
        bytes: scales.bytes,
        depth: scales.deepest,
    })
}

struct Scales {
    limit: usize,
    bytes: usize,
    depth: usize,
    deepest: usize,
    /// In a text that began with this.
    quote: Option<u8>,
    escaped: bool,
}

impl fmt::Write for Scales {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes = self.bytes.saturating_add(text.len());
        for byte in text.bytes() {
            match (self.quote, byte) {
                (Some(_), _) if self.escaped => self.escaped = false,
                (Some(_), b'\\') => self.escaped = true,
                (Some(quote), byte) if byte == quote => self.quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => self.quote = Some(byte),
                (None, b'[' | b'{' | b'(') => self.depth += 1,
                (None, b']' | b'}' | b')') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.deepest = self.deepest.max(self.depth);
        }
        if self.bytes > self.limit || self.depth > DEPTH_MAX {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// A text that grows no longer than a text may be.
pub(super) struct Text {
    text: String,
    limit: usize,
}

impl Text {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            limit: size(),
        }
    }

    /// Adds to it.
    pub(super) fn add(&mut self, what: fmt::Arguments<'_>) -> Result<(), Error> {
        match self.write_fmt(what) {
            Ok(()) => Ok(()),
            Err(_) if self.text.len() >= self.limit => room(self.limit.saturating_add(1)),
            Err(_) => Err(Error::from(ErrorKind::WriteFailure)),
        }
    }

    /// The text, as a value that is remembered.
    pub(super) fn finish(self) -> Result<Value, Error> {
        keep(Value::from(self.text))
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.limit {
            // Remembered as full: what follows does not fit either.
            self.limit = self.text.len();
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
