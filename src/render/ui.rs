//! The two streams: stdout is the answer, stderr the conversation.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::style;

/// What is known of the terminal, and how much is to be told.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Columns to wrap at.
    pub width: usize,
    pub verbose: bool,
    /// Whether a person can answer a question.
    pub interactive: bool,
    /// Whether the conversation goes to a terminal, so that lines may be redrawn.
    pub live: bool,
    /// The answer goes to stderr too: stdout is another program's.
    pub aside: bool,
}

/// The narrowest and the widest that text is set.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=110;

impl Ui {
    /// Returns the interface for this process's streams. `columns` is `$COLUMNS`.
    pub fn new(verbose: bool, columns: Option<&str>) -> Self {
        let told = columns.and_then(|columns| columns.parse().ok());
        let measured = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        let width = told.or_else(measured).unwrap_or(*WIDTHS.end()).clamp(*WIDTHS.start(), *WIDTHS.end());
        let live = std::io::stderr().is_terminal();
        Self { width, verbose, interactive: std::io::stdin().is_terminal() && live, live, aside: false }
    }

    /// Returns the same interface with its answer beside that of another program.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { aside: true, ..self.clone() }
    }

    /// Writes a line of the answer.
    pub fn answer(&self, text: &str) {
        if self.aside {
            return self.say(text);
        }
        write_line(anstream::stdout().lock(), text);
    }

    /// Writes an answer that has its own line ends.
    pub fn print(&self, text: &str) {
        for line in text.lines() {
            self.answer(line);
        }
    }

    /// Begins a page that takes the place of the one before: on a terminal it is cleared, elsewhere a line stands between.
    pub fn page(&self, next: bool) {
        if std::io::stdout().is_terminal() {
            self.answer("\u{1b}[2J\u{1b}[H");
        } else if next {
            self.answer("---");
        }
    }

    /// Writes a line of the conversation.
    pub fn say(&self, text: &str) {
        write_line(anstream::stderr().lock(), text);
    }

    /// Passes on what another program wrote, to the stream that it wrote it to. Returns whether somebody reads it.
    pub fn pass(&self, to_stderr: bool, bytes: &[u8]) -> bool {
        let passed = if to_stderr {
            std::io::stderr().lock().write_all(bytes)
        } else {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        };
        if let Err(error) = &passed {
            tracing::debug!(%error, "nobody reads the output");
        }
        passed.is_ok()
    }

    /// Says what to do next.
    pub fn hint(&self, text: &str) {
        self.say(&format!("{} {text}", style::faint("hint:")));
    }

    /// Says what should be looked at.
    pub fn warning(&self, text: &str) {
        self.say(&format!("{} {text}", style::warn("warning:")));
    }

    /// Returns `text` wrapped to the terminal, every line after the first indented by `indent` columns.
    pub fn wrapped(&self, text: &str, indent: usize) -> String {
        let space = " ".repeat(indent);
        // Ids, paths and URLs are copied from the screen: a hyphen in them is no place to break.
        let options = textwrap::Options::new(self.width)
            .subsequent_indent(&space)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(text, options)
    }
}

/// A reader that closed the pipe has seen enough.
fn write_line(mut stream: impl std::io::Write, text: &str) {
    if let Err(error) = writeln!(stream, "{text}") {
        tracing::debug!(%error, "nobody reads the output");
    }
}

/// Returns an age as people read it: `18 s`, `3 h`, `5 days`.
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5_400 => format!("{} min", (seconds + 30) / 60),
        seconds @ 5_400..172_800 => format!("{} h", (seconds + 1_800) / 3_600),
        seconds => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// Returns a duration as people read it: `18 ms`, `4.6 s`.
pub fn took(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        1_000..100_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}
